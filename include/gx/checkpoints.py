"""Run a suite over a table as a Great Expectations checkpoint, and keep the result."""

import json
from collections.abc import Mapping
from dataclasses import asdict
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
from upath import UPath

from include.gx.levels import ROW, Level
from include.gx.result_store import FOLDER_STORE
from include.gx.results import Outcome, ResultSummary, Subject, failure_of, unmet
from include.gx.suites import Suite, make_suite
from include.storage.whole_files import write_whole

INBOX = "new"


class Checkpoints:
    """The gate's suites as checkpoints, created once per process and reused.

    Args:
        results_url: Folder for the results, local or in an object store: all workers write there.

    Attributes:
        context: Suites live in code and memory, results in the folder.
    """

    def __init__(self, results_url: str) -> None:
        self._folder = UPath(results_url)
        self._made: dict[Suite, tuple[gx.Checkpoint, gx.Checkpoint]] = {}
        self.context = open_context(results_url)

    def run(
        self,
        suite: Suite,
        table: pd.DataFrame,
        subject: Subject,
        parameters: Mapping[str, Any],
    ) -> Outcome:
        """Validate a table by a suite, store the result, and return what failed.

        Args:
            suite: Which.
            table: Its column `row` numbers the rows.
            subject: Names the result.
            parameters: Those that the suite's expectations require.
        """
        judged, named = self._checkpoints(suite)
        arguments: dict[str, Any] = {
            "batch_parameters": {"dataframe": table},
            "expectation_parameters": dict(parameters),
            "run_id": RunIdentifier(run_name=subject.name, run_time=subject.checked_at),
        }
        result = judged.run(**arguments)
        if not result.success:
            result = named.run(**arguments)
        ((key, validation),) = result.run_results.items()
        outcome = Outcome(
            tuple(map(failure_of, unmet(result))), evaluated_count=len(validation.results)
        )
        hard = [each for each in outcome.failures if each.level is not Level.WARNING]
        bad = {row for failure in hard for row in failure.rows}
        self._announce(
            ResultSummary(
                key=key.to_tuple(),  # type: ignore[no-untyped-call]
                suite=suite.value,
                symbol=subject.symbol,
                name=subject.name,
                checked_at=subject.checked_at.isoformat(),
                row_count=len(table),
                bad_row_count=len(bad),
                failed=tuple(each.expectation for each in hard),
                warnings=tuple(
                    each.expectation for each in outcome.failures if each.level is Level.WARNING
                ),
            )
        )
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
                        "unexpected_index_column_names": [ROW],
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

    def _announce(self, summary: ResultSummary) -> None:
        """Announce a result to the next build of Data Docs, so that it need not search."""
        name = "~".join(summary.key[:3])
        write_whole(self._folder / INBOX / f"{name}.json", json.dumps(asdict(summary)))


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
