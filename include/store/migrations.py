"""Schema versions: the files of include/sql/schema, and which of them are still to be applied."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from include.records.errors import SettingsError

SCHEMA_FOLDER = Path(__file__).resolve().parents[1] / "sql" / "schema"
# Version 0 is the table that records the others.
BOOKKEEPING = 0


@dataclass(frozen=True)
class Migration:
    """One versioned file: one statement, repeatable, never changed after its release.

    Attributes:
        version: From 0, without a gap.
        name: The file's name.
        statement: Its CQL, with its comments.
    """

    version: int
    name: str
    statement: str

    @functools.cached_property
    def checksum(self) -> str:
        """SHA-256 of the statement, hexadecimal; comments and white space do not count."""
        bare = re.sub(r"--.*", "", self.statement)
        return hashlib.sha256(" ".join(bare.split()).encode()).hexdigest()

    @property
    def added_columns(self) -> tuple[str, tuple[str, ...]] | None:
        """The table and the columns that the statement adds to it; None where it adds none.

        Not every server supports ADD IF NOT EXISTS: such a statement is skipped if its columns
        exist.
        """
        bare = re.sub(r"--.*", "", self.statement)
        found = re.fullmatch(r"\s*ALTER TABLE (\w+) ADD \((.*)\)\s*;?\s*", bare, re.DOTALL)
        if not found:
            return None
        return found[1], tuple(column.split()[0] for column in found[2].split(","))


@functools.cache
def migrations(folder: Path = SCHEMA_FOLDER) -> tuple[Migration, ...]:
    """Return the schema's versions, ascending; read once by a process.

    Raises:
        SettingsError: A file has no number, or a number is missing or duplicate.
    """
    found: list[Migration] = []
    for file in sorted(folder.glob("*.cql")):
        number, _, _ = file.name.partition("_")
        version = int(number) if number.isdecimal() else None
        if version != len(found):
            raise SettingsError(
                f"{file.name} should be number {len(found):03} of {folder}: each file is one "
                "version, numbered from 000 without a gap"
            )
        found.append(Migration(version, file.name, file.read_text(encoding="utf-8")))
    return tuple(found)


def due(known: Sequence[Migration], applied: Mapping[int, str]) -> list[Migration]:
    """Return the versions still to be applied, in order.

    Args:
        known: The versions that this code has.
        applied: Checksum of each version applied to the keyspace.

    Raises:
        SettingsError: The file of an applied version has changed.
    """
    for migration in known:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise SettingsError(
                f"{migration.name} was changed after it had been applied; restore the old text "
                "and write the change as a new file with the next number"
            )
    return [m for m in known if m.version != BOOKKEEPING and m.version not in applied]
