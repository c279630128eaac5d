"""Where a backup's rows come from and go to: the tables of the keyspace, and of the mart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import pyarrow as pa

from include.backup.manifest import SUFFIX, Scope
from include.mart import copies, creation
from include.store.copied_tables import BY_ROW_DAY, COPIED_TABLES, MARKS
from include.store.copies import Partition, TableCopy
from include.store.settings import CassandraSettings
from include.store.statements import Statements

CASSANDRA, MART = "cassandra", "mart"


@dataclass(frozen=True)
class PlannedFile:
    """One file to be written.

    Attributes:
        path: Below the backup's folder.
        read: Yields its rows.
    """

    path: str
    read: Callable[[], Iterable[pa.RecordBatch]]


class Source(Protocol):
    """One table that is saved and restored."""

    @property
    def name(self) -> str:
        """The kind of table and its name: cassandra/minute_price."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """The columns of its files."""
        ...

    def files(self, scope: Scope) -> Iterator[PlannedFile]:
        """Yield the files that its rows go to, as it is now."""
        ...

    def is_empty(self) -> bool:
        """Tell whether it has no row."""
        ...

    def write(self, path: str, batches: Iterable[pa.RecordBatch]) -> int:
        """Write the rows of one of its files back; return how many were written."""
        ...


class CassandraTable:
    """One table of the keyspace.

    Args:
        copy: Reads and writes it.
    """

    def __init__(self, copy: TableCopy) -> None:
        self._copy = copy
        self.name = f"{CASSANDRA}/{copy.table.name}"

    @property
    def schema(self) -> pa.Schema:
        """The columns of its files."""
        return self._copy.schema

    def is_empty(self) -> bool:
        """Tell whether it has no row."""
        return self._copy.is_empty()

    def files(self, scope: Scope) -> Iterator[PlannedFile]:
        """Yield a file for each symbol and day or month, or one for the whole table."""
        table = self._copy.table
        if table.name in MARKS and scope.is_of_some_days:
            return
        held: dict[str, list[Partition]] = defaultdict(list)
        for partition in self._copy.partitions():
            # A partition of a month is copied whole, also where only some of its days are wanted.
            period = partition.key[1] if len(partition.key) > 1 else None
            if scope.has_symbol(partition.symbol) and (not period or scope.has_period(period)):
                held[partition.file_name(table.span)].append(partition)
        for name, partitions in held.items():
            path = f"{self.name}/{name}{SUFFIX}"
            read: Callable[[], Iterable[pa.RecordBatch]] = partial(self._copy.read, partitions)
            is_filtered = table.name in BY_ROW_DAY and scope.is_of_some_days
            yield PlannedFile(path, partial(_of_days, read, scope) if is_filtered else read)

    def write(self, _path: str, batches: Iterable[pa.RecordBatch]) -> int:
        """Write the rows of one of its files back; return how many have not expired."""
        return sum(self._copy.write(batch) for batch in batches)


class MartTable:
    """One table of the mart; a backup holds all of it or nothing.

    Args:
        table: Its name.
    """

    def __init__(self, table: str) -> None:
        self._table = table
        self.name = f"{MART}/{table}"

    @property
    def schema(self) -> pa.Schema:
        """The columns of its files."""
        return copies.arrow_schema(self._table)

    def is_empty(self) -> bool:
        """Tell whether it has no row."""
        return copies.is_empty(self._table)

    def files(self, _scope: Scope) -> Iterator[PlannedFile]:
        """Yield a file for each UTC day or month, with all symbols."""
        for span in copies.spans(self._table):
            yield PlannedFile(
                f"{self.name}/{span}{SUFFIX}", partial(copies.read, self._table, span)
            )

    def write(self, path: str, batches: Iterable[pa.RecordBatch]) -> int:
        """Replace the rows of the span that a file holds; return how many there are."""
        span = path.removeprefix(f"{self.name}/").removesuffix(SUFFIX)
        return copies.write(self._table, span, batches)


def cassandra_tables(settings: CassandraSettings) -> list[CassandraTable]:
    """Return the tables that a keyspace has, in the order in which they are saved."""
    rows = Statements(settings).run("select_tables", (settings.keyspace,))
    held = {row["table_name"] for row in rows}
    # An operator may have dropped quarantined_price, which is no longer written.
    return [
        CassandraTable(TableCopy(settings, each)) for each in COPIED_TABLES if each.name in held
    ]


def mart_tables() -> list[MartTable]:
    """Return the tables that the mart has, in the order in which they are saved.

    Raises:
        RetryableError: The mart's database is locked, full or gone.
        SettingsError: The connection `mart` names no valid place.
    """
    return [MartTable(name) for name in copies.held_tables()]


def new_mart_tables() -> list[MartTable]:
    """Create the mart where it does not exist; return its tables in the order of their restore."""
    creation.create_tables()
    # The watermark last: until then the next report covers everything.
    return [MartTable(name) for name in reversed(copies.COPIED)]


def _of_days(
    read: Callable[[], Iterable[pa.RecordBatch]], scope: Scope
) -> Iterator[pa.RecordBatch]:
    """Yield only the rows whose day is in the scope."""
    for batch in read():
        days = batch.column("day").to_pylist()
        yield batch.filter(pa.array([scope.has_period(day) for day in days], pa.bool_()))
