"""What a backup says of itself: its scope, its files and their checksums."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from upath import UPath

from include.records.errors import SettingsError
from include.storage.whole_files import write_whole

FORMAT = 1
MANIFEST = "manifest.json"
BEGUN = "begun.json"
PARTS = "parts"
SUFFIX = ".parquet"

Model = TypeVar("Model", bound=BaseModel)


class Scope(BaseModel, frozen=True, extra="forbid"):
    """What a backup holds.

    Attributes:
        keyspace: Where its rows were.
        symbols: Whose rows; empty for all.
        first_day: Of the days copied, UTC; None for all before end_day.
        end_day: Exclusive; None for all from first_day on.
        with_mart: Whether the mart is in it.
    """

    keyspace: str
    symbols: tuple[str, ...] = ()
    first_day: date | None = None
    end_day: date | None = None
    with_mart: bool = True

    def __str__(self) -> str:
        """Return it as shown in messages."""
        days = f"days from {self.first_day or 'the first'} to before {self.end_day or 'no end'}"
        return ", ".join(
            [
                f"keyspace {self.keyspace}",
                " ".join(self.symbols) or "all symbols",
                days if self.is_of_some_days else "all days",
                "with the mart" if self.with_mart else "without the mart",
            ]
        )

    @property
    def is_of_some_days(self) -> bool:
        """Tell whether days are left out."""
        return self.first_day is not None or self.end_day is not None

    def has_symbol(self, symbol: str) -> bool:
        """Tell whether a symbol's rows belong to it."""
        return not self.symbols or symbol in self.symbols

    def has_period(self, period: str | date) -> bool:
        """Tell whether a day (a date or YYYY-MM-DD) or a month (YYYY-MM) has a day of it."""
        text = str(period)
        first = f"{text}-01" if len(text) == len("YYYY-MM") else text
        is_after = self.first_day is None or text >= str(self.first_day)[: len(text)]
        return is_after and (self.end_day is None or first < str(self.end_day))


class CopiedFile(BaseModel, frozen=True, extra="forbid"):
    """One file of a backup.

    Attributes:
        path: Below the backup's folder.
        rows: In it.
        bytes: Its size.
        sha256: Of its content, hexadecimal.
    """

    path: str
    rows: int
    bytes: int
    sha256: str

    @property
    def table(self) -> str:
        """The kind of table and its name: cassandra/minute_price."""
        return "/".join(PurePosixPath(self.path).parts[:2])


class Begun(BaseModel, frozen=True, extra="forbid"):
    """What is fixed when a backup begins, and does not change when it is continued.

    Attributes:
        format: Of the files and the manifest.
        id: Of this backup.
        begun_at: Aware UTC: what was published before is in it.
        scope: What it holds.
        method_version: Of the averages published by the code that wrote it.
        schema_versions: Checksum of each version applied to the keyspace.
    """

    format: int
    id: str
    begun_at: datetime
    scope: Scope
    method_version: int
    schema_versions: dict[int, str]


class Part(BaseModel, frozen=True, extra="forbid"):
    """The files of one table, complete."""

    files: tuple[CopiedFile, ...]


class Manifest(BaseModel, frozen=True, extra="forbid"):
    """A finished backup.

    Attributes:
        begun: What was fixed when it began.
        finished_at: Aware UTC.
        files: In the order in which they were written.
        checksum: SHA-256 of all else in here: it shows damage, not malice.
    """

    begun: Begun
    finished_at: datetime
    files: tuple[CopiedFile, ...]
    checksum: str = ""

    def with_checksum(self) -> Manifest:
        """Return the same with its checksum."""
        bare = self.model_copy(update={"checksum": ""})
        digest = hashlib.sha256(bare.model_dump_json().encode()).hexdigest()
        return bare.model_copy(update={"checksum": digest})

    def by_table(self) -> Iterator[tuple[str, int, int, int]]:
        """Yield each table with the number of its files, rows and bytes, in order of writing."""
        for table in dict.fromkeys(file.table for file in self.files):
            own = [file for file in self.files if file.table == table]
            yield table, len(own), sum(f.rows for f in own), sum(f.bytes for f in own)


class DamagedBackupError(SettingsError):
    """A backup is not as it was written: nothing of it is restored."""


def read_begun(folder: UPath) -> Begun | None:
    """Return how a backup in a folder began; None where none did.

    Raises:
        DamagedBackupError: The file is not readable.
    """
    file = folder / BEGUN
    return _parsed(Begun, file) if file.exists() else None


def write_begun(folder: UPath, begun: Begun) -> None:
    """Write how a backup begins."""
    write_whole(folder / BEGUN, begun.model_dump_json(indent=2) + "\n")


def read_part(folder: UPath, table: str) -> Part | None:
    """Return the files of a table that is complete; None while it is not."""
    file = folder / PARTS / f"{table.replace('/', '-')}.json"
    return _parsed(Part, file) if file.exists() else None


def write_part(folder: UPath, table: str, files: Iterable[CopiedFile]) -> None:
    """Record that a table is complete."""
    file = folder / PARTS / f"{table.replace('/', '-')}.json"
    write_whole(file, Part(files=tuple(files)).model_dump_json(indent=1) + "\n")


def write_manifest(folder: UPath, manifest: Manifest) -> None:
    """Write the manifest, with its checksum: from now on the backup is complete."""
    content = manifest.with_checksum().model_dump_json(indent=1) + "\n"
    write_whole(folder / MANIFEST, content)


def read_manifest(folder: UPath) -> Manifest:
    """Return the manifest of a finished backup.

    Raises:
        DamagedBackupError: It is not as it was written.
        SettingsError: There is no finished backup, or it has a later format.
    """
    file = folder / MANIFEST
    if not file.exists():
        state = "an unfinished one; continue it with save" if (folder / BEGUN).exists() else "none"
        raise SettingsError(f"{folder} holds no finished backup: {state}")
    manifest = _parsed(Manifest, file)
    if manifest.with_checksum().checksum != manifest.checksum or any(
        ".." in PurePosixPath(each.path).parts or PurePosixPath(each.path).is_absolute()
        for each in manifest.files
    ):
        raise DamagedBackupError(f"{file} was altered: its checksum differs; use another backup")
    return manifest


def has_manifest(folder: UPath) -> bool:
    """Tell whether a folder holds a finished backup."""
    return bool((folder / MANIFEST).exists())


def _parsed(model: type[Model], file: UPath) -> Model:
    content = file.read_bytes()
    # Not by the model: another format may have other fields.
    written_as = re.search(rb'"format":\s*(\d+)', content)
    if written_as and int(written_as[1]) != FORMAT:
        raise SettingsError(
            f"{file} has format {int(written_as[1])}, this version reads {FORMAT}; use the version "
            "of this product that wrote it"
        )
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise DamagedBackupError(
            f"{file} is truncated or altered ({error.error_count()} errors, the first: "
            f"{error.errors()[0]['msg']}); use another backup"
        ) from error
