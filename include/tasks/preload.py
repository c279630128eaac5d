"""Imports what every task needs once, in the process that tasks are forked from.

LocalExecutor forks tasks from the scheduler (plugins/preload.py imports this there), a Celery
worker from its parent (the setting `imports` of Celery names this module). A fork finds the
modules in memory, while importing Great Expectations anew costs a task four to ten seconds of CPU.
Importing this also loads what is loaded only when first used: by Great Expectations, with a made-up
row to validate, by Airflow's SDK for DAG files, and the templates of pages and reports. Nothing is
opened here: a connection made before the fork must not be used after it.

The client of an object store is imported where the environment names one, as
AIRFLOW_VAR_STORAGE_URL; an Airflow Variable cannot be read here.
"""

import os
from contextlib import suppress

from airflow.sdk import dag, task  # noqa: F401
from fsspec import get_filesystem_class

import include.gx.data_docs
import include.reports.report
import include.tasks.average_minutes  # noqa: F401
import include.tasks.ingest_prices  # noqa: F401
import include.tasks.report_prices  # noqa: F401
import include.tasks.watch_prices  # noqa: F401
from include.exchange.certificates import trusted
from include.tasks.validate_batches import warm_up

trusted()
warm_up()
include.gx.data_docs.compile_templates()
include.reports.report.compile_templates()
protocol, separator, _ = os.environ.get("AIRFLOW_VAR_STORAGE_URL", "").partition("://")
if separator:
    # A task says what is wrong with it.
    with suppress(ImportError, ValueError):
        get_filesystem_class(protocol)
