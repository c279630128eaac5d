"""Expectations on a kline row that Great Expectations does not bring itself.

Each judges a row by its own columns; a row with a missing value is left to
ExpectRowsToBeWellFormed.
"""

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

    ignore_row_if: Literal["all_values_are_missing", "any_value_is_missing", "never"] = (
        "any_value_is_missing"
    )


class WellFormedMetric(RowMetric):
    """True where every column could be parsed."""

    condition_metric_name = "multicolumn_values.well_formed"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return column_list.notna().all(axis=1)


class ExpectRowsToBeWellFormed(RowExpectation):
    """Expect every value of a row to be a plain decimal or integer, as documented."""

    map_metric: ClassVar[str] = WellFormedMetric.condition_metric_name
    ignore_row_if: Literal["all_values_are_missing", "any_value_is_missing", "never"] = "never"


class OnGridMetric(RowMetric):
    """True where the first column is a multiple of the second."""

    condition_metric_name = "multicolumn_values.open_time_on_grid"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return column_list["open_time_ms"] % column_list["interval_ms"] == 0


class ExpectOpenTimeToBeOnGrid(RowExpectation):
    """Expect a kline to open on a whole interval since the epoch."""

    map_metric: ClassVar[str] = OnGridMetric.condition_metric_name
    column_list: list[str] = ["open_time_ms", "interval_ms"]  # noqa: RUF012 - a pydantic field


class CloseTimeMetric(RowMetric):
    """True where the kline ends one millisecond before the next one opens."""

    condition_metric_name = "multicolumn_values.close_time_ends_interval"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        ends_ms = column_list["open_time_ms"] + column_list["interval_ms"] - 1
        return column_list["close_time_ms"] == ends_ms


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
        return column_list["close_time_ms"] < column_list["fetched_at_ms"]


class ExpectKlineToBeClosed(RowExpectation):
    """Expect a kline to have been over, by the exchange's clock, when it was fetched."""

    map_metric: ClassVar[str] = ClosedMetric.condition_metric_name
    column_list: list[str] = ["close_time_ms", "fetched_at_ms"]  # noqa: RUF012 - a pydantic field


class PriceOrderMetric(RowMetric):
    """True where 0 < low <= open, close <= high."""

    condition_metric_name = "multicolumn_values.prices_in_order"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        low, high = column_list["low"], column_list["high"]
        inner = column_list[["open", "close"]]
        return (low > 0) & (low <= inner.min(axis=1)) & (inner.max(axis=1) <= high)


class ExpectPricesToBeInOrder(RowExpectation):
    """Expect 0 < low <= open and close <= high."""

    map_metric: ClassVar[str] = PriceOrderMetric.condition_metric_name
    column_list: list[str] = PRICES


class TickGridMetric(RowMetric):
    """True where each price is a multiple of the tick."""

    condition_metric_name = "multicolumn_values.prices_on_tick_grid"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        tick = column_list["tick_size"]
        on_grid = [column_list[name] % tick == 0 for name in PRICES]
        return pd.concat(on_grid, axis=1).all(axis=1)


class ExpectPricesToBeOnTickGrid(RowExpectation):
    """Expect every price to be a multiple of the symbol's tick size."""

    map_metric: ClassVar[str] = TickGridMetric.condition_metric_name
    column_list: list[str] = [*PRICES, "tick_size"]  # noqa: RUF012 - a pydantic field


class VwapMetric(RowMetric):
    """True where quote volume / volume lies within the traded prices, a tick aside."""

    condition_metric_name = "multicolumn_values.vwap_within_prices"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        volume, quote_volume = column_list["volume"], column_list["quote_volume"]
        tick = column_list["tick_size"]
        # Multiplied instead of divided: exact, and a volume of zero passes with none paid.
        at_least = (column_list["low"] - tick) * volume <= quote_volume
        at_most = quote_volume <= (column_list["high"] + tick) * volume
        return at_least & at_most


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
        whole = column_list[["volume", "quote_volume", "trade_count"]]
        all_zero, all_positive = (whole == 0).all(axis=1), (whole > 0).all(axis=1)
        taker, taker_quote = column_list["taker_volume"], column_list["taker_quote_volume"]
        is_part = (
            (taker >= 0)
            & (taker <= column_list["volume"])
            & (taker_quote >= 0)
            & (taker_quote <= column_list["quote_volume"])
        )
        return (all_zero | all_positive) & is_part


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
