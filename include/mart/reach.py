"""Tell whether the mart answers, without touching what is in it."""

import sqlite3
from contextlib import closing

from include.mart.connection import mart_connection
from include.mart.failures import explain_mart_failure, mart_unavailable
from include.mart.place import mart_file

# A report commits within less.
PATIENCE_SECONDS = 2.0


def ask_mart() -> None:
    """Read from the mart; do nothing where it is a file that no report has written yet.

    Raises:
        RetryableError: It does not answer.
        SettingsError: Its connection is wrong.
        AirflowNotFoundException: There is no such connection.
    """
    connection = mart_connection()
    file = mart_file(connection)
    if file is None:
        with explain_mart_failure():
            connection.get_hook().get_first("SELECT 1")  # type: ignore[no-untyped-call]
        return
    if not file.exists():
        return
    try:
        place = f"{file.as_uri()}?mode=ro"
        with closing(sqlite3.connect(place, uri=True, timeout=PATIENCE_SECONDS)) as mart:
            mart.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except (sqlite3.Error, OSError) as error:
        raise mart_unavailable(error) from error
