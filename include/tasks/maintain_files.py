"""Clear the files that grow: logs, landed batches, results, reports, exports, drafts."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from airflow.configuration import conf
from upath import UPath

from include.gx.leftovers import is_left_over
from include.mart.export_names import is_old_export
from include.orchestration.connections import (
    kept,
    open_store,
    storage_url,
    symbols,
    whole_number,
)
from include.orchestration.defaults import FOREVER, KEPT
from include.orchestration.messages import UpkeepMessage
from include.orchestration.upkeep import Order
from include.pipeline.landing import is_old_batch
from include.records.errors import RetryableError
from include.reports.schedule import is_old_report
from include.storage.clearing import FoundFile, Limits, clear, is_abandoned
from include.storage.object_stores import OBJECT_STORES

SHOWN = 20
# Airflow's own folders below base_log_folder: of tasks, and of what reads the DAG files.
LOG_FOLDERS = ("dag_id=", "dag_processor/")


def task_logs(order: Order) -> UpkeepMessage:
    """Remove Airflow's log files of tasks, where they are in a folder of this worker."""
    oldest = order.oldest("task_log_days")
    if conf.getboolean("logging", "remote_logging", fallback=False):
        note = "skipped: Airflow keeps task logs in a remote store; set there how long"
        return order.nothing(note)

    def is_old(file: FoundFile) -> bool:
        is_recent = file.modified_at is None or file.modified_at >= oldest
        return file.path.startswith(LOG_FOLDERS) and not is_recent

    return _clear(UPath(Path(conf.get("logging", "base_log_folder")).absolute()), is_old, order)


def landing(order: Order) -> UpkeepMessage:
    """Remove batches as they were fetched, but none that may not be loaded yet."""
    first_day = order.first_day("landing_days")
    marks = open_store().watermarks(symbols())
    waiting = {
        symbol: mark.stored_until.date() for symbol, mark in marks.items() if mark.stored_until
    }
    behind = [f"{symbol} from {day} on" for symbol, day in waiting.items() if day < first_day]
    return _clear(
        UPath(storage_url()) / "landing",
        lambda file: is_old_batch(file.path, first_day, waiting),
        order,
        note=f"batches that may not be loaded stay: {', '.join(behind[:SHOWN])}" if behind else "",
    )


def data_docs(order: Order) -> UpkeepMessage:
    """Remove what no build of Data Docs removes, as its task was killed before it was announced."""
    days = whole_number("data_docs_days", KEPT["data_docs_days"])
    # A build itself keeps a day less, and comes first.
    first_day = (order.now - timedelta(days=days)).date()
    folder = UPath(storage_url()) / "gx"
    return _clear(folder, lambda file: is_left_over(file.path, first_day), order)


def reports(order: Order) -> UpkeepMessage:
    """Remove hourly reports, and daily ones where a setting says so."""
    hours = whole_number("hourly_reports", KEPT["hourly_reports"])
    is_kept = kept("daily_report_days") == FOREVER
    first_day = None if is_kept else order.first_day("daily_report_days")
    return _clear(
        UPath(storage_url()) / "reports",
        lambda file: is_old_report(file.path, order.now, hours, first_day),
        order,
    )


def exports(order: Order) -> UpkeepMessage:
    """Remove exported files where a setting says so."""
    first_day = order.first_day("export_days")
    folder = UPath(storage_url()) / "exports" / "minute_prices"
    return _clear(folder, lambda file: is_old_export(file.path, first_day), order)


def drafts(order: Order) -> UpkeepMessage:
    """Remove what killed writers left; an object store has none of it."""
    folder = UPath(storage_url())
    if folder.protocol in OBJECT_STORES:
        return order.nothing()
    return _clear(folder, lambda file: is_abandoned(file, order.now), order)


def _clear(
    folder: UPath, is_old: Callable[[FoundFile], bool], order: Order, note: str = ""
) -> UpkeepMessage:
    done = clear(folder, is_old, Limits(order.only_count, order.is_time_up, order.progress()))
    if done.problem:
        left = done.old.count - done.removed.count
        raise RetryableError(
            f"{left} of {done.old.count} old files below {folder} cannot be removed, the first is "
            f"{done.problem}; permit this worker's user to delete there"
        )
    return order.report(done, note)
