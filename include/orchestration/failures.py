"""Translation of the pipeline's errors into Airflow's: retry or fail."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException
from upath import UPath

from include.orchestration.headings import heading_of
from include.records.errors import (
    ArchiveNotFoundError,
    CheckFailedError,
    ExchangeBusyError,
    FileNotWrittenError,
    MarketDataError,
    NoSuchDayError,
    OrderError,
    RetryableError,
    SettingsError,
)
from include.records.shown_text import shown_text
from include.storage.whole_files import LOCAL

PERMANENT = (
    SettingsError,
    ExchangeBusyError,
    CheckFailedError,
    ArchiveNotFoundError,
    NoSuchDayError,
)

# What to do where a file cannot be written.
FREE_SPACE = "free space or permit writing there"
PERMIT_STORE = (
    "create the bucket, make it reachable, or permit Airflow's workers to read, write, list and "
    "delete there"
)

log = logging.getLogger(__name__)


@contextmanager
def fail_without_retry() -> Iterator[None]:
    """Fail a task at once, with only the message, when a retry cannot help.

    Only a person can fix settings, an order, or a table that fails the gate; a retry would only
    lengthen a pause that the exchange asks for, and what an archive lacks now it still lacks in a
    minute.
    """
    try:
        yield
    except OrderError as error:
        # Whoever filled in the form needs the message: where it was found says nothing to them.
        raise AirflowFailException(str(error)) from None
    except PERMANENT as error:
        raise AirflowFailException(str(error)) from error


def point_to_runbook(context: Context) -> None:
    """Log where the runbook says what to do about a task that has failed for good.

    A callback for failure. Nothing is mailed: while the exchange or Cassandra is down, tasks fail
    each minute, and /prices/health and the deadline of average_minutes report that.
    """
    task_instance: Any = context["ti"]
    error = context.get("exception")
    heading = heading_of(
        task_instance.dag_id,
        task_instance.task_id,
        error if isinstance(error, BaseException) else None,
    )
    log.error("%s of %s failed: see %s", task_instance.task_id, task_instance.dag_id, heading.path)


def describe_failures(failed: Mapping[str, Exception]) -> list[str]:
    """Describe the errors of a task's parts, each with the part's name.

    An error that the pipeline does not raise itself is a program error: it is described as such,
    and its traceback is in the log.

    Args:
        failed: By name of the part.
    """
    problems = []
    for name, error in failed.items():
        if isinstance(error, MarketDataError):
            problems.append(f"{name}: {error}")
        else:
            log.error("%s failed with a program error", shown_text(name), exc_info=error)
            problems.append(f"{name} failed with a program error: {type(error).__name__}: {error}")
    return [*map(shown_text, problems)]


def raise_failures(failed: Mapping[str, Exception], problems: Sequence[str] = ()) -> None:
    """Fail a task whose parts raised errors, once the others are done; do nothing without errors.

    Args:
        failed: By name of the part.
        problems: What else is wrong, each with its name.

    Raises:
        RetryableError: A retry may help one of them.
        AirflowFailException: A retry helps none of them.
    """
    words = "; ".join([*map(shown_text, problems), *describe_failures(failed)])
    errors = [*failed.values()]
    if any(isinstance(e, RetryableError) and not isinstance(e, PERMANENT) for e in errors):
        raise RetryableError(words) from errors[0]
    if words:
        raise AirflowFailException(words) from next(iter(errors), None)


@contextmanager
def explain_disk_full(folder: str) -> Iterator[None]:
    """Explain that a file cannot be written, and what to do about it.

    Raises:
        FileNotWrittenError: In place of the file system's error.
    """
    try:
        yield
    except OSError as error:
        is_local = UPath(folder).protocol in LOCAL
        raise FileNotWrittenError(
            f"a file below {folder} cannot be written ({error.strerror or error}): "
            f"{FREE_SPACE if is_local else PERMIT_STORE}, or set the Airflow Variable "
            "'storage_url' to another folder. "
            "Existing files are unchanged, and the next run writes what is missing"
        ) from error
