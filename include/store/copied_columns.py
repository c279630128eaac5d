"""Columns of a copied table as Arrow's: exact, each decimal as text with every digit and zero."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from cassandra.cqltypes import DateType, DecimalType, Int32Type, SimpleDateType

from include.records.errors import SettingsError
from include.store.copied_tables import CopiedTable
from include.store.decoding import Cells, Integers, Page
from include.store.statements import Row, Values

# A row's write time, microseconds since the epoch; null: unknown.
WRITTEN_US = "written_us"
# When it expires, UTC; null: never.
EXPIRES_AT = "expires_at"
TIME = pa.timestamp("ms", "UTC")
_ARROW_TYPES = {
    "text": pa.string(),
    # Every decimal has a scale of its own, which Arrow's decimals cannot keep.
    "decimal": pa.string(),
    "timestamp": TIME,
    "date": pa.date32(),
    "int": pa.int32(),
    "boolean": pa.bool_(),
}
_LEAST = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Columns:
    """The columns of one table in Cassandra.

    Attributes:
        partition: Those of the partition key, in its order.
        types: All columns and their CQL types: the partition key, the clustering key, the others.
    """

    partition: tuple[str, ...]
    types: dict[str, str]

    @property
    def keeps_write_times(self) -> bool:
        """Tell whether rows may be written at their own times again and again.

        A list that is written twice at one moment has each element twice: its rows are written as
        of now, so that each writing replaces the one before.
        """
        return not any(kind.startswith("list<") for kind in self.types.values())

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Columns:
        """Return the columns that the rows of select_column_types.cql describe."""
        place = {"partition_key": 0, "clustering": 1}
        ordered = sorted(
            rows, key=lambda row: (place.get(row["kind"], 2), row["position"], row["column_name"])
        )
        return cls(
            partition=tuple(r["column_name"] for r in ordered if r["kind"] == "partition_key"),
            types={row["column_name"]: row["type"] for row in ordered},
        )

    def arrow_schema(self) -> pa.Schema:
        """Return the columns of a file: the table's, the write time and the expiry."""
        fields = [(name, arrow_type(kind)) for name, kind in self.types.items()]
        return pa.schema([*fields, (WRITTEN_US, pa.int64()), (EXPIRES_AT, TIME)])


def arrow_type(cql_type: str) -> pa.DataType:
    """Return the type of a file's column by the CQL type of the table's.

    Raises:
        SettingsError: No table of ours has such a column.
    """
    bare = re.sub(r"^frozen<(.*)>$", r"\1", cql_type)
    if found := re.fullmatch(r"list<(\w+)>", bare):
        return pa.list_(arrow_type(found[1]))
    if found := re.fullmatch(r"map<(\w+), (\w+)>", bare):
        return pa.map_(arrow_type(found[1]), arrow_type(found[2]))
    if bare not in _ARROW_TYPES:
        raise SettingsError(
            f"a column of the CQL type {cql_type} cannot be copied; it is not of this product"
        )
    return _ARROW_TYPES[bare]


