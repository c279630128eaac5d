"""Run a suite over a table as a Great Expectations checkpoint, and keep the result."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, cast

import great_expectations as gx
import pandas as pd
from great_expectations.core import RunIdentifier
from great_expectations.data_context import EphemeralDataContext
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.data_context.types.resource_identifiers import (
    ValidationResultIdentifier,
)
from upath import UPath

from include.gx.levels import REQUESTED, Level
from include.gx.result_store import FOLDER_STORE
from include.gx.results import Outcome, Subject, failure_of, unmet
from include.gx.suites import OPEN_TIME_MS, ROW_NAMES, ROW_TIMES, Suite, make_suite
from include.gx.summaries import ResultSummary
from include.records.batches import Run
from include.records.windows import from_ms, iso
from include.storage.whole_files import write_whole

INBOX = "new"
# Kinds of checkpoint, as their names end.
JUDGED, NAMED = "judged", "named"
# A time in milliseconds has fewer digits until the year 2286.
MILLISECONDS_END = 10**13


class Checkpoints:
    """The gate's suites as checkpoints, created once per process and reused.

    Args:
        results_url: Folder for the results, local or in an object store: all workers write there.
        run: The Airflow run that judges, which results name; None outside Airflow.
        suites: To make now, while nobody waits for a result; others are made when first run.

    Attributes:
        context: Suites live in code and memory, results in the folder.
    """

    def __init__(
        self, results_url: str, run: Run | None = None, suites: Iterable[Suite] = ()
    ) -> None:
        self._folder = UPath(results_url)
        self._run = run or Run("", "")
        self._definitions: dict[Suite, gx.ValidationDefinition] = {}
        self._made: dict[tuple[Suite, str], gx.Checkpoint] = {}
        self.context = open_context(results_url)
        for suite in suites:
            self._checkpoint(suite, JUDGED)

    def run(
        self,
        suite: Suite,
        table: pd.DataFrame,
        subject: Subject,
        parameters: Mapping[str, Any],
        *,
        is_failing: bool = False,
    ) -> Outcome:
        """Validate a table by a suite, store the result, and return what failed.

        A result on several symbols is announced for those that pass: the caller validates each of
        the others again, for a result of its own.

        Args:
            suite: Which.
            table: Its column `row` numbers the rows.
            subject: Names the result.
            parameters: Those that the suite's expectations require.
            is_failing: The table is known to fail: only name what does.
        """
        arguments: dict[str, Any] = {
            "batch_parameters": {"dataframe": table},
            "expectation_parameters": dict(parameters),
            "run_id": RunIdentifier(run_name=subject.name, run_time=subject.checked_at),
        }
        # Naming takes half as long again even when nothing failed: it runs second, only after a
        # failure, and its result replaces the first.
        result = None if is_failing else self._checkpoint(suite, JUDGED).run(**arguments)
        if result is None or not result.success:
            result = self._checkpoint(suite, NAMED).run(**arguments)
        ((key, validation),) = result.run_results.items()
        outcome = Outcome(
            tuple(map(failure_of, unmet(result))), evaluated_count=len(validation.results)
        )
        if len(subject.symbols) == 1:
            self._announce(self._summary(key, suite, subject, outcome, table))
        elif passing := set(subject.symbols) - outcome.failing(subject.symbols):
            told = replace(subject, symbols=tuple(sorted(passing)))
            passed = replace(outcome, failures=())
            count = int(table[REQUESTED].isin(passing).sum())
            summary = self._summary(key, suite, told, passed, table)
            self._announce(replace(summary, name=subject.name, row_count=count))
        else:
            self.context.validation_results_store.remove_key(key)  # type: ignore[no-untyped-call]
        return outcome

    def _checkpoint(self, suite: Suite, kind: str) -> gx.Checkpoint:
        """Return the checkpoint that says whether a table passes, or the one that names rows."""
        if (suite, kind) not in self._made:
            result_format: dict[str, Any] = {"result_format": "BOOLEAN_ONLY"}
            if kind == NAMED:
                result_format = {
                    "result_format": "COMPLETE",
                    "unexpected_index_column_names": [*ROW_NAMES[suite]],
                    "return_unexpected_index_query": False,
                }
            self._made[suite, kind] = self.context.checkpoints.add(
                gx.Checkpoint(
                    name=f"{suite.value}_{kind}",
                    validation_definitions=[self._definition(suite)],
                    result_format=cast("Any", result_format),
                )
            )
        return self._made[suite, kind]

    def _definition(self, suite: Suite) -> gx.ValidationDefinition:
        if suite not in self._definitions:
            source = self.context.data_sources.add_pandas(suite.value)
            batch = source.add_dataframe_asset("table").add_batch_definition_whole_dataframe("rows")
            self._definitions[suite] = self.context.validation_definitions.add(
                gx.ValidationDefinition(
                    name=suite.value, data=batch, suite=self.context.suites.add(make_suite(suite))
                )
            )
        return self._definitions[suite]

    def _summary(
        self,
        key: ValidationResultIdentifier,
        suite: Suite,
        subject: Subject,
        outcome: Outcome,
        table: pd.DataFrame,
    ) -> ResultSummary:
        hard = [each for each in outcome.failures if each.level is not Level.WARNING]
        soft = [each for each in outcome.failures if each.level is Level.WARNING]
        first, last = _extent(table, suite)
        return ResultSummary(
            key=key.to_tuple(),  # type: ignore[no-untyped-call]
            suite=suite.value,
            symbols=subject.symbols,
            name=subject.name,
            checked_at=subject.checked_at.isoformat(),
            row_count=len(table),
            bad_row_count=len({row for failure in hard for row in failure.rows}),
            failed=tuple(each.expectation for each in hard),
            warnings=tuple(each.expectation for each in soft),
            fetched_count=len(table),
            first=first,
            last=last,
            dag_id=self._run.dag_id,
            run_id=self._run.run_id,
        )

    def _announce(self, summary: ResultSummary) -> None:
        """Announce a result to the next build of Data Docs, so that it need not search."""
        name = "~".join(summary.key[:3])
        write_whole(self._folder / INBOX / f"{name}.json", json.dumps(asdict(summary)))


def _extent(table: pd.DataFrame, suite: Suite) -> tuple[str, str]:
    """Return the first and the last time of a table's rows; both empty where none can be read."""
    name = ROW_TIMES[suite]
    cells = table[name].tolist() if name in table else []
    if name == OPEN_TIME_MS:
        opens_ms = [cell for cell in cells if type(cell) is int and 0 <= cell < MILLISECONDS_END]
        return (_iso(min(opens_ms)), _iso(max(opens_ms))) if opens_ms else ("", "")
    # Text of ours, which sorts by time.
    minutes = [cell for cell in cells if isinstance(cell, str)]
    return (min(minutes), max(minutes)) if minutes else ("", "")


def _iso(opens_ms: int) -> str:
    return iso(from_ms(opens_ms))


def open_context(results_url: str) -> EphemeralDataContext:
    """Open a context with suites in code and results in a folder's validations/.

    Args:
        results_url: Local folder, or one in an object store that fsspec supports.
    """
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    config.stores[config.validation_results_store_name] = {
        "class_name": "ValidationResultsStore",
        "store_backend": {**FOLDER_STORE, "base_url": f"{results_url}/validations"},
    }
    return gx.get_context(mode="ephemeral", project_config=config)
