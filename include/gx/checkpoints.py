"""Running a suite over a table as a Great Expectations checkpoint, and keeping the result."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, cast

# Set before the import that reads it: nothing of this deployment is reported to anyone.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
import pandas as pd
from great_expectations.checkpoint.checkpoint import CheckpointResult
from great_expectations.core import ExpectationValidationResult, RunIdentifier
from great_expectations.data_context import EphemeralDataContext
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from upath import UPath

from include.gx.levels import LEVEL, ROW, Level
from include.gx.stores import FOLDER_STORE
from include.gx.suites import Suite, make_suite

INBOX = "new"


@dataclass(frozen=True)
class Failure:
    """One expectation that a table did not meet.

    Attributes:
        expectation: Its type, like expect_prices_to_be_in_order.
        level: What follows for the rows and the table.
        rows: By number, the rows that fail it and what was observed there; empty for an
            expectation on the whole table.
        error: What went wrong when it could not be judged at all; empty otherwise.
        observed: What was observed of the whole table; empty for an expectation on rows.
    """

    expectation: str
    level: Level
    rows: dict[int, str]
    error: str
    observed: str


@dataclass(frozen=True)
class Subject:
    """What a table is about.

    Attributes:
        symbol: Whose rows; "all" for several symbols at once.
        window: Of which time, as it stands in names of files.
        checked_at: Aware UTC; two results of one suite, symbol and window differ by it.
    """

    symbol: str
    window: str
    checked_at: datetime

    @property
    def name(self) -> str:
        """Name of the run."""
        return f"{self.symbol}-{self.window}"


@dataclass(frozen=True)
class Outcome:
    """What a checkpoint says of one table.

    Attributes:
        failures: The expectations that it did not meet.
        evaluated_count: Expectations judged.
    """

    failures: tuple[Failure, ...]
    evaluated_count: int


@dataclass(frozen=True)
class ResultSummary:
    """What an index says of one result, so that nobody has to read the results for it.

    Attributes:
        key: Of the result in its store: suite, run, time and batch.
        suite: Its name.
        symbol: What was judged; "all" for several symbols at once.
        name: Symbol and window.
        checked_at: ISO 8601, UTC.
        row_count: Rows of the table.
        bad_row_count: Rows that fail at least one expectation.
        failed: Expectations not met, apart from warnings.
        warnings: Expectations not met that only warn.
    """

    key: tuple[str, ...]
    suite: str
    symbol: str
    name: str
    checked_at: str
    row_count: int
    bad_row_count: int
    failed: tuple[str, ...]
    warnings: tuple[str, ...]


class Checkpoints:
    """The suites of the gate as checkpoints, made once a process and run again and again.

    Args:
        results_url: Folder for the results, local or of an object store: all workers write there.

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
        """Judge a table by a suite, store the result, and return what failed.

        Args:
            suite: Which.
            table: Its column `row` numbers the rows.
            subject: Names the result.
            parameters: Those that the suite's expectations ask for.
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
            tuple(map(_failure, _unmet(result))), evaluated_count=len(validation.results)
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

        Naming takes half as long again, also when there is nothing to name: it comes second, where
        something failed, and its result takes the place of the first.
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
        """Leave word of a result for the next build of Data Docs, which so need not search."""
        inbox = self._folder / INBOX
        inbox.mkdir(parents=True, exist_ok=True)
        name = "~".join(summary.key[:3])
        (inbox / f"{name}.json").write_text(json.dumps(asdict(summary)), encoding="utf-8")


def open_context(results_url: str) -> EphemeralDataContext:
    """Open a context whose suites live in code and whose results lie in validations/ of a folder.

    Args:
        results_url: Local folder, or one of an object store that fsspec reaches.
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


def _unmet(result: CheckpointResult) -> Iterator[ExpectationValidationResult]:
    for run in result.run_results.values():
        yield from (outcome for outcome in run.results if not outcome.success)


def _failure(outcome: ExpectationValidationResult) -> Failure:
    config = outcome.expectation_config
    if config is None:
        raise TypeError("Great Expectations returned a result without its expectation")
    rows = {
        int(entry[ROW]): _observed({name: entry[name] for name in entry if name != ROW})
        for entry in outcome.result.get("unexpected_index_list") or ()
    }
    meta = config.meta or {}
    return Failure(
        expectation=config.type,
        level=Level(meta[LEVEL]),
        rows=rows,
        error=_error(outcome.exception_info or {}),
        observed="" if rows else _observed_of_table(outcome.result),
    )


def _observed_of_table(result: Mapping[str, Any]) -> str:
    mismatched = (result.get("details") or {}).get("mismatched", {})
    if mismatched:
        return "; ".join(f"{kind} {', '.join(names)}" for kind, names in mismatched.items())
    unexpected = result.get("partial_unexpected_list")
    return ", ".join(map(str, unexpected)) if unexpected else str(result.get("observed_value", ""))


def _observed(cells: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in cells.items())


def _error(info: dict[str, Any]) -> str:
    """Return what was raised: the information lies by metric when a metric raised it."""
    by_metric = [info] if "raised_exception" in info else list(info.values())
    messages = [entry["exception_message"] for entry in by_metric if entry["raised_exception"]]
    return "; ".join(map(str, messages))