def record_batch(
    page: Page, table: CopiedTable, columns: Columns, *, read_at_ms: int, ttl_seconds: int
) -> pa.RecordBatch:
    """Return a page of a table's rows, followed by the columns of their times, exactly.

    Args:
        page: Of the table's columns; then the write time, then the remaining seconds, of each
            column of `written_by`.
        table: How it is copied.
        columns: Its columns.
        read_at_ms: When the page was asked for.
        ttl_seconds: The table's own expiry; 0 for none.
    """
    schema = columns.arrow_schema()
    held = page.cells()
    width, marks = len(columns.types), len(table.written_by)
    arrays = [
        _array(page, kind, cells, field.type)
        for kind, cells, field in zip(page.types[:width], held[:width], schema, strict=False)
    ]
    if table.written_at is not None:
        # CQL tells neither time of a row of keys alone. It may live longer than it would have.
        times = held[list(columns.types).index(table.written_at)].integers()
        written_us, expires_ms = times * 1000, np.full(len(times), read_at_ms + ttl_seconds * 1000)
        is_kept = np.full(len(times), ttl_seconds == 0)
        is_unknown = np.full(len(times), fill_value=False)
    else:
        written_us, is_unknown = _largest(held[width : width + marks])
        seconds_left, is_kept = _largest(held[width + marks :])
        expires_ms = read_at_ms + np.where(is_kept, 0, seconds_left) * 1000
    arrays.append(pa.array(written_us, pa.int64(), mask=is_unknown))
    arrays.append(pa.array(expires_ms, pa.int64(), mask=is_kept).cast(TIME))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def stored_names(rows: pa.Table | pa.RecordBatch) -> list[str]:
    """Return the columns of a file that are the table's own, in order."""
    return [name for name in rows.schema.names if name not in {WRITTEN_US, EXPIRES_AT}]


def living_rows(
    rows: pa.Table | pa.RecordBatch, columns: Columns, now_ms: int
) -> Iterator[tuple[object, Values]]:
    """Yield the partition and the values of each row of a file that has not expired.

    Args:
        rows: Of a file.
        columns: Of its table.
        now_ms: Milliseconds since the epoch.

    Returns:
        Values of the columns of the file in its order; then, where it is kept, the write time in
        microseconds; then the seconds that are left, 0 for a row that never expires.
    """
    names = stored_names(rows)
    key = [names.index(name) for name in columns.partition]
    cells = [_driver_values(rows.column(name), columns.types[name]) for name in names]
    written_us = rows.column(WRITTEN_US).to_pylist()
    expires_ms = rows.column(EXPIRES_AT).cast(pa.int64()).to_pylist()
    for *values, written, expires in zip(*cells, written_us, expires_ms, strict=True):
        # Rounded up: a row lives no shorter than it would have.
        seconds_left = 0 if expires is None else -((now_ms - expires) // 1000)
        if expires is not None and seconds_left <= 0:
            continue
        at_us = (
            (now_ms * 1000 if written is None else written,) if columns.keeps_write_times else ()
        )
        yield tuple(values[at] for at in key), (*values, *at_us, seconds_left)


def _driver_values(column: pa.Array | pa.ChunkedArray, cql_type: str) -> list[object]:
    values: list[Any] = column.to_pylist()
    if cql_type == "decimal":
        return [None if each is None else Decimal(each) for each in values]
    # Arrow's maps are lists of pairs.
    if "map<" in cql_type:
        return [None if each is None else dict(each) for each in values]
    return values


def _largest(columns: Sequence[Cells]) -> tuple[Integers, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return the largest integer of each row, and in which rows all are null."""
    largest = np.max(
        [np.where(cells.lengths < 0, _LEAST, cells.integers()) for cells in columns], axis=0
    )
    return largest, largest == _LEAST


def _array(page: Page, kind: Any, cells: Cells, arrow: pa.DataType) -> pa.Array:  # noqa: ANN401 - the driver's own type
    if kind is DecimalType:
        texts = [None if each is None else str(each) for each in page.values(kind, cells)]
        return pa.array(texts, arrow)
    if kind in {DateType, Int32Type}:
        whole = pa.int64() if kind is DateType else arrow
        return pa.array(cells.integers(), whole, mask=cells.lengths < 0).cast(arrow)
    # Few distinct values, each in many rows.
    raws = cells.raw()
    known = {raw: _decoded(kind, raw, page.protocol_version) for raw in {*raws}}
    return pa.array([known[raw] for raw in raws], arrow)


def _decoded(kind: Any, raw: bytes | None, protocol_version: int) -> object:  # noqa: ANN401 - the driver's own type
    if raw is None:
        return None
    value = kind.from_binary(raw, protocol_version)
    if kind is SimpleDateType:
        return value.date()
    return list(value.items()) if hasattr(value, "items") else value
