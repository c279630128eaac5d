"""Which heading of the runbook is about a failed task: by its error, else by the task itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError

from include.records.errors import (
    ArchiveDamagedError,
    ArchiveNotFoundError,
    ExchangeBusyError,
    FileNotWrittenError,
    HostRefusedError,
    LostBatchError,
    MarketDataError,
    NoSuchDayError,
    PartlyStoredError,
    StoreSilentError,
    UnknownSymbolError,
    UnreadableSymbolError,
    UnstorableValueError,
)
from include.records.runbook import Heading

BY_ERROR: Mapping[type[BaseException], Heading] = {
    StoreSilentError: Heading.CASSANDRA_SILENT,
    ExchangeBusyError: Heading.EXCHANGE_BUSY,
    HostRefusedError: Heading.EXCHANGE_REFUSES,
    UnknownSymbolError: Heading.SYMBOL_UNKNOWN,
    UnreadableSymbolError: Heading.SYMBOL_UNREADABLE,
    UnstorableValueError: Heading.UNSTORABLE,
    PartlyStoredError: Heading.PARTLY_STORED,
    LostBatchError: Heading.BATCH_LOST,
    FileNotWrittenError: Heading.FILE_UNWRITTEN,
    ArchiveDamagedError: Heading.ARCHIVE_DAMAGED,
    ArchiveNotFoundError: Heading.ARCHIVE_ABSENT,
    NoSuchDayError: Heading.NO_SUCH_DAY,
}
OF_AIRFLOW = (AirflowException, AirflowRuntimeError)
# What can go wrong in them has a heading each, or a section.
BY_TASK: Mapping[tuple[str, str], Heading] = {
    ("ingest_prices", "plan"): Heading.EXCHANGE_SILENT,
    ("ingest_prices", "fetch"): Heading.EXCHANGE_SILENT,
    ("initialize_store", "check_deployment"): Heading.HEALTH_SETTINGS,
}
BY_DAG: Mapping[str, Heading] = {
    "ingest_prices": Heading.LOADING,
    "average_minutes": Heading.AVERAGES,
    "report_prices": Heading.REPORTS,
    "watch_prices": Heading.PRICE_WATCH,
    "backfill_prices": Heading.PAST_DAYS,
    "audit_prices": Heading.PAST_DAYS,
    "replay_quarantine": Heading.PAST_DAYS,
    "initialize_store": Heading.SCHEMA,
    "maintain": Heading.UPKEEP,
}


def heading_of(dag_id: str, task_id: str, error: BaseException | None) -> Heading:
    """Return the heading about a failure.

    Args:
        dag_id: Of the task.
        task_id: Without its group or number.
        error: What it raised; None where its process was killed. Tasks wrap the errors of their
            parts, so its causes count, too.
    """
    causes = [*_causes(error)]
    for cause in causes:
        for kind, heading in BY_ERROR.items():
            if isinstance(cause, kind):
                return heading
    # Behind an error of the pipeline is what a library met.
    own = next((cause for cause in causes if not isinstance(cause, OF_AIRFLOW)), None)
    if isinstance(own, Exception) and not isinstance(own, MarketDataError):
        return Heading.PROGRAM_ERROR
    return BY_TASK.get((dag_id, task_id)) or BY_DAG.get(dag_id, Heading.TOP)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
