"""Permissions of the pipeline's own role: read and write its tables, and nothing else."""

from __future__ import annotations

from include.records.errors import SettingsError
from include.store.failures import repeat_while_passing
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.statements import Statements

# Only the schema's role writes there.
OF_THE_SCHEMA = frozenset({"schema_migration"})


def grant_to_pipeline(settings: CassandraSettings, role: str) -> list[str]:
    """Grant a role permission to read the keyspace and write its tables; safe to repeat.

    Args:
        settings: Of the keyspace; their role must be allowed to grant in it, as its creator is.
        role: The pipeline's role, which exists already.

    Returns:
        The tables that it may write.

    Raises:
        SettingsError: The role does not exist or has no plain name, or ours may not grant.
    """
    if '"' in role or not role:
        raise SettingsError(
            f"the role {role!r} of {settings.connection_id!r} is not a valid role name"
        )
    rows = Statements(settings).run("select_tables", (settings.keyspace,))
    tables = sorted({row["table_name"] for row in rows} - OF_THE_SCHEMA)
    _grant(settings, f'GRANT SELECT ON KEYSPACE {settings.keyspace} TO "{role}"')
    for table in tables:
        _grant(settings, f'GRANT MODIFY ON TABLE {settings.keyspace}.{table} TO "{role}"')
    return tables


def _grant(settings: CassandraSettings, statement: str) -> None:
    session = SESSIONS.get(settings)
    repeat_while_passing(settings, lambda: session.execute(statement))
