"""The path of the mart when it is an SQLite file."""

from pathlib import Path

from airflow.sdk import Connection

from include.mart.failures import CONNECTION
from include.orchestration.connections import PROJECT, storage_url
from include.records.errors import SettingsError

FILE_NAME = "mart.db"
# What version 0.1.0 shipped as the connection's host. Its tasks ran in the project's folder.
FIRST_HOST = "data/mart.db"
CURE = (
    "give it the absolute path of a file as its host, or no host for "
    f"{FILE_NAME} in the folder of the Variable 'storage_url'; for a database server, choose the "
    "server's type, such as postgres"
)


def mart_file(connection: Connection) -> Path | None:
    """Return the SQLite file that the connection `mart` leads to; None for a database server.

    Without a host it is mart.db in the folder of the Variable `storage_url`. A relative path would
    depend on where a process was started, and a host name would become a file there; only the one
    that version 0.1.0 shipped is accepted, as the file in the project that it was.

    Raises:
        SettingsError: It names no absolute path, or its folder is an object store.
    """
    if connection.conn_type != "sqlite":
        return None
    host = (connection.host or "").strip()
    if host == FIRST_HOST and not connection.schema:
        return PROJECT / FIRST_HOST
    if connection.schema or (host and not Path(host).is_absolute()):
        raise SettingsError(
            f"the Airflow connection {CONNECTION!r} is an SQLite file at "
            f"{host or connection.schema!r}, which is not an absolute path in its host; {CURE}"
        )
    if host:
        return Path(host)
    folder = storage_url()
    protocol, separator, path = folder.partition("://")
    if separator and protocol not in {"file", "local"}:
        raise SettingsError(
            f"the Airflow connection {CONNECTION!r} is an SQLite file without a path: the "
            f"Variable 'storage_url' is {folder!r}, and SQLite needs a local folder; {CURE}"
        )
    return Path(path if separator else folder) / FILE_NAME
