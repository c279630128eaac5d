"""Making the keyspace and its tables; safe to repeat."""

from __future__ import annotations

import re
from pathlib import Path

from include.marketdata.errors import SettingsError
from include.marketdata.session import CassandraSettings, open_session

SCHEMA_FOLDER = Path(__file__).resolve().parents[1] / "sql" / "schema"


def create_schema(settings: CassandraSettings) -> list[str]:
    """Create the keyspace and every table that is not there yet.

    Args:
        settings: Names the keyspace and its replication; the role may create both.

    Returns:
        The names of the schema files applied, in order.

    Raises:
        SettingsError: The keyspace's name is not a plain CQL name.
        RetryableError: Cassandra does not answer.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,47}", settings.keyspace):
        raise SettingsError(
            f"keyspace {settings.keyspace!r} must be lower-case letters, digits and _, "
            "at most 48, starting with a letter"
        )
    session = open_session(settings)
    with session.cluster:
        session.execute(
            f"CREATE KEYSPACE IF NOT EXISTS {settings.keyspace} "
            f"WITH replication = {settings.replication}"
        )
        session.set_keyspace(settings.keyspace)
        files = sorted(SCHEMA_FOLDER.glob("*.cql"))
        for file in files:
            session.execute(file.read_text(encoding="utf-8"))
    return [file.name for file in files]
