"""Expectations on a kline row that Great Expectations does not bring itself.

A table holds what the exchange sent, prices as text: results show it to the last digit. Each
expectation judges a row by its own columns; a row that cannot be read is left to
ExpectRowsToBeWellFormed.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import ClassVar, Literal

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import MulticolumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import (
    MulticolumnMapMetricProvider,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (  # noqa: E501 - GX's path
    multicolumn_condition_partial,
)

PRICES = ["open", "high", "low", "close"]
# Binance sends at most 8 decimals; 20 digits before them hold any volume it has ever had.
PLAIN_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,8})?")


def is_plain(name: str, value: object) -> bool:
    """Tell whether a cell is written as documented: times and counts int, all else digits."""
    if name.endswith("_ms") or name == "trade_count":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str) and PLAIN_DECIMAL.fullmatch(value) is not None


def well_formed(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Return for each row whether every cell is written as documented."""
    return pd.Series(
        [all(map(is_plain, rows.columns, row)) for row in rows.itertuples(index=False, name=None)],
        index=rows.index,
        dtype=bool,
    )


def judge(
    rows: pd.DataFrame, is_good: Callable[[pd.DataFrame], "pd.Series[bool]"]
) -> "pd.Series[bool]":
    """Judge the rows that can be read, as exact numbers; the others pass here."""
    readable = well_formed(rows)
    numbers = rows[readable].apply(
        lambda column: column if column.name.endswith("_ms") else column.map(Decimal)
    )
    verdict = pd.Series(data=True, index=rows.index)
    if len(numbers):
        verdict[readable] = is_good(numbers).to_numpy(dtype=bool)
    return verdict


class RowMetric(MulticolumnMapMetricProvider):
    """What every metric below has in common."""

    condition_domain_keys = (
        "batch_id",
        "table",
        "column_list",
        "row_condition",
        "condition_parser",
        "ignore_row_if",
    )


class RowExpectation(MulticolumnMapExpectation):
    """What every expectation below has in common."""

    ignore_row_if: Literal["all_values_are_missing", "any_value_is_missing", "never"] = "never"


class WellFormedMetric(RowMetric):
    """True where every column could be parsed."""

    condition_metric_name = "multicolumn_values.well_formed"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return well_formed(column_list)


class ExpectRowsToBeWellFormed(RowExpectation):
    """Expect every value of a row to be a plain decimal or integer, as documented."""

    map_metric: ClassVar[str] = WellFormedMetric.condition_metric_name


class OnGridMetric(RowMetric):
    """True where the first column is a multiple of the second."""

    condition_metric_name = "multicolumn_values.open_time_on_grid"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge(column_list, lambda row: row["open_time_ms"] % row["interval_ms"] == 0)


class ExpectOpenTimeToBeOnGrid(RowExpectation):
    """Expect a kline to open on a whole interval since the epoch."""

    map_metric: ClassVar[str] = OnGridMetric.condition_metric_name
    column_list: list[str] = ["open_time_ms", "interval_ms"]  # noqa: RUF012 - a pydantic field


class CloseTimeMetric(RowMetric):
    """True where the kline ends one millisecond before the next one opens."""

    condition_metric_name = "multicolumn_values.close_time_ends_interval"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge(
            column_list,
            lambda row: row["close_time_ms"] == row["open_time_ms"] + row["interval_ms"] - 1,
        )


class ExpectCloseTimeToEndInterval(RowExpectation):
    """Expect close time = open time + interval - 1 ms."""

    map_metric: ClassVar[str] = CloseTimeMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        "open_time_ms",
        "close_time_ms",
        "interval_ms",
    ]


class ClosedMetric(RowMetric):
    """True where the kline was over when it was fetched."""

    condition_metric_name = "multicolumn_values.closed_when_fetched"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge(column_list, lambda row: row["close_time_ms"] < row["fetched_at_ms"])


class ExpectKlineToBeClosed(RowExpectation):
    """Expect a kline to have been over, by the exchange's clock, when it was fetched."""

    map_metric: ClassVar[str] = ClosedMetric.condition_metric_name
    column_list: list[str] = ["close_time_ms", "fetched_at_ms"]  # noqa: RUF012 - a pydantic field


class PriceOrderMetric(RowMetric):
    """True where 0 < low <= open, close <= high."""

    condition_metric_name = "multicolumn_values.prices_in_order"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge(
            column_list,
            lambda row: (
                (row["low"] > 0)
                & (row["low"] <= row[["open", "close"]].min(axis=1))
                & (row[["open", "close"]].max(axis=1) <= row["high"])
            ),
        )


class ExpectPricesToBeInOrder(RowExpectation):
    """Expect 0 < low <= open and close <= high."""

    map_metric: ClassVar[str] = PriceOrderMetric.condition_metric_name
    column_list: list[str] = PRICES


class TickGridMetric(RowMetric):
    """True where each price is a multiple of the tick."""

    condition_metric_name = "multicolumn_values.prices_on_tick_grid"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge(
            column_list,
            # A tick of zero is Binance's way to say that there is no such rule.
            lambda row: (
                row["tick_size"].eq(0)
                | row[PRICES]
                .mod(row["tick_size"].where(row["tick_size"] != 0, Decimal(1)), axis=0)
                .eq(0)
                .all(axis=1)
            ),
        )


class ExpectPricesToBeOnTickGrid(RowExpectation):
    """Expect every price to be a multiple of the symbol's tick size."""

    map_metric: ClassVar[str] = TickGridMetric.condition_metric_name
    column_list: list[str] = [*PRICES, "tick_size"]  # noqa: RUF012 - a pydantic field


class VwapMetric(RowMetric):
    """True where quote volume / volume lies within the traded prices, a tick aside."""

    condition_metric_name = "multicolumn_values.vwap_within_prices"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge(
            column_list,
            # Multiplied instead of divided: exact, and a volume of zero passes with none paid.
            lambda row: (
                ((row["low"] - row["tick_size"]) * row["volume"] <= row["quote_volume"])
                & (row["quote_volume"] <= (row["high"] + row["tick_size"]) * row["volume"])
            ),
        )


class ExpectVwapToBeWithinPrices(RowExpectation):
    """Expect low - tick <= quote volume / volume <= high + tick."""

    map_metric: ClassVar[str] = VwapMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        "low",
        "high",
        "volume",
        "quote_volume",
        "tick_size",
    ]


class VolumeMetric(RowMetric):
    """True where volumes and the trade count are zero together or positive together."""

    condition_metric_name = "multicolumn_values.volumes_agree"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        whole = ["volume", "quote_volume", "trade_count"]
        return judge(
            column_list,
            lambda row: (
                (row[whole].eq(0).all(axis=1) | row[whole].gt(0).all(axis=1))
                & (row["taker_volume"] <= row["volume"])
                & (row["taker_quote_volume"] <= row["quote_volume"])
            ),
        )


class ExpectVolumesToAgree(RowExpectation):
    """Expect volume, quote volume and trade count to be zero together; takers' part of them."""

    map_metric: ClassVar[str] = VolumeMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        "volume",
        "quote_volume",
        "trade_count",
        "taker_volume",
        "taker_quote_volume",
    ]
