"""Expectations on a batch's rows against what else is known: the symbol, the store, the minute."""

import operator
from collections import defaultdict
from decimal import Decimal
from typing import Any, ClassVar

import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (  # noqa: E501 - GX's path
    multicolumn_condition_partial,
)

from include.gx.rows import RowExpectation, RowMetric, judge, read_column


class ExpectSymbolsToBeThoseAskedFor(gxe.ExpectColumnValuesToBeInSet):
    """Expect no row of a symbol that was not asked for."""

    column: str = "symbol"


STORED = [
    "stored_high",
    "stored_low",
    "stored_volume",
    "stored_quote_volume",
    "stored_trade_count",
]


class NotShrunkMetric(RowMetric):
    """True where a row says no less than what is stored of the same moment."""

    condition_metric_name = "multicolumn_values.refetched_row_not_shrunk"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge(
            column_list,
            lambda row: (
                (row["high"] >= row["stored_high"])
                & (row["low"] <= row["stored_low"])
                & (row["volume"] >= row["stored_volume"])
                & (row["quote_volume"] >= row["stored_quote_volume"])
                & (row["trade_count"] >= row["stored_trade_count"])
            ),
            # A moment without a trade repeats the price before it, which says nothing of its own.
            only=column_list["stored_trade_count"].map(bool),
        )


class ExpectRefetchedRowsNotToShrink(RowExpectation):
    """Expect a row that is stored already to have gained trades since, or none."""

    map_metric: ClassVar[str] = NotShrunkMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        "high",
        "low",
        "volume",
        "quote_volume",
        "trade_count",
        *STORED,
    ]


PRICE_BEFORE = "price_before"


def silent_rows_hold(rows: Any) -> list[bool]:  # noqa: ANN401 - columns of decimals
    """Return for each row whether, without trades, it is flat at the price of the last trade.

    That price is the close of the last row with trades, as long as no row is missing in between;
    where the batch has none, what is stored just before; where that is not known either, silent
    rows that differ from one another are all bad, for which is right cannot be told.

    Args:
        rows: Numbers, in any order: times, prices, volume and trade count, and what is stored as
            the close of the interval before.
    """
    good = pd.Series(data=True, index=rows.index)
    unproven: dict[Any, Decimal] = {}

    def settle() -> None:
        if len(set(unproven.values())) > 1:
            good[[*unproven]] = False
        unproven.clear()

    price: Decimal | None = None
    next_ms: int | None = None
    for row in rows.sort_values("open_time_ms", kind="stable").itertuples():
        if row.open_time_ms != next_ms:
            settle()
            price = row.price_before
        next_ms = row.open_time_ms + row.interval_ms
        if row.volume or row.trade_count:
            settle()
            is_plausible = 0 < row.low <= row.close <= row.high
            price = row.close if is_plausible else None
        elif not row.open == row.high == row.low == row.close:
            good[row.Index] = False
        elif price is None:
            unproven[row.Index] = row.close
        else:
            good[row.Index] = row.close == price
    settle()
    return good.tolist()


class SilentRowsMetric(RowMetric):
    """True where a row without trades repeats the price of the last one."""

    condition_metric_name = "multicolumn_values.silent_rows_repeat_last_price"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        before: pd.Series[Any] = pd.Series(
            read_column(PRICE_BEFORE, column_list[PRICE_BEFORE].tolist()),
            index=column_list.index,
            dtype=object,
        )
        return judge(
            column_list.drop(columns=PRICE_BEFORE),
            lambda row: pd.Series(
                silent_rows_hold(row.assign(price_before=before[row.index])), index=row.index
            ),
        )


class ExpectSilentRowsToRepeatTheLastPrice(RowExpectation):
    """Expect a row without trades to be flat at the price of the last trade."""

    map_metric: ClassVar[str] = SilentRowsMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        "open_time_ms",
        "interval_ms",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "trade_count",
        PRICE_BEFORE,
    ]


SUMMED = ["volume", "quote_volume", "trade_count"]
OF_MINUTE = [f"minute_{name}" for name in SUMMED]


def sums_by_minute(row: Any) -> list[tuple[Decimal, ...]]:  # noqa: ANN401 - columns of decimals
    """Return for each second what the seconds of its minute come to together."""
    minutes = [time // 60_000 for time in row["open_time_ms"]]
    sums: dict[int, tuple[Decimal, ...]] = defaultdict(lambda: (Decimal(0),) * len(SUMMED))
    for minute, amounts in zip(minutes, row[SUMMED].to_numpy(), strict=True):
        sums[minute] = tuple(map(operator.add, sums[minute], amounts))
    return [sums[minute] for minute in minutes]


class PartsOfMinuteMetric(RowMetric):
    """True unless two seconds of a minute are each all that the exchange says of the minute."""

    condition_metric_name = "multicolumn_values.seconds_are_parts_of_minute"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        def is_good(row: Any) -> Any:  # noqa: ANN401 - columns of decimals
            is_all = row["trade_count"].gt(0) & pd.Series(
                (row[SUMMED].to_numpy() >= row[OF_MINUTE].to_numpy()).all(axis=1), index=row.index
            )
            return ~is_all | is_all.groupby(row["open_time_ms"] // 60_000).transform("sum").eq(1)

        # A minute that says nothing of trades says nothing of their parts either.
        return judge(column_list, is_good, only=column_list["minute_trade_count"].map(bool))


class ExpectSecondsToBePartsOfTheirMinute(RowExpectation):
    """Expect no two seconds of a minute that are each all the exchange says of the minute."""

    map_metric: ClassVar[str] = PartsOfMinuteMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        "open_time_ms",
        *SUMMED,
        *OF_MINUTE,
    ]


class AddUpMetric(RowMetric):
    """True where all sixty seconds of a minute come to the exchange's own minute exactly."""

    condition_metric_name = "multicolumn_values.seconds_add_up"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        minute = column_list["open_time_ms"].map(
            lambda time: time // 60_000 if isinstance(time, int) else None
        )
        is_whole = column_list.groupby(minute)["volume"].transform("size").eq(60)
        return judge(
            column_list,
            lambda row: pd.Series(
                [
                    sums == tuple(said)
                    for sums, said in zip(
                        sums_by_minute(row), row[OF_MINUTE].to_numpy(), strict=True
                    )
                ],
                index=row.index,
            ),
            only=column_list["minute_volume"].notna() & is_whole,
        )


class ExpectSecondsToAddUpToTheirMinute(RowExpectation):
    """Expect sixty seconds to come to the exchange's own minute, to the last digit."""

    map_metric: ClassVar[str] = AddUpMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        "open_time_ms",
        *SUMMED,
        *OF_MINUTE,
    ]
