"""The files of a backup: Parquet, written whole, and checked before a row of them is used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from include.backup.manifest import CopiedFile, DamagedBackupError
from include.storage.whole_files import write_whole

# Parquet compresses each group of rows separately: small ones cost a fifth more.
ROWS_PER_GROUP = 50_000
COMPRESSION = "zstd"


def write_file(
    folder: UPath, path: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
) -> CopiedFile | None:
    """Write rows as one file, which appears whole or not at all.

    Args:
        folder: Of the backup.
        path: Of the file below it.
        schema: Of the rows.
        batches: The rows; one group of them is held at a time, and the compressed file.

    Returns:
        Its entry; None where there is no row, and then no file.
    """
    sink = pa.BufferOutputStream()
    rows = 0
    with pq.ParquetWriter(sink, schema, compression=COMPRESSION) as writer:
        for group in _groups(batches):
            rows += group.num_rows
            writer.write_table(group)
    if not rows:
        return None
    content = sink.getvalue().to_pybytes()
    write_whole(folder / path, content)
    return _entry(path, rows, content)


def entry_of(folder: UPath, path: str) -> CopiedFile | None:
    """Return the entry of a file that an earlier attempt wrote; None where there is none.

    Raises:
        DamagedBackupError: It is no longer as it was written.
    """
    file = folder / path
    if not file.exists():
        return None
    content = file.read_bytes()
    try:
        return _entry(path, pq.ParquetFile(pa.BufferReader(content)).metadata.num_rows, content)
    except pa.ArrowInvalid as error:
        raise DamagedBackupError(
            f"{file} is truncated or altered ({error}); delete it and save again"
        ) from error


def read_file(folder: UPath, entry: CopiedFile) -> pq.ParquetFile:
    """Open a file once its content is known to be what was written.

    Raises:
        DamagedBackupError: It is absent, truncated or altered.
    """
    file = folder / entry.path
    if not file.exists():
        raise DamagedBackupError(f"{file} is missing from the backup; use another backup")
    content = file.read_bytes()
    if len(content) != entry.bytes:
        raise DamagedBackupError(
            f"{file} has {len(content):,} bytes instead of {entry.bytes:,}: it was truncated or "
            "altered; use another backup"
        )
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise DamagedBackupError(
            f"{file} was altered: its SHA-256 is not that of the manifest; use another backup"
        )
    return pq.ParquetFile(pa.BufferReader(content))


def groups_of(file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, a group at a time."""
    yield from file.iter_batches(batch_size=ROWS_PER_GROUP)


def _entry(path: str, rows: int, content: bytes) -> CopiedFile:
    digest = hashlib.sha256(content).hexdigest()
    return CopiedFile(path=path, rows=rows, bytes=len(content), sha256=digest)


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Join small batches until there are rows enough for a group."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(each.num_rows for each in held) >= ROWS_PER_GROUP:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)
