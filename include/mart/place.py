"""The path of the mart when it is an SQLite file."""

from pathlib import Path

from airflow.sdk import Connection

from include.mart.addresses import (
    FILE_CURE,
    FILE_NAME,
    FIRST_HOST,
    MartFields,
    MartServer,
    read_mart_address,
)
from include.mart.failures import CONNECTION
from include.orchestration.connections import PROJECT, storage_url
from include.records.errors import SettingsError


def mart_file(connection: Connection) -> Path | None:
    """Return the SQLite file that the connection `mart` leads to; None for a database server.

    Without a path it is mart.db in the folder of the Variable `storage_url`. Of relative paths only
    the one that version 0.1.0 shipped is accepted, as the file in the project that it was.

    Raises:
        SettingsError: It names neither a server nor an absolute path, or its folder is an object
            store.
    """
    address = read_mart_address(
        MartFields(
            kind=connection.conn_type or "",
            host=connection.host or "",
            schema=connection.schema or "",
        )
    )
    if isinstance(address, MartServer):
        return None
    if address.path == FIRST_HOST:
        return PROJECT / FIRST_HOST
    if address.path:
        return Path(address.path)
    folder = storage_url()
    protocol, separator, path = folder.partition("://")
    if separator and protocol not in {"file", "local"}:
        raise SettingsError(
            f"the Airflow connection {CONNECTION!r} is an SQLite file without a path: the "
            f"Variable 'storage_url' is {folder!r}, and SQLite needs a local folder; {FILE_CURE}"
        )
    return Path(path if separator else folder) / FILE_NAME
