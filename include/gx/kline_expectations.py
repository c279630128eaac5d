"""Expectations on a kline row that Great Expectations does not include.

A table holds the exchange's data unchanged, prices as text: results show every digit. Each
expectation validates a row by its own columns; only ExpectRowsToBeWellFormed fails a row that
cannot be read.
"""

from decimal import Decimal
from typing import ClassVar

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (  # noqa: E501 - GX's path
    multicolumn_condition_partial,
)

from include.gx.rows import RowExpectation, RowMetric, judge, lies_within_prices, well_formed
from include.records.prices import PRICES

# Milliseconds since the epoch have 13 digits until 2286; these have 16, and 10.
MICROSECONDS, SECONDS = (10**15, 10**17), (10**9, 10**10)


class MillisecondsMetric(RowMetric):
    """True unless a time is clearly in seconds or microseconds."""

    condition_metric_name = "multicolumn_values.times_in_milliseconds"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge(
            column_list,
            lambda row: (
                ~row.map(
                    lambda time: any(low <= time < high for low, high in (MICROSECONDS, SECONDS))
                ).any(axis=1)
            ),
        )


class ExpectTimesToBeMilliseconds(RowExpectation):
    """Expect times in milliseconds (13 digits), not microseconds or seconds."""

    map_metric: ClassVar[str] = MillisecondsMetric.condition_metric_name
    column_list: list[str] = ["open_time_ms", "close_time_ms"]  # noqa: RUF012 - a pydantic field


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
    """True where the open time is a multiple of the interval."""

    condition_metric_name = "multicolumn_values.open_time_on_grid"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge(column_list, lambda row: row["open_time_ms"] % row["interval_ms"] == 0)


class ExpectOpenTimeToBeOnGrid(RowExpectation):
    """Expect the open time to be a whole number of intervals since the epoch."""

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
    """Expect the kline to have closed, by the exchange's clock, before it was fetched."""

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
    column_list: list[str] = [*PRICES]  # noqa: RUF012 - a pydantic field


class TickGridMetric(RowMetric):
    """True where each price is a multiple of the tick."""

    condition_metric_name = "multicolumn_values.prices_on_tick_grid"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge(
            column_list,
            # A tick of zero: there is no such rule, or the one in force then is unknown.
            lambda row: (
                row["tick_size"].eq(0)
                | row[[*PRICES]]
                .mod(row["tick_size"].where(row["tick_size"] != 0, Decimal(1)), axis=0)
                .eq(0)
                .all(axis=1)
            ),
        )


class ExpectPricesToBeOnTickGrid(RowExpectation):
    """Expect every price to be a multiple of the exchange's current tick."""

    map_metric: ClassVar[str] = TickGridMetric.condition_metric_name
    column_list: list[str] = [*PRICES, "tick_size"]  # noqa: RUF012 - a pydantic field


class VwapMetric(RowMetric):
    """True where quote volume / volume is within the traded prices, apart from truncation."""

    condition_metric_name = "multicolumn_values.vwap_within_prices"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge(
            column_list,
            lambda row: lies_within_prices(row, row["quote_volume"]),
        )


class ExpectVwapToBeWithinPrices(RowExpectation):
    """Expect low <= quote volume / volume <= high; n trades may be off by n steps of 1e-8."""

    map_metric: ClassVar[str] = VwapMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        "low",
        "high",
        "volume",
        "quote_volume",
        "trade_count",
    ]


class VolumeMetric(RowMetric):
    """True where a kline has both volume and trades, or neither and no quote volume."""

    condition_metric_name = "multicolumn_values.volumes_agree"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge(
            column_list,
            # A traded amount below 1e-8 is truncated to zero.
            lambda row: (
                row["volume"].gt(0).eq(row["trade_count"].gt(0))
                & (row["volume"].gt(0) | row["quote_volume"].eq(0))
                & (row["taker_volume"] <= row["volume"])
                & (row["taker_quote_volume"] <= row["quote_volume"])
            ),
        )


class ExpectVolumesToAgree(RowExpectation):
    """Expect volume with trades, or neither and no quote volume; takers' amounts at most that."""

    map_metric: ClassVar[str] = VolumeMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        "volume",
        "quote_volume",
        "trade_count",
        "taker_volume",
        "taker_quote_volume",
    ]
