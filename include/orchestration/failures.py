"""Turning the pipeline's errors into what Airflow does next."""

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException

from include.marketdata.errors import (
    ArchiveNotFoundError,
    CheckFailedError,
    ExchangeBusyError,
    NoSuchDayError,
    RetryableError,
    SettingsError,
)

# What a damaged file or a payload that nobody foresaw raises; Cassandra's errors are not of these.
IN_VAIN = (
    SettingsError,
    ExchangeBusyError,
    CheckFailedError,
    ArchiveNotFoundError,
    NoSuchDayError,
)
UNREADABLE = (OSError, ValueError, TypeError, KeyError, ArithmeticError)


@contextmanager
def no_retry_in_vain() -> Iterator[None]:
    """Fail a task at once, with the message alone, when trying again soon cannot help.

    Only a person can fix settings, or a table that fails at the gate; a pause that the exchange
    asks for would only get longer. What an archive lacks it will lack in a minute, too.
    """
    try:
        yield
    except IN_VAIN as error:
        raise AirflowFailException(str(error)) from error


@contextmanager
def telling_of_full_disks(folder: str) -> Iterator[None]:
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
