"""What was observed, where a result does not say: a checkpoint only notes whether all is well.

Noting more would take it half as long again (checkpoints.py). What its page shows is told from the
result's summary when the page is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from great_expectations.core import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)

from include.gx.results import mismatches
from include.gx.summaries import ResultSummary

# Of these a person wants to see the first and the last time, also when all is well.
OF_TIMES = {"expect_open_times_to_be_within_span", "expect_compound_columns_to_be_unique"}
OF_COLUMNS = "expect_table_columns_to_match_set"
OF_COUNT = "expect_table_row_count_to_equal"
OF_SYMBOLS = "expect_every_symbol_to_have_its_rows"
AS_EXPECTED = "all columns as expected"


def fill_observed(result: ExpectationSuiteValidationResult, summary: ResultSummary) -> None:
    """Give every expectation of a result an observed value that says how many rows it is about."""
    for outcome in result.results:
        outcome.result = {**(outcome.result or {}), "observed_value": _observed(outcome, summary)}


def _observed(outcome: ExpectationValidationResult, summary: ResultSummary) -> str:
    said: Mapping[str, Any] = outcome.result or {}
    observed = said.get("observed_value")
    if isinstance(observed, list | tuple):
        return mismatches(said) or AS_EXPECTED
    if observed not in (None, ""):
        return f"{observed:,}" if type(observed) is int else str(observed)
    failing = said.get("unexpected_count", 0)
    if not outcome.success and not failing:
        return "could not be validated"
    kind = outcome.expectation_config.type if outcome.expectation_config else ""
    row_count = said.get("element_count") or summary.fetched_count or summary.row_count
    return _in_rows(kind, failing, row_count, summary)


def _in_rows(kind: str, failing: int, row_count: int, summary: ResultSummary) -> str:
    of_table = {
        OF_COLUMNS: AS_EXPECTED,
        OF_COUNT: f"{row_count:,} rows",
        OF_SYMBOLS: f"{row_count:,} rows, none missing",
    }
    if kind in of_table:
        return of_table[kind]
    rows = f"{failing:,} of {row_count:,} rows fail"
    if kind in OF_TIMES and summary.first:
        return f"{summary.first} to {summary.last}; {rows}"
    return rows
