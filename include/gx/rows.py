"""Read rows of text as exact numbers, for expectations on a row's own columns."""

import functools
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.core import ExpectationValidationResult
from great_expectations.expectations.expectation import MulticolumnMapExpectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metrics.map_metric_provider import (
    MulticolumnMapMetricProvider,
)
from great_expectations.render import (
    CollapseContent,
    LegacyDiagnosticRendererType,
    RenderedTableContent,
)
from great_expectations.render.renderer.renderer import renderer

from include.gx.levels import REQUESTED, ROW
from include.records.decimals import EXACT
from include.records.limits import QUOTE_VOLUME_STEP

# Binance sends at most 8 decimals; 20 digits before them hold any volume it has ever had.
PLAIN_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,8})?")
REPORTED_ROWS = 20
# Decimals or integers; None for what is neither.
Numbers = npt.NDArray[np.object_]


def read_decimal(text: str) -> Decimal | None:
    """Parse a plain decimal; None for anything else: an exponent, NaN, a sign, too many digits."""
    return Decimal(text) if PLAIN_DECIMAL.fullmatch(text) else None


def read_column(name: str, cells: Sequence[object]) -> Numbers:
    """Parse cells as numbers, None for one not in the documented format.

    Times and counts are integers, all else digits in a text; requested symbols stay as they are.
    """
    if name == REQUESTED:
        return _objects(cells)
    if name.endswith(("_ms", "trade_count")):
        # A bool is an int to isinstance.
        return _objects([cell if type(cell) is int else None for cell in cells])
    return _read_texts(tuple([cell if isinstance(cell, str) else None for cell in cells]))


# Cached, as every expectation reads the same columns.
@functools.lru_cache(maxsize=32)
def _read_texts(cells: tuple[str | None, ...]) -> Numbers:
    # A tick size or a silent second's price is the same in many rows.
    numbers = {cell: None if cell is None else read_decimal(cell) for cell in set(cells)}
    read = _objects([numbers[cell] for cell in cells])
    read.setflags(write=False)
    return read


def _objects(values: Sequence[object]) -> Numbers:
    # Taking values one by one is ten times faster than letting numpy check them for lists.
    return np.fromiter(values, dtype=object, count=len(values))


def read_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Parse rows as numbers, null where a cell is not in the documented format."""
    columns = {name: read_column(name, rows[name].tolist()) for name in rows.columns}
    return pd.DataFrame(columns, index=rows.index, dtype=object)


def well_formed(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Return for each row whether every cell is in the documented format."""
    return read_table(rows).notna().all(axis=1)


def judge(
    rows: pd.DataFrame,
    is_good: Callable[[Any], "pd.Series[bool]"],
    *,
    only: "pd.Series[bool] | None" = None,
) -> "pd.Series[bool]":
    """Validate rows as exact numbers; unreadable rows, and those not in `only`, pass here.

    Args:
        rows: The columns that the check needs, as text and integers.
        is_good: Gets them as decimals and integers.
        only: The rows to validate; all if None.
    """
    verdict = pd.Series(data=True, index=rows.index)
    numbers = read_table(rows if only is None else rows[only])
    numbers = numbers[numbers.notna().all(axis=1)]
    if len(numbers):
        with localcontext(EXACT):
            verdict[numbers.index] = is_good(numbers).to_numpy(dtype=bool)
    return verdict


def lies_within_prices(row: Any, quote_volume: Any, slack: Any = 0) -> "pd.Series[bool]":  # noqa: ANN401 - columns of decimals
    """Return for each row whether quote volume / volume is between low and high.

    Multiplied instead of divided: exact, and a volume of zero passes with nothing paid.

    Args:
        row: low, high, volume and trade_count.
        quote_volume: Amount paid, each trade's part of it truncated to 8 decimals.
        slack: Further tolerance, quote asset.
    """
    truncated = row["trade_count"] * QUOTE_VOLUME_STEP.value + slack
    return (row["low"] * row["volume"] - truncated <= quote_volume) & (  # type: ignore[no-any-return]
        quote_volume <= row["high"] * row["volume"] + truncated
    )


class RowMetric(MulticolumnMapMetricProvider):
    """Base of every metric on a row."""

    condition_domain_keys = (
        "batch_id",
        "table",
        "column_list",
        "row_condition",
        "condition_parser",
        "ignore_row_if",
    )


class RowExpectation(MulticolumnMapExpectation):
    """Base of every expectation on a row."""

    ignore_row_if: Literal["all_values_are_missing", "any_value_is_missing", "never"] = "never"
    _held: ExpectationConfiguration | None = PrivateAttr(default=None)

    @property
    def configuration(self) -> ExpectationConfiguration:
        """This expectation's configuration, cached.

        GX reads it some eighty times a run and builds it each time, which takes a fifth of a
        checkpoint's time.
        """
        if self._held is None or self._held.id != self.id:
            self._held = super().configuration
        return self._held

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.UNEXPECTED_TABLE)
    def _diagnostic_unexpected_table_renderer(
        cls,
        configuration: ExpectationConfiguration | None = None,  # noqa: ARG003 - GX's signature
        result: ExpectationValidationResult | None = None,
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG003 - GX's signature
    ) -> list[RenderedTableContent | CollapseContent] | None:
        """Show the first failing rows under their column names."""
        failing = (result.result if result else {}).get("unexpected_index_list")
        if not failing:
            return None
        first = [name for name in (REQUESTED, ROW) if name in failing[0]]
        names = [*first, *(name for name in failing[0] if name not in first)]
        return [
            RenderedTableContent(
                content_block_type="table",
                header_row=names,
                table=[[str(row[name]) for name in names] for row in failing[:REPORTED_ROWS]],
                styling={"body": {"classes": ["table-bordered", "table-sm", "mt-3"]}},
            )
        ]
