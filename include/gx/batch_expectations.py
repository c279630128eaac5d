"""Expectations that compare a batch's rows with one another, the store and the minute."""

import operator
from collections import Counter, defaultdict
from decimal import Decimal
from itertools import compress
from typing import Any, ClassVar

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (  # noqa: E501 - GX's path
    multicolumn_condition_partial,
)

from include.gx.levels import REQUESTED
from include.gx.rows import RowExpectation, RowMetric, judge, read_column

STORED = [
    "stored_high",
    "stored_low",
    "stored_volume",
    "stored_quote_volume",
    "stored_trade_count",
]


class NotShrunkMetric(RowMetric):
    """True where a row has no less than the stored row of the same moment."""

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
            # A moment without a trade only repeats the previous price.
            only=column_list["stored_trade_count"].map(bool),
        )


class ExpectRefetchedRowsNotToShrink(RowExpectation):
    """Expect a row that is already stored to have gained trades since, or not to have changed."""

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
    """Return for each row whether, if it has no trades, it is flat at the last trade's price.

    That price is the close of the last row with trades, as long as no row is missing in between;
    if the batch has none, the close stored just before; if that is unknown too, silent rows that
    differ from one another are all bad, since it is unclear which is right.

    Args:
        rows: Of one symbol, numbers, in any order: times, prices, volume and trade count, and the
            stored close of the previous interval.
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
    """True where a row without trades repeats the last trade's price."""

    condition_metric_name = "multicolumn_values.silent_rows_repeat_last_price"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        before: pd.Series[Any] = pd.Series(
            read_column(PRICE_BEFORE, column_list[PRICE_BEFORE].tolist()),
            index=column_list.index,
            dtype=object,
        )

        def is_good(row: Any) -> "pd.Series[bool]":  # noqa: ANN401 - columns of decimals
            good = pd.Series(data=True, index=row.index)
            for _, of_symbol in row.assign(price_before=before[row.index]).groupby(REQUESTED):
                good[of_symbol.index] = silent_rows_hold(of_symbol)
            return good

        return judge(column_list.drop(columns=PRICE_BEFORE), is_good)


class ExpectSilentRowsToRepeatTheLastPrice(RowExpectation):
    """Expect a row without trades to be flat at the last trade's price."""

    map_metric: ClassVar[str] = SilentRowsMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        REQUESTED,
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


def minutes_of(row: Any) -> list[tuple[str, int]]:  # noqa: ANN401 - columns of decimals
    """Return for each second the requested symbol and the minute since the epoch."""
    return [
        (symbol, time // 60_000)
        for symbol, time in zip(row[REQUESTED], row["open_time_ms"], strict=True)
    ]


def sums_by_minute(row: Any) -> list[tuple[Decimal, ...]]:  # noqa: ANN401 - columns of decimals
    """Return for each second the sums over all seconds of its symbol and minute."""
    minutes = minutes_of(row)
    sums: dict[tuple[str, int], tuple[Decimal, ...]] = defaultdict(
        lambda: (Decimal(0),) * len(SUMMED)
    )
    for minute, amounts in zip(minutes, row[SUMMED].to_numpy(), strict=True):
        sums[minute] = tuple(map(operator.add, sums[minute], amounts))
    return [sums[minute] for minute in minutes]


class PartsOfMinuteMetric(RowMetric):
    """True unless two seconds of a minute each have at least the exchange's whole minute."""

    condition_metric_name = "multicolumn_values.seconds_are_parts_of_minute"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        def is_good(row: Any) -> Any:  # noqa: ANN401 - columns of decimals
            is_all = row["trade_count"].gt(0) & pd.Series(
                (row[SUMMED].to_numpy() >= row[OF_MINUTE].to_numpy()).all(axis=1), index=row.index
            )
            count = Counter(compress(minutes_of(row), is_all))
            return ~is_all | pd.Series([count[each] for each in minutes_of(row)], row.index).eq(1)

        # A minute without trades cannot be compared with its seconds here.
        return judge(column_list, is_good, only=column_list["minute_trade_count"].map(bool))


class ExpectSecondsToBePartsOfTheirMinute(RowExpectation):
    """Expect no two seconds of a minute to each equal the exchange's whole minute or exceed it."""

    map_metric: ClassVar[str] = PartsOfMinuteMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        REQUESTED,
        "open_time_ms",
        *SUMMED,
        *OF_MINUTE,
    ]


class AddUpMetric(RowMetric):
    """True where all sixty seconds of a minute add up exactly to the exchange's own minute."""

    condition_metric_name = "multicolumn_values.seconds_add_up"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        minute = column_list["open_time_ms"].map(
            lambda time: time // 60_000 if isinstance(time, int) else None
        )
        is_whole = column_list.groupby([REQUESTED, minute])["volume"].transform("size").eq(60)
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
    """Expect sixty seconds to add up to the exchange's own minute, to the last digit."""

    map_metric: ClassVar[str] = AddUpMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        REQUESTED,
        "open_time_ms",
        *SUMMED,
        *OF_MINUTE,
    ]
