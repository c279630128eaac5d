"""Expectations that compare rows with the request: its symbols, its span, its number of rows."""

from typing import Any, ClassVar

import pandas as pd
from great_expectations.core.suite_parameters import SuiteParameterDict
from great_expectations.execution_engine import ExecutionEngine, PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (  # noqa: E501 - GX's path
    multicolumn_condition_partial,
)
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from include.gx.levels import FAILING, REQUESTED
from include.gx.rows import RowExpectation, RowMetric, judge


class SymbolMetric(RowMetric):
    """True where a row is of the symbol that was requested."""

    condition_metric_name = "multicolumn_values.symbol_as_requested"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return column_list["symbol"] == column_list[REQUESTED]


class ExpectRowsToBeOfTheRequestedSymbol(RowExpectation):
    """Expect only rows of the requested symbol."""

    map_metric: ClassVar[str] = SymbolMetric.condition_metric_name
    column_list: list[str] = ["symbol", REQUESTED]  # noqa: RUF012 - a pydantic field


class OncePerOpenTimeMetric(RowMetric):
    """True where no other row of the symbol has the open time."""

    condition_metric_name = "multicolumn_values.once_per_open_time"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge(column_list, lambda row: ~row.duplicated(keep=False))


class ExpectOneRowForEachOpenTime(RowExpectation):
    """Expect no two rows of a symbol to have the same open time."""

    map_metric: ClassVar[str] = OncePerOpenTimeMetric.condition_metric_name
    column_list: list[str] = [REQUESTED, "open_time_ms"]  # noqa: RUF012 - a pydantic field


class WithinSpanMetric(RowMetric):
    """True where the open time is within the requested span."""

    condition_metric_name = "multicolumn_values.open_time_within_span"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: object) -> "pd.Series[bool]":
        return judge(
            column_list,
            lambda row: (
                (row["first_open_ms"] <= row["open_time_ms"])
                & (row["open_time_ms"] <= row["last_open_ms"])
            ),
        )


class ExpectOpenTimesToBeWithinSpan(RowExpectation):
    """Expect open times within the requested span."""

    map_metric: ClassVar[str] = WithinSpanMetric.condition_metric_name
    column_list: list[str] = [  # noqa: RUF012 - a pydantic field
        "open_time_ms",
        "first_open_ms",
        "last_open_ms",
    ]


class RowCountMetric(TableMetricProvider):
    """Number of rows by requested symbol; a symbol without rows is not there."""

    metric_name = "table.row_count_by_symbol"

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        **_: object,
    ) -> dict[str, int]:
        table, _domain, _accessor = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type="table"
        )
        return {
            str(symbol): int(count) for symbol, count in table[REQUESTED].value_counts().items()
        }


class ExpectEverySymbolToHaveItsRows(BatchExpectation):
    """Expect a row for every second and minute requested.

    Args:
        least_rows: By requested symbol, the least number of rows.
    """

    metric_dependencies = (RowCountMetric.metric_name,)
    success_keys = ("least_rows",)
    least_rows: dict[str, int] | SuiteParameterDict[str, Any]

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002 - GX's signature
        execution_engine: ExecutionEngine[Any] | None = None,  # noqa: ARG002 - GX's signature
    ) -> dict[str, Any]:
        counted = metrics[RowCountMetric.metric_name]
        least: dict[str, int] = self._get_success_kwargs()["least_rows"]
        short = {name: counted.get(name, 0) for name in least if counted.get(name, 0) < least[name]}
        observed = ", ".join(f"{name}: {count} of {least[name]}" for name, count in short.items())
        return {"success": not short, "result": {"observed_value": observed, FAILING: [*short]}}
