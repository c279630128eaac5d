"""Read a table's rows for a backup, and write them back: each with its write time and expiry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

import pyarrow as pa

from include.records.errors import SettingsError
from include.records.windows import month_of, to_ms
from include.store.copied_columns import Columns, living_rows, record_batch, stored_names
from include.store.copied_tables import CopiedTable, FileSpan
from include.store.loader import load
from include.store.settings import CassandraSettings
from include.store.statements import Statements

PARTITIONS, ROWS, FIRST, INSERT = "partitions", "rows", "first", "insert"
# Each query for the keys of a part of the ring ends within a request's time, however large a table.
RING_PARTS = 64
_LEAST_TOKEN = -(2**63)
_PART = 2**64 // RING_PARTS


@dataclass(frozen=True, order=True)
class Partition:
    """One partition of a copied table.

    Attributes:
        key: Values of its partition key; the first is the symbol.
    """

    key: tuple[str | date, ...]

    @property
    def symbol(self) -> str:
        """Whose rows these are."""
        return str(self.key[0])

    @property
    def month(self) -> str | None:
        """The UTC month, YYYY-MM, of its rows; None for a partition of all time."""
        if len(self.key) == 1:
            return None
        period = self.key[1]
        return month_of(period) if isinstance(period, date) else period

    def file_name(self, span: FileSpan) -> str:
        """Return the name, without suffix, of the file that holds its rows, below its table."""
        if span is FileSpan.WHOLE:
            return "all"
        return f"{self.symbol}/{self.key[1] if span is FileSpan.DAY else self.month}"


class TableCopy:
    """One table of a keyspace, to be read or written as Arrow's record batches.

    Args:
        settings: Of the keyspace.
        table: Which one, and how it is copied.
    """

    def __init__(self, settings: CassandraSettings, table: CopiedTable) -> None:
        self.table = table
        self._settings = settings

    @cached_property
    def columns(self) -> Columns:
        """The table's columns in Cassandra.

        Raises:
            SettingsError: There is no such table.
        """
        settings = self._settings
        names = (settings.keyspace, self.table.name)
        rows = Statements(settings).run("select_column_types", names)
        if not rows:
            raise SettingsError(
                f"{settings} has no table {self.table.name}; run the DAG initialize_store"
            )
        return Columns.of(rows)

    @property
    def schema(self) -> pa.Schema:
        """The columns of its files."""
        return self.columns.arrow_schema()

    def is_empty(self) -> bool:
        """Tell whether the table has no row."""
        return not self._statements.run(FIRST, ())

    def partitions(self) -> list[Partition]:
        """Return the partitions that have rows, by key."""
        found = []
        for part in range(RING_PARTS):
            first = _LEAST_TOKEN + part * _PART
            for page in self._statements.pages(PARTITIONS, (first, first + _PART - 1)):
                for row in page.rows():
                    values = (row[name] for name in self.columns.partition)
                    # The driver's own date is equal to Python's, but has no month.
                    key = (each if isinstance(each, str) else each.date() for each in values)
                    found.append(Partition(tuple(key)))
        return sorted(found)

    def read(self, partitions: Iterable[Partition]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of some partitions, some thousand at a time, in the order of their keys.

        Raises:
            RetryableError: Cassandra does not answer within the settings' patience.
        """
        for partition in partitions:
            read_at_ms = to_ms(datetime.now(UTC))
            for page in self._statements.pages(ROWS, partition.key):
                yield record_batch(
                    page,
                    self.table,
                    self.columns,
                    read_at_ms=read_at_ms,
                    ttl_seconds=self._ttl_seconds,
                )

    def write(self, rows: pa.Table | pa.RecordBatch) -> int:
        """Write rows as they were: later writes of the same cells win, and expiries stand.

        Writing them again changes nothing. Columns that the table has and a file of an older
        version lacks stay null.

        Returns:
            How many were written: those that have expired by now are left out.

        Raises:
            PartlyStoredError: Cassandra did not answer within the patience; writing all again is
                safe.
            SettingsError: The table lacks a column of the file.
        """
        names = stored_names(rows)
        if unknown := [name for name in names if name not in self.columns.types]:
            raise SettingsError(
                f"the table {self.table.name} of {self._settings} lacks the column "
                f"{', '.join(unknown)} of the backup; restore it with the version of this product "
                "that wrote it, or a later one"
            )
        statements = Statements(self._settings, {INSERT: self._insert(names)})
        ready = list(living_rows(rows, self.columns, to_ms(datetime.now(UTC))))
        load(statements, INSERT, ready)
        return len(ready)

    @cached_property
    def _ttl_seconds(self) -> int:
        rows = Statements(self._settings).run("select_tables", (self._settings.keyspace,))
        return next(
            int(row["default_time_to_live"]) for row in rows if row["table_name"] == self.table.name
        )

    @cached_property
    def _statements(self) -> Statements:
        name, key = self.table.name, ", ".join(self.columns.partition)
        marks = [
            f"{function}({column})"
            for function in ("WRITETIME", "TTL")
            for column in self.table.written_by
        ]
        wanted = ", ".join([*self.columns.types, *marks])
        is_key = " AND ".join(f"{column} = ?" for column in self.columns.partition)
        return Statements(
            self._settings,
            {
                PARTITIONS: f"SELECT DISTINCT {key} FROM {name} "  # noqa: S608 - names of the schema
                f"WHERE token({key}) >= ? AND token({key}) <= ?",
                ROWS: f"SELECT {wanted} FROM {name} WHERE {is_key}",  # noqa: S608 - ours
                FIRST: f"SELECT {key} FROM {name} LIMIT 1",  # noqa: S608 - ours
            },
        )

    def _insert(self, names: Sequence[str]) -> str:
        marks = ", ".join("?" * len(names))
        return (
            f"INSERT INTO {self.table.name} ({', '.join(names)}) VALUES ({marks}) "  # noqa: S608 - ours
            f"USING {'TIMESTAMP ? AND ' if self.columns.keeps_write_times else ''}TTL ?"
        )
