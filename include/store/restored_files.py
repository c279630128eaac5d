"""How far a restore has come: recorded in the keyspace that it fills."""

from __future__ import annotations

from datetime import UTC, datetime

from include.store.settings import CassandraSettings
from include.store.statements import Row, Statements


class RestoredFiles:
    """Which files of a backup a restore has written to a keyspace, until it is finished.

    They are rows of schema_migration, in a scope of their own: a restore works as the role that
    makes the tables, and only that role writes there.

    Args:
        settings: Of the keyspace.
        backup_id: Of the backup.
    """

    def __init__(self, settings: CassandraSettings, backup_id: str) -> None:
        self._statements = Statements(settings)
        self._scope = f"restore {backup_id}"

    def begin(self) -> None:
        """Record that the restore has begun."""
        self._note(0, "", "begun")

    def is_begun(self) -> bool:
        """Tell whether a restore of this backup began and has not been finished."""
        return bool(self._rows())

    def written(self) -> dict[int, str]:
        """Return the checksums of the files written, by number."""
        return {row["version"]: row["checksum"] for row in self._rows() if row["version"]}

    def add(self, number: int, path: str, checksum: str) -> None:
        """Record that a file was written; its number begins at 1."""
        self._note(number, path, checksum)

    def clear(self) -> None:
        """Forget them."""
        self._statements.run("delete_restored_files", (self._scope,))

    def _rows(self) -> list[Row]:
        rows = self._statements.run("select_schema_migrations", (self._scope,))
        return [row for row in rows if row["version"] is not None]

    def _note(self, number: int, path: str, checksum: str) -> None:
        values = (self._scope, number, path, checksum, datetime.now(UTC))
        self._statements.run("insert_restored_file", values)
