"""Error messages for the mart's database."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2  # type: ignore[import-untyped]
from sqlalchemy.exc import DatabaseError, OperationalError

from include.records.errors import RetryableError

CONNECTION = "mart"


@contextmanager
def explain_mart_failure() -> Iterator[None]:
    """Explain that the mart's database is locked, full or gone, and what to do about it.

    Raises:
        RetryableError: In place of the database's error.
    """
    try:
        yield
    except DatabaseError as error:
        # A file that is not a database raises DatabaseError itself, not an OperationalError.
        if isinstance(error, OperationalError) or type(error) is DatabaseError:
            raise mart_unavailable(error.orig) from error
        raise
    except psycopg2.OperationalError as error:
        # The SDK opens some connections without SQLAlchemy.
        raise mart_unavailable(error) from error


def mart_unavailable(error: BaseException | None) -> RetryableError:
    """Return the error of a mart that cannot be reached or written."""
    return RetryableError(
        f"the mart behind the Airflow connection {CONNECTION!r} is unavailable: "
        f"{str(error).strip()}; unlock it, restore access or free disk space. "
        "Files and reports are unchanged, and the next run covers everything since"
    )
