"""The mart's connection in Airflow, asked for once in a task instead of with each statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from airflow.sdk import Connection

from include.mart.addresses import SERVER_EXAMPLE
from include.mart.failures import CONNECTION
from include.orchestration.connections import named_connection

_kept: ContextVar[list[Connection] | None] = ContextVar("kept", default=None)


@contextmanager
def kept_connection() -> Iterator[None]:
    """Keep the connection, once it is known, until the block ends."""
    token = _kept.set([])
    try:
        yield
    finally:
        _kept.reset(token)


def mart_connection() -> Connection:
    """Return the connection, as Airflow has it or as this block keeps it.

    Raises:
        AirflowNotFoundException: There is none.
    """
    kept = _kept.get()
    if kept:
        return kept[0]
    connection = named_connection(CONNECTION, SERVER_EXAMPLE)
    if kept is not None:
        kept.append(connection)
    return connection
