"""Expectations on a published minute: source level, flag and value agree.

A table holds the minutes as text, null where there is no value. Each expectation validates a
row by its own columns.
"""

from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any, ClassVar

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (  # noqa: E501 - GX's path
    multicolumn_condition_partial,
)

from include.gx.rows import RowExpectation, RowMetric, lies_within_prices
from include.records.decimals import EXACT
from include.records.prices import PRICES, VALUED_FLAGS, Flag

# The rows of the method's table (docs/method.md).
FLAG_OF_LEVEL = {
    1: Flag.OK,
    2: Flag.OK,
    3: Flag.PARTIAL,
    4: Flag.NO_TRADES,
    5: Flag.HALTED,
    6: Flag.EXCHANGE_OUTAGE,
    7: Flag.SOURCE_GAP,
    8: Flag.INGEST_GAP,
}
RECONCILED_LEVEL = 1
VWAP_STEP = Decimal("1e-12")
VALUES = ["vwap", *PRICES, "volume", "quote_volume", "trade_count"]


def judge_valued(
    rows: pd.DataFrame, is_good: Callable[[Any], "pd.Series[bool]"]
) -> "pd.Series[bool]":
    """Validate rows that have every amount, as exact numbers; the others pass here."""
    held = rows[rows.notna().all(axis=1)].map(lambda value: Decimal(str(value)))
    with localcontext(EXACT):
        verdict = is_good(held) if len(held) else pd.Series(dtype=bool)
    return verdict.reindex(rows.index, fill_value=True).astype(bool)


class LevelFlagMetric(RowMetric):
    """True where the flag matches the source level, and level 1 is complete and reconciled."""

    condition_metric_name = "multicolumn_values.level_agrees_with_flag"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        level = column_list["source_level"]
        is_whole = column_list["coverage"].map(Decimal).eq(1) & column_list["is_reconciled"].eq(
            other=True
        )
        return level.map(FLAG_OF_LEVEL).eq(column_list["flag"]) & (
            level.ne(RECONCILED_LEVEL) | is_whole
        )


class ExpectLevelToAgreeWithFlag(RowExpectation):
    """Expect the flag to match the source level; level 1 has sixty seconds that reconcile."""

    map_metric: ClassVar[str] = LevelFlagMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        "source_level",
        "flag",
        "coverage",
        "is_reconciled",
    ]


class ValueFlagMetric(RowMetric):
    """True where there is a value exactly when the flag says so."""

    condition_metric_name = "multicolumn_values.value_agrees_with_flag"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return column_list["vwap"].notna().eq(column_list["flag"].isin(VALUED_FLAGS))


class ExpectValueToAgreeWithFlag(RowExpectation):
    """Expect a value under OK and PARTIAL, and none under any other flag."""

    map_metric: ClassVar[str] = ValueFlagMetric.condition_metric_name
    column_list: list[str] = ["vwap", "flag"]  # noqa: RUF012 - a pydantic field


class SilentMinuteMetric(RowMetric):
    """True unless a minute without a value has prices, volume or trades."""

    condition_metric_name = "multicolumn_values.silent_minute_holds_nothing"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        holds_nothing = column_list[["open", "high", "low", "close"]].isna().all(axis=1)
        for name in ("volume", "quote_volume", "trade_count"):
            holds_nothing &= column_list[name].map(
                lambda value: value is None or not Decimal(str(value))
            )
        return column_list["vwap"].notna() | holds_nothing


class ExpectSilentMinutesToHoldNothing(RowExpectation):
    """Expect no prices, volume or trades where there is no value."""

    map_metric: ClassVar[str] = SilentMinuteMetric.condition_metric_name
    column_list: list[str] = VALUES


class MinuteVwapMetric(RowMetric):
    """True where low <= vwap <= high, apart from the rounding of the exchange's amounts."""

    condition_metric_name = "multicolumn_values.minute_vwap_within_prices"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge_valued(
            column_list,
            lambda row: lies_within_prices(
                row, row["vwap"] * row["volume"], slack=row["volume"] * VWAP_STEP
            ),
        )


class ExpectMinuteVwapToBeWithinPrices(RowExpectation):
    """Expect low <= vwap <= high; amounts have 8 decimals, so n trades may be off by n steps."""

    map_metric: ClassVar[str] = MinuteVwapMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        "vwap",
        "low",
        "high",
        "volume",
        "trade_count",
    ]


class QuotientMetric(RowMetric):
    """True where vwap is quote volume / volume to its last decimal, or the low above that."""

    condition_metric_name = "multicolumn_values.vwap_is_quotient"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge_valued(
            column_list,
            lambda row: (
                (
                    2 * (row["vwap"] * row["volume"] - row["quote_volume"]).abs()
                    <= row["volume"] * VWAP_STEP
                )
                | (row["vwap"].eq(row["low"]) & (row["quote_volume"] < row["low"] * row["volume"]))
            ),
        )


class ExpectVwapToBeQuoteVolumeOverVolume(RowExpectation):
    """Expect vwap = quote volume / volume, 12 decimals half up, and not below the low."""

    map_metric: ClassVar[str] = QuotientMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        "vwap",
        "low",
        "volume",
        "quote_volume",
    ]


class MinutePriceOrderMetric(RowMetric):
    """True where 0 < low <= open, close <= high."""

    condition_metric_name = "multicolumn_values.minute_prices_in_order"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge_valued(
            column_list,
            lambda row: (
                (row["low"] > 0)
                & (row["low"] <= row[["open", "close"]].min(axis=1))
                & (row[["open", "close"]].max(axis=1) <= row["high"])
            ),
        )


class ExpectMinutePricesToBeInOrder(RowExpectation):
    """Expect 0 < low <= open and close <= high where the minute has a value."""

    map_metric: ClassVar[str] = MinutePriceOrderMetric.condition_metric_name
    column_list: list[str] = ["open", "high", "low", "close"]  # noqa: RUF012 - a pydantic field
