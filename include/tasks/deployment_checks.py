"""What check_deployment asks about: each part of the deployment that this worker is in."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from uuid import uuid4

from airflow.configuration import conf
from airflow.sdk import Variable
from upath import UPath

from include.mart.connection import mart_connection
from include.mart.place import mart_file
from include.mart.reach import ask_mart
from include.orchestration.connections import (
    PROJECT,
    binance_settings,
    cassandra_settings,
    open_exchange,
    open_store,
    schema_settings,
    simulator_host,
    storage_url,
    symbols,
)
from include.orchestration.context import now
from include.orchestration.defaults import FETCH_POOL
from include.orchestration.deployment import (
    Check,
    filesystem_of,
    judge_pool,
    judge_shared,
    judge_symbols,
    judge_versions,
)
from include.orchestration.failures import explain_disk_full
from include.records.errors import RetryableError, SettingsError
from include.storage.whole_files import LOCAL, write_whole
from include.store.session import SESSIONS

CASSANDRA, EXCHANGE, STORAGE, MART = "Cassandra", "exchange", "storage", "mart"
TABLES = "tables"
MOUNTS = Path("/proc/self/mounts")


def deployment_checks(*, is_created: bool) -> list[Check]:
    """Return the checks of this deployment, in the order in which a person would mend it.

    Args:
        is_created: Whether create_tables has done its work in this run.
    """
    settings = [
        Check("connection binance_default", _exchange_connection),
        Check("connection cassandra_default", lambda: str(cassandra_settings())),
        Check("connection cassandra_schema", _schema_connection),
        Check("connection mart", _mart_connection),
    ]
    exchange, cassandra, _, mart = (check.part for check in settings)
    return [
        Check("versions", _versions),
        *settings,
        Check(CASSANDRA, _cassandra, (cassandra,)),
        Check(TABLES, lambda: _tables(is_created=is_created), (CASSANDRA,)),
        Check(EXCHANGE, _exchange, (TABLES, exchange)),
        Check("symbols", _symbols, (EXCHANGE,)),
        Check("pool", _pool),
        Check(STORAGE, _storage),
        Check("storage as the API server sees it", _storage_seen, (STORAGE,)),
        Check(MART, _mart, (mart,)),
        Check("mart as the API server sees it", _mart_seen, (MART,)),
    ]


def _versions() -> str:
    file = PROJECT / "requirements.txt"
    return judge_versions(file.read_text(encoding="utf-8"), _installed, sys.version_info[:2])


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _exchange_connection() -> str:
    # Where it is not needed, nothing else reads it.
    simulator_host()
    return binance_settings().base_urls[0]


def _schema_connection() -> str:
    settings = schema_settings()
    return f"works as {settings.login!r}" if settings else "none: one role does everything"


def _mart_connection() -> str:
    file = mart_file(mart_connection())
    return str(file) if file else f"a server of the type {mart_connection().conn_type}"


def _cassandra() -> str:
    SESSIONS.get(cassandra_settings())
    return "answers, and takes the login"


def _tables(*, is_created: bool) -> str:
    if not is_created:
        raise SettingsError(
            "create_tables has failed: its log says why; then run the DAG initialize_store again"
        )
    open_store()
    return "of this version"


def _exchange() -> str:
    with open_exchange(open_store()).client(now) as client:
        return f"answers, and its clock says {client.server_time():%H:%M:%S}"


def _symbols() -> str:
    with open_exchange(open_store()).client(now) as client:
        found = judge_symbols(client, symbols())
    is_set = bool(Variable.get("symbols", default=""))
    return found if is_set else f"{found}, as the Airflow Variable 'symbols' is not set"


def _pool() -> str:
    return judge_pool(FETCH_POOL, _slots_in_metadata())


def _slots_in_metadata() -> Callable[[str], int | None] | None:
    """Return what looks pools up; None where this deployment lets no task reach the metadata."""
    # Seconds of imports, for this check alone.
    from include.orchestration import metadata, pools  # noqa: PLC0415

    url = metadata.metadata_url()
    return None if url is None else lambda name: pools.slots_of(url, name)


def _storage() -> str:
    """Write a file, read it back and remove it."""
    folder, content = storage_url(), uuid4().hex
    file = UPath(folder) / f"check-{content}.txt"
    with explain_disk_full(folder):
        write_whole(file, content)
        try:
            found = file.read_text()
        finally:
            with suppress(FileNotFoundError):
                file.unlink()
    if found != content:
        raise RetryableError(
            f"{folder} gives back something else than was just written there: name another place "
            "in the Airflow Variable 'storage_url'"
        )
    return f"this worker writes and reads {folder}"


def _storage_seen() -> str:
    return _seen("the Airflow Variable 'storage_url'", storage_url())


def _mart() -> str:
    file = mart_file(mart_connection())
    ask_mart()
    if file is None:
        return "answers"
    # A report makes the folder.
    existing = next(each for each in (file, *file.parents) if each.exists())
    if not os.access(existing, os.W_OK):
        raise SettingsError(
            f"this worker may not write {existing}: permit it, or name another place of the file "
            "in the connection 'mart'"
        )
    return f"can be read and written at {file}" if existing == file else f"will be made at {file}"


def _mart_seen() -> str:
    file = mart_file(mart_connection())
    return "a server" if file is None else _seen("the connection 'mart'", str(file))


def _seen(what: str, place: str) -> str:
    protocol, separator, path = place.partition("://")
    is_local = not separator or protocol in LOCAL
    mounts = MOUNTS.read_text(encoding="utf-8") if is_local and MOUNTS.exists() else ""
    folder = Path(path if separator else place)
    filesystem = filesystem_of(str(folder.resolve()), mounts) if is_local else ""
    return judge_shared(what, place, filesystem, conf.get("core", "executor"))
