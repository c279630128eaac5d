"""Turning the pipeline's errors into what Airflow does next."""

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException

from include.marketdata.errors import SettingsError


@contextmanager
def no_retry_for_settings() -> Iterator[None]:
    """Fail a task at once, with the message alone, when only a person can fix its cause."""
    try:
        yield
    except SettingsError as error:
        raise AirflowFailException(str(error)) from error
