"""Create and migrate the keyspace and its tables; safe to repeat and to run concurrently."""

from __future__ import annotations

import logging
import os
import platform
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from include.records.errors import RetryableError, SettingsError
from include.store.failures import repeat_while_passing
from include.store.migrations import BOOKKEEPING, Migration, due, migrations
from include.store.replication import check_keyspace_copies, check_new_keyspace
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings, check_keyspace
from include.store.statements import Statements, qualified

SCOPE = "schema"
# Longer than a schema statement may take: the holder renews the lock before each.
LOCK_SECONDS = 60
STATEMENT_SECONDS = 30.0
# How long to wait for another worker, which keeps the lock only while it makes progress.
LOCK_PATIENCE_SECONDS = 180.0
POLL_SECONDS = 0.5

log = logging.getLogger(__name__)


def migrate(settings: CassandraSettings) -> list[str]:
    """Create the keyspace if it does not exist, and apply every pending version, in order.

    Args:
        settings: Of the keyspace; the role may create and alter in it.

    Returns:
        The names of the files applied now.

    Raises:
        SettingsError: The keyspace's name is not plain, it keeps one copy of each row on several
            nodes, an applied version was changed, or the role lacks permission.
        RetryableError: Cassandra does not answer, its nodes disagree, or another worker holds
            the lock for too long.
    """
    check_keyspace(settings.keyspace)
    known = migrations()
    statements = Statements(settings)
    _create_keyspace(settings)
    _change(settings, known[BOOKKEEPING].statement)
    with _locked(statements) as owner:
        pending = due(known, applied_versions(statements))
        for migration in pending:
            _apply(statements, migration, owner)
        _keep_days(settings)
    return [migration.name for migration in pending]


def applied_versions(statements: Statements) -> dict[int, str]:
    """Return the checksum of each version applied to the keyspace.

    Raises:
        SettingsError: The keyspace or its table of versions does not exist.
    """
    rows = statements.run("select_schema_migrations", (SCOPE,))
    return {row["version"]: row["checksum"] for row in rows if row["version"] is not None}


def check_version(statements: Statements) -> None:
    """Refuse a keyspace whose tables are older than this code.

    Raises:
        SettingsError: A version is pending, or the keyspace does not exist or has no plain name.
    """
    check_keyspace(statements.settings.keyspace)
    pending = due(migrations(), applied_versions(statements))
    if pending:
        raise SettingsError(
            f"{statements.settings} has tables of an older version, missing "
            f"{', '.join(migration.name for migration in pending)}; run the DAG initialize_store"
        )


def _create_keyspace(settings: CassandraSettings) -> None:
    if Statements(settings).run("select_keyspace", (settings.keyspace,)):
        check_keyspace_copies(settings)
        return
    if settings.secure_connect_bundle:
        raise SettingsError(
            f"{settings}: the database has no such keyspace, and DataStax Astra cannot create "
            "one by CQL; add it in the Astra console"
        )
    check_new_keyspace(settings)
    _change(
        settings,
        f"CREATE KEYSPACE IF NOT EXISTS {settings.keyspace} "
        f"WITH replication = {settings.replication}",
    )


def _apply(statements: Statements, migration: Migration, owner: str) -> None:
    now = datetime.now(UTC)
    if not _is_applied(statements, "renew_schema_lock", (LOCK_SECONDS, owner, now, SCOPE, owner)):
        raise _lost_lock(statements)
    log.info("%s: applying %s", statements.settings, migration.name)
    if not _has_columns(statements, migration):
        _change(statements.settings, migration.statement)
    values = (migration.name, migration.checksum, now, SCOPE, migration.version, owner)
    if not _is_applied(statements, "record_schema_migration", values):
        raise _lost_lock(statements)


def _has_columns(statements: Statements, migration: Migration) -> bool:
    """Tell whether a version's columns exist: a worker died before it recorded the version."""
    if not migration.added_columns:
        return False
    table, added = migration.added_columns
    rows = statements.run("select_columns", (statements.settings.keyspace, table))
    return {row["column_name"] for row in rows} >= set(added)


def _change(settings: CassandraSettings, text: str) -> None:
    """Run one statement of the schema and wait until every node has it."""
    session = SESSIONS.get(settings)
    statement = qualified(text, settings.keyspace)

    def change() -> bool:
        # All workers use one node: otherwise two that create the same table at the same time
        # would create it twice, with two ids.
        node = min(session.get_pool_state(), key=lambda host: str(host.address))
        session.execute_async(statement, timeout=STATEMENT_SECONDS, host=node).result()
        return bool(session.cluster.control_connection.wait_for_schema_agreement())

    if not repeat_while_passing(settings, change):
        raise RetryableError(
            f"the nodes of {settings} do not agree on the schema; check nodetool "
            "describecluster, then run the DAG initialize_store again"
        )


def _keep_days(settings: CassandraSettings) -> None:
    seconds = settings.second_price_days * 24 * 60 * 60
    tables = Statements(settings).run("select_tables", (settings.keyspace,))
    kept = {table["table_name"]: table["default_time_to_live"] for table in tables}
    if kept["price_by_second"] != seconds:
        _change(settings, f"ALTER TABLE price_by_second WITH default_time_to_live = {seconds}")


@contextmanager
def _locked(statements: Statements) -> Iterator[str]:
    """Hold the schema lock for one worker; a dead worker's lock expires."""
    owner = f"{platform.node()}/{os.getpid()}/{uuid.uuid4()}"
    deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
    while not _is_applied(
        statements, "take_schema_lock", (LOCK_SECONDS, owner, datetime.now(UTC), SCOPE)
    ):
        if time.monotonic() > deadline:
            raise RetryableError(
                f"another worker has held the schema lock of {statements.settings} for "
                f"{LOCK_PATIENCE_SECONDS:g} s; see lock_owner in schema_migration"
            )
        log.info("%s: waiting for another worker to migrate the schema", statements.settings)
        time.sleep(POLL_SECONDS)
    try:
        yield owner
    finally:
        statements.run("release_schema_lock", (SCOPE, owner))


def _is_applied(statements: Statements, name: str, values: tuple[object, ...]) -> bool:
    """Run a conditional statement; after a timeout it may find its own earlier write."""
    (row,) = statements.run(name, values)
    return bool(row["[applied]"]) or row.get("lock_owner") in values


def _lost_lock(statements: Statements) -> RetryableError:
    return RetryableError(
        f"another worker took over the schema lock of {statements.settings}: this one took "
        f"longer than {LOCK_SECONDS} s; run the DAG initialize_store again"
    )
