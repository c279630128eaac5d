"""Save the keyspace and the mart; an interrupted backup is continued."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from upath import UPath

from include.backup.files import entry_of, write_file
from include.backup.manifest import (
    FORMAT,
    Begun,
    CopiedFile,
    Manifest,
    Scope,
    has_manifest,
    read_begun,
    read_part,
    write_begun,
    write_manifest,
    write_part,
)
from include.backup.sources import Source, cassandra_tables, mart_tables
from include.records.errors import SettingsError
from include.records.limits import METHOD_VERSION
from include.records.windows import iso
from include.store.schema import applied_versions, check_version
from include.store.settings import CassandraSettings
from include.store.statements import Statements

log = logging.getLogger(__name__)


def save(settings: CassandraSettings, folder: UPath, scope: Scope) -> Manifest:
    """Write a backup to a folder, or continue one that was interrupted there.

    The pipeline may go on meanwhile: everything published before the backup began is in it, and
    what is published while it is written may be in it or not (docs/backup.md says why either is
    harmless).

    Args:
        settings: Of the keyspace.
        folder: For this backup alone.
        scope: What to save; that of the interrupted one.

    Returns:
        What was written.

    Raises:
        DamagedBackupError: A file of the interrupted backup is no longer as it was written.
        RetryableError: Cassandra or the mart does not answer; saving again continues.
        SettingsError: The folder holds another backup, or the keyspace has older tables.
    """
    statements = Statements(settings)
    check_version(statements)
    begun = _begin(folder, scope, applied_versions(statements))
    # The mart before the published minutes: what it has is in them, and it catches up by itself.
    sources: list[Source] = [*cassandra_tables(settings)]
    if scope.with_mart:
        sources = [*mart_tables(), *sources]
    files = [file for source in sources for file in _save_table(folder, source, begun.scope)]
    manifest = Manifest(begun=begun, finished_at=datetime.now(UTC), files=tuple(files))
    write_manifest(folder, manifest)
    return manifest


def _begin(folder: UPath, scope: Scope, schema_versions: dict[int, str]) -> Begun:
    """Return how the backup in a folder began: now, or with the attempt that was interrupted."""
    if has_manifest(folder):
        raise SettingsError(f"{folder} holds a finished backup; save to another folder")
    begun = read_begun(folder)
    if begun is None:
        begun = Begun(
            format=FORMAT,
            id=uuid.uuid4().hex,
            begun_at=datetime.now(UTC),
            scope=scope,
            method_version=METHOD_VERSION,
            schema_versions=schema_versions,
        )
        write_begun(folder, begun)
        return begun
    if (begun.scope, begun.schema_versions) != (scope, schema_versions):
        raise SettingsError(
            f"{folder} holds an interrupted backup of {iso(begun.begun_at)} ({begun.scope}), and "
            f"this one is of other rows ({scope}) or tables; repeat that command, or save to "
            "another folder"
        )
    log.info("continuing the backup that began at %s", iso(begun.begun_at))
    return begun


def _save_table(folder: UPath, source: Source, scope: Scope) -> Sequence[CopiedFile]:
    """Write the files of a table, except those that an earlier attempt has written."""
    # A finished table is not looked at again: what has been added since might not be in those
    # that were saved after it.
    if part := read_part(folder, source.name):
        log.info("%s: %d files, saved earlier", source.name, len(part.files))
        return part.files
    files: list[CopiedFile] = []
    for planned in source.files(scope):
        file = entry_of(folder, planned.path)
        if file is None:
            file = write_file(folder, planned.path, source.schema, planned.read())
        if file is not None:
            files.append(file)
            log.info("%s: %s rows", file.path, f"{file.rows:,}")
    write_part(folder, source.name, files)
    return files
