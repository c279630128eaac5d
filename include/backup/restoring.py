"""Restore a backup into an empty keyspace and mart; an interrupted restore is continued."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

from upath import UPath

from include.backup.files import groups_of, read_file
from include.backup.manifest import CopiedFile, Manifest, read_manifest
from include.backup.sources import CASSANDRA, Source, cassandra_tables, new_mart_tables
from include.records.errors import SettingsError
from include.store.migrations import migrations
from include.store.restored_files import RestoredFiles
from include.store.schema import migrate
from include.store.settings import CassandraSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Restored:
    """What a restore did.

    Attributes:
        files: Files written now.
        rows: Rows written now.
        expired: Rows that would no longer live, and were left out.
        skipped: Files that an interrupted restore had written.
    """

    files: int = 0
    rows: int = 0
    expired: int = 0
    skipped: int = 0

    def __add__(self, other: Restored) -> Restored:
        """Return the sums of both."""
        return Restored(*map(sum, zip(astuple(self), astuple(other), strict=True)))


def verify(folder: UPath) -> Manifest:
    """Check every file of a backup against its manifest.

    Raises:
        DamagedBackupError: A file is absent, truncated or altered.
        SettingsError: There is no finished backup.
    """
    manifest = read_manifest(folder)
    for file in manifest.files:
        held = read_file(folder, file).metadata.num_rows
        log.info("%s: %s rows, as written", file.path, f"{held:,}")
    return manifest


def restore(
    settings: CassandraSettings, folder: UPath, *, with_mart: bool, into_others: bool = False
) -> Restored:
    """Write a backup's rows to a keyspace and the mart, which are created where they do not exist.

    Nothing is written before every file is known to be as it was saved. Rows keep their write
    times and expiries, so writing them again changes nothing, and an interrupted restore is
    continued by the same call.

    Args:
        settings: Of the keyspace, as the role that may make its tables.
        folder: Of a finished backup.
        with_mart: Whether to restore the mart, too, if it is in the backup.
        into_others: Whether to add to a keyspace that has rows of its own; the mart is then left
            alone.

    Raises:
        DamagedBackupError: A file is absent, truncated or altered.
        RetryableError: Cassandra or the mart does not answer; restoring again continues.
        SettingsError: The keyspace or the mart is not empty, or the backup is of a later version.
    """
    manifest = verify(folder)
    _refuse_later_schema(folder, manifest)
    migrate(settings)
    # Backwards: what states that something is done comes after what it speaks of.
    sources: list[Source] = [*reversed(cassandra_tables(settings))]
    if with_mart and manifest.begun.scope.with_mart and not into_others:
        sources += new_mart_tables()
    held = {source.name for source in sources}
    lacking = {file.table for file in manifest.files if file.table.startswith(CASSANDRA)} - held
    if lacking:
        raise SettingsError(
            f"{settings} has no table for {', '.join(sorted(lacking))} of {folder}; restore into "
            "a keyspace that does not exist yet"
        )
    progress = RestoredFiles(settings, manifest.begun.id)
    written = _begin(settings, sources, progress, into_others=into_others)
    files = dict(enumerate(manifest.files, start=1))
    restored = Restored()
    for source in sources:
        restored += _restore_table(folder, source, files, progress, written)
    progress.clear()
    return restored


def _refuse_later_schema(folder: UPath, manifest: Manifest) -> None:
    known = {each.version: each.checksum for each in migrations()}
    unknown = {
        version: checksum
        for version, checksum in manifest.begun.schema_versions.items()
        if known.get(version) != checksum
    }
    if unknown:
        raise SettingsError(
            f"{folder} was saved by a later version of this product, with the schema's versions "
            f"{', '.join(map(str, sorted(unknown)))}; restore it with that version"
        )


def _begin(
    settings: CassandraSettings,
    sources: Sequence[Source],
    progress: RestoredFiles,
    *,
    into_others: bool,
) -> dict[int, str]:
    """Return the files that an interrupted restore has written; refuse what is not empty."""
    held = [source.name for source in sources if not source.is_empty()]
    if not held:
        # Also after an interrupted restore whose rows somebody has deleted since.
        progress.clear()
    elif progress.is_begun():
        log.info("continuing an interrupted restore")
        return progress.written()
    elif not into_others:
        raise SettingsError(
            f"{settings} or the mart is not empty ({', '.join(held)}): restore into another "
            "keyspace and mart, or empty these; --merge adds to the keyspace (docs/backup.md)"
        )
    progress.begin()
    return {}


def _restore_table(
    folder: UPath,
    source: Source,
    files: Mapping[int, CopiedFile],
    progress: RestoredFiles,
    written: Mapping[int, str],
) -> Restored:
    """Write the files of one table that are not written yet."""
    rows = expired = skipped = 0
    own = {number: file for number, file in files.items() if file.table == source.name}
    for number, file in own.items():
        if written.get(number) == file.sha256:
            skipped += 1
            continue
        count = source.write(file.path, groups_of(read_file(folder, file)))
        progress.add(number, file.path, file.sha256)
        rows, expired = rows + count, expired + file.rows - count
        log.info("%s: %s rows restored", file.path, f"{count:,}")
    return Restored(len(own) - skipped, rows, expired, skipped)
