"""Run a suite over a table as a Great Expectations checkpoint, and keep the result."""

import json
from collections.abc import Mapping
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
# A time in milliseconds has fewer digits until the year 2286.
MILLISECONDS_END = 10**13


class Checkpoints:
    """The gate's suites as checkpoints, created once per process and reused.

    Args:
        results_url: Folder for the results, local or in an object store: all workers write there.
        run: The Airflow run that judges, which results name; None outside Airflow.

    Attributes:
        context: Suites live in code and memory, results in the folder.
    """

    def __init__(self, results_url: str, run: Run | None = None) -> None:
        self._folder = UPath(results_url)
        self._run = run or Run("", "")
        self._made: dict[Suite, tuple[gx.Checkpoint, gx.Checkpoint]] = {}
        self.context = open_context(results_url)

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
        judged, named = self._checkpoints(suite)
        arguments: dict[str, Any] = {
            "batch_parameters": {"dataframe": table},
            "expectation_parameters": dict(parameters),
            "run_id": RunIdentifier(run_name=subject.name, run_time=subject.checked_at),
        }
        result = None if is_failing else judged.run(**arguments)
        if result is None or not result.success:
            result = named.run(**arguments)
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

    def _checkpoints(self, suite: Suite) -> tuple[gx.Checkpoint, gx.Checkpoint]:
        """Return the checkpoint that says whether a table passes, and the one that names rows.

        Naming takes half as long again even when nothing failed: it runs second, only after a
        failure, and its result replaces the first.
        """
        if suite not in self._made:
            source = self.context.data_sources.add_pandas(suite.value)
            batch = source.add_dataframe_asset("table").add_batch_definition_whole_dataframe("rows")
            definition = self.context.validation_definitions.add(
                gx.ValidationDefinition(
                    name=suite.value, data=batch, suite=self.context.suites.add(make_suite(suite))
                )
            )
            self._made[suite] = (
                self._add(definition, "judged", {"result_format": "BOOLEAN_ONLY"}),
                self._add(
                    definition,
                    "named",
                    {
                        "result_format": "COMPLETE",
                        "unexpected_index_column_names": [*ROW_NAMES[suite]],
                        "return_unexpected_index_query": False,
                    },
                ),
            )
        return self._made[suite]

    def _add(
        self, definition: gx.ValidationDefinition, name: str, result_format: dict[str, Any]
    ) -> gx.Checkpoint:
        return self.context.checkpoints.add(
            gx.Checkpoint(
                name=f"{definition.name}_{name}",
                validation_definitions=[definition],
                result_format=cast("Any", result_format),
            )
        )

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
