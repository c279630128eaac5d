"""Reading rows of text exactly, for expectations that judge a row by its own columns."""

import functools
import re
from collections.abc import Callable, Collection
from decimal import Context, Decimal, localcontext
from typing import Any, Literal

import pandas as pd
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

from include.gx.levels import ROW

# Binance sends at most 8 decimals; 20 digits before them hold any volume it has ever had.
PLAIN_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,8})?")
SHOWN_ROWS = 20
# A product of two such numbers has 56 digits.
EXACT = Context(prec=60)


def is_plain(name: str, value: object) -> bool:
    """Tell whether a cell is written as documented: times and counts int, all else digits."""
    if name.endswith(("_ms", "trade_count")):
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str) and PLAIN_DECIMAL.fullmatch(value) is not None


def well_formed(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Return for each row whether every cell is written as documented."""
    verdict = pd.Series(data=True, index=rows.index)
    for name in rows.columns:
        verdict &= rows[name].map(functools.partial(is_plain, name)).astype(bool)
    return verdict


def judge(
    rows: pd.DataFrame,
    is_good: Callable[[Any], "pd.Series[bool]"],
    *,
    only: "pd.Series[bool] | None" = None,
    texts: Collection[str] = (),
) -> "pd.Series[bool]":
    """Judge rows as exact numbers; a row that cannot be read, or is not asked about, passes here.

    Args:
        rows: The columns that the verdict needs, as text and integers.
        is_good: Gets them as decimals and integers.
        only: The rows to judge; all without it.
        texts: Columns that are no numbers and are handed on as they are.
    """
    numeric = rows.drop(columns=list(texts))
    if only is not None:
        numeric = numeric[only]
    readable = numeric[well_formed(numeric)]
    numbers = rows.loc[readable.index].apply(
        lambda column: (
            column
            if column.name in texts or str(column.name).endswith("_ms")
            else column.map(Decimal)
        )
    )
    verdict = pd.Series(data=True, index=rows.index)
    if len(numbers):
        with localcontext(EXACT):
            verdict[numbers.index] = is_good(numbers).to_numpy(dtype=bool)
    return verdict


class RowMetric(MulticolumnMapMetricProvider):
    """What every metric of a row has in common."""

    condition_domain_keys = (
        "batch_id",
        "table",
        "column_list",
        "row_condition",
        "condition_parser",
        "ignore_row_if",
    )


class RowExpectation(MulticolumnMapExpectation):
    """What every expectation on a row has in common."""

    ignore_row_if: Literal["all_values_are_missing", "any_value_is_missing", "never"] = "never"

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.UNEXPECTED_TABLE)
    def _diagnostic_unexpected_table_renderer(
        cls,
        configuration: ExpectationConfiguration | None = None,  # noqa: ARG003 - GX's signature
        result: ExpectationValidationResult | None = None,
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG003 - GX's signature
    ) -> list[RenderedTableContent | CollapseContent] | None:
        """Show the rows that fail by the names of their columns, the first of them."""
        failing = (result.result if result else {}).get("unexpected_index_list")
        if not failing:
            return None
        names = [ROW, *(name for name in failing[0] if name != ROW)]
        return [
            RenderedTableContent(
                content_block_type="table",
                header_row=names,
                table=[[str(row[name]) for name in names] for row in failing[:SHOWN_ROWS]],
                styling={"body": {"classes": ["table-bordered", "table-sm", "mt-3"]}},
            )
        ]
