"""Where the mart is, in every form in which its connection can say it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from include.mart.failures import CONNECTION
from include.records.errors import SettingsError

FILE_NAME = "mart.db"
FILE_KIND = "sqlite"
# What version 0.1.0 shipped as the connection's host. Its tasks ran in the project's folder.
FIRST_HOST = "data/mart.db"
FILE_EXAMPLE = "sqlite:////var/lib/prices/mart.db"
# A login would be hidden in every message.
SERVER_EXAMPLE = "postgresql://host:5432/analytics"
# The types of connection that the Astro SDK has a database for; Postgres is the one that is tested.
SERVER_KINDS = frozenset(
    {"bigquery", "databricks", "delta", "duckdb", "gcpbigquery", "google_cloud_platform", "mssql"}
    | {"mysql", "postgres", "redshift", "snowflake"}
)
FILE_CURE = (
    f"give it the absolute path of a file as its host, like {FILE_EXAMPLE}, or no host for "
    f"{FILE_NAME} in the folder of the Variable 'storage_url'; for a database server, choose the "
    "server's type, such as postgres"
)
_URL = re.compile(r"\A(?:file://|sqlite:///)(?=/)")
_PORT_IN_HOST = re.compile(r"[^:]*:\d*|\[.*\](?::\d*)?")
_SHOWN = 200


@dataclass(frozen=True)
class MartFields:
    """The fields of the connection that say where the mart is.

    Attributes:
        kind: The connection's type; `sqlite` for a file.
        host: Of a file its path, else the server's name, address or socket.
        schema: Of a server its database. Airflow reads the path of `sqlite:////srv/mart.db` as one.
    """

    kind: str
    host: str = ""
    schema: str = ""


@dataclass(frozen=True)
class MartFile:
    """An SQLite file.

    Attributes:
        path: Absolute; the one that version 0.1.0 shipped, FIRST_HOST, which is relative to the
            project; or empty for FILE_NAME in the folder of all files.
    """

    path: str


@dataclass(frozen=True)
class MartServer:
    """A database server, which the connection's own hook reaches."""

    kind: str


def read_mart_address(fields: MartFields) -> MartFile | MartServer:
    """Return where the mart is.

    A relative path would depend on where a process was started, and a host name would become a file
    there: neither is a file here. `sqlite:///srv/mart.db` is relative to some readers and absolute
    to others, so it is refused; with four slashes it is absolute to all.

    Raises:
        SettingsError: It is neither; the message says what to write.
    """
    host, schema = fields.host.strip(), fields.schema.strip()
    if fields.kind == FILE_KIND:
        return MartFile(_file_path(host, schema))
    if fields.kind not in SERVER_KINDS:
        raise SettingsError(
            f"the Airflow connection {CONNECTION!r} is of the type {fields.kind[:_SHOWN]!r}; write "
            f"it like {SERVER_EXAMPLE} or {FILE_EXAMPLE}"
        )
    if "://" in host or "@" in host or _PORT_IN_HOST.fullmatch(host):
        raise SettingsError(
            f"the Airflow connection {CONNECTION!r} has {host.rpartition('@')[2][:_SHOWN]!r} as "
            "its host: write there the name or the address alone, without brackets, and scheme, "
            f"port, login and password in the fields for them, or all of it as {SERVER_EXAMPLE}"
        )
    if "/" in schema:
        raise SettingsError(
            f"the Airflow connection {CONNECTION!r} names the database {schema[:_SHOWN]!r}: leave "
            f"out the slash, as in {SERVER_EXAMPLE}"
        )
    return MartServer(fields.kind)


def _file_path(host: str, schema: str) -> str:
    path = _URL.sub("", host, count=1)
    if path == FIRST_HOST and not schema:
        return path
    if not path and PurePosixPath(schema).is_absolute():
        return str(PurePosixPath(schema))
    if schema or (path and not PurePosixPath(path).is_absolute()):
        raise SettingsError(
            f"the Airflow connection {CONNECTION!r} is an SQLite file at "
            f"{(host or schema)[:_SHOWN]!r}, which is not an absolute path in its host; {FILE_CURE}"
        )
    return path
