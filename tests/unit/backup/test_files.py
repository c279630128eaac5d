"""The files of a backup."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from include.backup.files import ROWS_PER_GROUP, entry_of, groups_of, read_file, write_file
from include.backup.manifest import DamagedBackupError

SCHEMA = pa.schema([("price", pa.string()), ("count", pa.int32())])
PATH = "cassandra/price_by_second/BTCUSDT/2026-03-01.parquet"


def batches(count, size=7_000):
    for at in range(count):
        numbers = range(at * size, (at + 1) * size)
        yield pa.RecordBatch.from_pydict(
            {"price": [f"{number}.10" for number in numbers], "count": [*numbers]}, SCHEMA
        )


def test_rows_come_back_as_they_were_in_groups_of_bounded_size(tmp_path):
    entry = write_file(UPath(tmp_path), PATH, SCHEMA, batches(20))

    file = read_file(UPath(tmp_path), entry)
    groups = [file.metadata.row_group(at).num_rows for at in range(file.metadata.num_row_groups)]
    assert pa.Table.from_batches(groups_of(file)) == pa.Table.from_batches(batches(20))
    assert len(groups) > 1
    assert max(groups) < ROWS_PER_GROUP + 7_000
    assert entry.rows == 140_000
    assert entry_of(UPath(tmp_path), PATH) == entry


def test_what_has_no_row_has_no_file(tmp_path):
    empty = pa.RecordBatch.from_pydict({"price": [], "count": []}, SCHEMA)

    assert write_file(UPath(tmp_path), PATH, SCHEMA, [empty]) is None
    assert entry_of(UPath(tmp_path), PATH) is None
    assert [*tmp_path.iterdir()] == []


def test_an_interrupted_writer_leaves_no_file(tmp_path):
    def dying():
        yield from batches(10)
        raise OSError("connection lost")

    with pytest.raises(OSError, match="connection lost"):
        write_file(UPath(tmp_path), PATH, SCHEMA, dying())

    assert [*tmp_path.iterdir()] == []


def test_one_changed_bit_is_found(tmp_path):
    """In the middle of the rows, where Parquet itself may not notice."""
    entry = write_file(UPath(tmp_path), PATH, SCHEMA, batches(1))
    file = tmp_path / PATH
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)

    with pytest.raises(DamagedBackupError, match="SHA-256"):
        read_file(UPath(tmp_path), entry)


def test_a_truncated_file_of_an_interrupted_backup_is_refused(tmp_path):
    write_file(UPath(tmp_path), PATH, SCHEMA, batches(1))
    file = tmp_path / PATH
    file.write_bytes(file.read_bytes()[:-1])

    with pytest.raises(DamagedBackupError, match="delete it"):
        entry_of(UPath(tmp_path), PATH)


def test_any_program_that_knows_parquet_reads_them(tmp_path):
    write_file(UPath(tmp_path), PATH, SCHEMA, batches(1, size=2))

    assert pq.read_table(tmp_path / PATH, partitioning=None).to_pylist() == [
        {"price": "0.10", "count": 0},
        {"price": "1.10", "count": 1},
    ]


def test_a_backup_may_be_in_an_object_store():
    folder = UPath("memory://backups/today")

    entry = write_file(folder, PATH, SCHEMA, batches(1))

    assert read_file(folder, entry).metadata.num_rows == entry.rows
