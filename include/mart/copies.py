"""Read the mart's tables for a backup, and write them back, in any database that it may be in.

Import this module inside tasks and commands only (see astro_sdk.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Double,
    Engine,
    MetaData,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    inspect,
    select,
    true,
)

from include.mart.astro_sdk import create_database
from include.mart.creation import mart_table
from include.mart.failures import CONNECTION
from include.mart.tables import KEPT_TABLES, KEYS

# First read and last written: an older one makes the next report cover more than it must.
WATERMARK = "watermark"
COPIED = (WATERMARK, *KEPT_TABLES)
# A file of minutes is a day of all symbols; one of any other table a month.
BY_DAY = frozenset({"minute"})
_HOURS = tuple(f"T{hour:02}" for hour in range(24))
_ARROW_TYPES = {BigInteger: pa.int64(), Double: pa.float64(), Text: pa.string()}
_DAY_LENGTH, _MONTH_LENGTH = len("YYYY-MM-DD"), len("YYYY-MM")


def held_tables() -> list[str]:
    """Return the tables that the mart has, in the order in which they are copied."""
    found = inspect(_engine()).get_table_names(schema=_schema())
    return [name for name in COPIED if name in found]


def is_empty(name: str) -> bool:
    """Tell whether a table of the mart has no row, or does not exist."""
    if name not in held_tables():
        return True
    with _engine().connect() as connection:
        return connection.execute(select(_table(name)).limit(1)).first() is None


def arrow_schema(name: str) -> pa.Schema:
    """Return the columns of a table's files."""
    return pa.schema([(column.name, _ARROW_TYPES[type(column.type)]) for column in _columns(name)])


def spans(name: str) -> list[str]:
    """Return the UTC days or months that a table's rows may belong to, ascending.

    Returns:
        YYYY-MM-DD for the minutes, YYYY-MM for other tables; `all` for the watermark.
    """
    if name == WATERMARK:
        return ["all"]
    key = _key(_table(name))
    with _engine().connect() as connection:
        first, last = connection.execute(select(func.min(key), func.max(key))).one()
    if first is None:
        return []
    length = _DAY_LENGTH if name in BY_DAY else _MONTH_LENGTH
    days = _days(first[:_DAY_LENGTH], last[:_DAY_LENGTH])
    return list(dict.fromkeys(day[:length] for day in days))


def read(name: str, span: str) -> Iterator[pa.RecordBatch]:
    """Yield a table's rows of a span, by an hour or a day of all symbols at a time."""
    table, schema = _table(name), arrow_schema(name)
    order = [table.c[each] for each in KEYS.get(name, ())]
    for prefix in _prefixes(name, span):
        query = select(table).order_by(*order)
        with _engine().connect() as connection:
            rows = connection.execute(query.where(_within(table, prefix))).all()
        columns = list(zip(*rows, strict=True)) or [()] * len(schema)
        arrays = [pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def write(name: str, span: str, batches: Iterable[pa.RecordBatch]) -> int:
    """Replace a table's rows of a span; doing it again changes nothing.

    Columns that the mart has and a file of an older version lacks are null.

    Returns:
        How many rows were written.
    """
    table, count = _table(name), 0
    with _engine().begin() as connection:
        # Only a finished report makes the watermark's.
        table.create(connection, checkfirst=True)
        connection.execute(delete(table).where(_within(table, span)))
        for batch in batches:
            if rows := batch.to_pylist():
                connection.execute(insert(table), rows)
                count += len(rows)
    return count


def _prefixes(name: str, span: str) -> list[str]:
    """Return what the times of the parts of a span begin with: few enough rows each to hold."""
    if name == WATERMARK:
        return [span]
    if name in BY_DAY:
        return [f"{span}{hour}" for hour in _HOURS]
    return [*_days(f"{span}-01", f"{span}-31")]


def _days(first: str, last: str) -> Iterator[str]:
    """Yield the days from first to last, which need not exist: the 31st ends every month."""
    day = date.fromisoformat(first)
    while str(day) <= last:
        yield str(day)
        day += timedelta(days=1)


def _within(table: Table, prefix: str) -> ColumnElement[bool]:
    """Return the condition that the key's time begins with a month, day or hour."""
    if table.name == WATERMARK:
        return true()
    key = _key(table)
    # Z comes after every digit and sign of such a time, in any collation.
    return and_(key >= prefix, key < f"{prefix}Z")


def _key(table: Table) -> Column[Any]:
    return table.c[KEYS[table.name][0]]


def _table(name: str) -> Table:
    return Table(name, MetaData(schema=_schema()), *_columns(name))


def _columns(name: str) -> list[Column[Any]]:
    """Return the columns that this version knows."""
    if name == WATERMARK:
        return [Column("known_at", Text())]
    keys = [Column(key, BigInteger() if key == "revision" else Text()) for key in KEYS[name]]
    return [*keys, *(Column(other, kind()) for other, kind in KEPT_TABLES[name].items())]


def _engine() -> Engine:
    engine: Engine = create_database(CONNECTION).sqlalchemy_engine
    return engine


def _schema() -> str | None:
    schema: str | None = mart_table("minute").metadata.schema
    return schema
