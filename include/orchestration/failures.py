"""Turning the pipeline's errors into what Airflow does next."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException

from include.records.errors import (
    ArchiveNotFoundError,
    CheckFailedError,
    ExchangeBusyError,
    MarketDataError,
    NoSuchDayError,
    RetryableError,
    SettingsError,
)

PERMANENT = (
    SettingsError,
    ExchangeBusyError,
    CheckFailedError,
    ArchiveNotFoundError,
    NoSuchDayError,
)

log = logging.getLogger(__name__)


@contextmanager
def fail_without_retry() -> Iterator[None]:
    """Fail a task at once, with the message alone, when trying again soon cannot help.

    Only a person can fix settings, or a table that fails at the gate; a pause that the exchange
    asks for would only get longer. What an archive lacks it will lack in a minute, too.
    """
    try:
        yield
    except PERMANENT as error:
        raise AirflowFailException(str(error)) from error


def describe_failures(failed: Mapping[str, Exception]) -> list[str]:
    """Say what some parts of a task raised, each with its name.

    What the pipeline does not raise itself is an error of the program: it is named as that, and its
    traceback stands in the log.

    Args:
        failed: By name of the part.
    """
    problems = []
    for name, error in failed.items():
        if isinstance(error, MarketDataError):
            problems.append(f"{name}: {error}")
        else:
            log.error("%s met an error of the program", name, exc_info=error)
            problems.append(f"{name} met an error of the program: {type(error).__name__}: {error}")
    return problems


def raise_failures(failed: Mapping[str, Exception], problems: Sequence[str] = ()) -> None:
    """End a task for what some of its parts raised, when the others are done; nothing if none did.

    Args:
        failed: By name of the part.
        problems: What else is wrong, each with its name.

    Raises:
        RetryableError: Trying again may help one of them.
        AirflowFailException: It helps none.
    """
    words = "; ".join([*problems, *describe_failures(failed)])
    errors = [*failed.values()]
    if any(isinstance(e, RetryableError) and not isinstance(e, PERMANENT) for e in errors):
        raise RetryableError(words) from errors[0]
    if words:
        raise AirflowFailException(words) from next(iter(errors), None)


@contextmanager
def explain_disk_full(folder: str) -> Iterator[None]:
    """Say in words that a file cannot be written.

    Raises:
        RetryableError: In place of what the file system raises.
    """
    try:
        yield
    except OSError as error:
        raise RetryableError(
            f"a file below {folder} cannot be written ({error.strerror or error}): make room or "
            "give leave there, or set the Airflow Variable 'storage_url' to another folder. Files "
            "of before are as they were, and the next run writes what is missing"
        ) from error
