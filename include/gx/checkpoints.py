"""Running a suite over a table as a Great Expectations checkpoint, and keeping the result."""

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# Set before the import that reads it: nothing of this deployment is reported to anyone.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
import pandas as pd
from great_expectations.core import ExpectationSuite, RunIdentifier
from great_expectations.data_context import EphemeralDataContext
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.data_context.types.resource_identifiers import (
    ValidationResultIdentifier,
)

# Registers our expectations, without which no result that names one can be rendered.
import include.gx.expectations  # noqa: F401

ROW = "row"
DOCS_SITE = "local_site"
PAGES_IN_DOCS = 100
KEPT_RESULTS = 1000


@dataclass(frozen=True)
class Failure:
    """One expectation that a table did not meet.

    Attributes:
        expectation: Its type, like expect_prices_to_be_in_order.
        rows: Row numbers that fail it; empty for an expectation on the whole table.
        is_warning: It is only to be known, and stops nothing.
        error: What went wrong when it could not be judged at all; empty otherwise.
    """

    expectation: str
    rows: tuple[int, ...]
    is_warning: bool
    error: str


def open_context(results_folder: str) -> EphemeralDataContext:
    """Open a context whose suites live in code and whose results are files in a folder.

    Args:
        results_folder: Local folder; results go to validations/ in it, Data Docs to docs/.
    """
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        data_docs_sites={
            DOCS_SITE: {
                "class_name": "SiteBuilder",
                "store_backend": _files(f"{results_folder}/docs"),
                "site_index_builder": {
                    "class_name": "DefaultSiteIndexBuilder",
                    "validation_results_limit": PAGES_IN_DOCS,
                },
            }
        },
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    config.stores[config.validation_results_store_name] = {
        "class_name": "ValidationResultsStore",
        "store_backend": _files(f"{results_folder}/validations"),
    }
    return gx.get_context(mode="ephemeral", project_config=config)


def _files(folder: str) -> dict[str, str]:
    return {"class_name": "TupleFilesystemStoreBackend", "base_directory": folder}


def run_checkpoint(
    context: EphemeralDataContext,
    suite: ExpectationSuite,
    table: pd.DataFrame,
    *,
    symbol: str,
    checked_at: datetime,
) -> list[Failure]:
    """Judge a table by a suite, store the result, and return what failed.

    Args:
        context: Keeps the result as suite / symbol and time.
        suite: Its name groups the results.
        table: Its column `row` numbers the rows.
        symbol: Names the result, with the time.
        checked_at: Aware UTC.
    """
    name = f"{suite.name}-{symbol}-{checked_at:%Y%m%dT%H%M%S%fZ}"
    source = context.data_sources.add_or_update_pandas(name)
    batch = source.add_dataframe_asset(symbol).add_batch_definition_whole_dataframe("batch")
    definition = context.validation_definitions.add_or_update(
        gx.ValidationDefinition(name=name, data=batch, suite=context.suites.add_or_update(suite))
    )
    checkpoint = context.checkpoints.add_or_update(
        gx.Checkpoint(
            name=name,
            validation_definitions=[definition],
            result_format={
                "result_format": "COMPLETE",
                "unexpected_index_column_names": [ROW],
                "return_unexpected_index_query": False,
            },
        )
    )
    result = checkpoint.run(
        batch_parameters={"dataframe": table},
        run_id=RunIdentifier(run_name=f"{symbol}-{checked_at:%Y%m%dT%H%M%SZ}", run_time=checked_at),
    )
    return [
        _failure(outcome)
        for run in result.run_results.values()
        for outcome in run.results
        if not outcome.success
    ]


def build_data_docs(results_folder: str) -> str:
    """Build the site of the latest results and return the path of its first page.

    Results beyond the newest are deleted first, so that a build does not take longer with
    every day that passes.
    """
    context = open_context(results_folder)
    store = context.validation_results_store
    keys = [key for key in store.list_keys() if isinstance(key, ValidationResultIdentifier)]
    keys.sort(key=lambda key: key.run_id.run_time, reverse=True)
    for key in keys[KEPT_RESULTS:]:
        store.remove_key(key)  # type: ignore[no-untyped-call]
    context.build_data_docs(site_names=[DOCS_SITE])
    return f"{results_folder}/docs/index.html"


def _failure(outcome: gx.core.ExpectationValidationResult) -> Failure:
    config = outcome.expectation_config
    if config is None:
        raise TypeError("Great Expectations returned a result without its expectation")
    rows = tuple(int(entry[ROW]) for entry in outcome.result.get("unexpected_index_list") or ())
    is_warning = config.severity == "warning"
    error = _error(outcome.exception_info or {})
    if not (rows or is_warning or error):
        error = "it failed without naming a row"
    return Failure(expectation=config.type, rows=rows, is_warning=is_warning, error=error)


def _error(info: dict[str, Any]) -> str:
    """Return what was raised: the information lies by metric when a metric raised it."""
    by_metric = [info] if "raised_exception" in info else list(info.values())
    messages = [entry["exception_message"] for entry in by_metric if entry["raised_exception"]]
    return "; ".join(map(str, messages))
