"""What is wrong with the mart's database, in words."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2  # type: ignore[import-untyped]
from sqlalchemy.exc import DatabaseError, OperationalError

from include.records.errors import RetryableError

CONNECTION = "mart"


@contextmanager
def explain_mart_failure() -> Iterator[None]:
    """Say in words when the mart's database is locked, full or gone.

    Raises:
        RetryableError: In place of what the database raises.
    """
    try:
        yield
    except DatabaseError as error:
        # A file that is no database is no operational error, and of no kind below either.
        if isinstance(error, OperationalError) or type(error) is DatabaseError:
            raise mart_unavailable(error.orig) from error
        raise
    except psycopg2.OperationalError as error:
        # The SDK opens some connections past SQLAlchemy.
        raise mart_unavailable(error) from error


def mart_unavailable(error: BaseException | None) -> RetryableError:
    """Return what to say of a mart that cannot be reached or written."""
    return RetryableError(
        f"the mart behind the Airflow connection {CONNECTION!r} does not take part: "
        f"{str(error).strip()}; let go of it, or make it reachable or room for it. "
        "Files and reports are as they were, and the next run takes up everything since"
    )
