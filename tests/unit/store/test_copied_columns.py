"""Rows of a table as Arrow's columns and back: nothing is rounded."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from cassandra.cqltypes import (
    BooleanType,
    DateType,
    DecimalType,
    Int32Type,
    ListType,
    LongType,
    MapType,
    SimpleDateType,
    UTF8Type,
)

from include.records.errors import SettingsError
from include.store.copied_columns import Columns, arrow_type, living_rows, record_batch
from include.store.copied_tables import CopiedTable, FileSpan
from include.store.decoding import Page

VERSION = 5
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_MS = 1_772_366_400_000
TEXTS = ListType.apply_parameters([UTF8Type])
WORDS = MapType.apply_parameters([UTF8Type, UTF8Type])
COLUMNS = Columns(
    partition=("symbol", "day"),
    types={
        "symbol": "text",
        "day": "date",
        "minute": "timestamp",
        "count": "int",
        "failed": "frozen<list<text>>",
        "is_late": "boolean",
        "observed": "map<text, text>",
        "price": "decimal",
    },
)
TYPES = (UTF8Type, SimpleDateType, DateType, Int32Type, TEXTS, BooleanType, WORDS, DecimalType)
TABLE = CopiedTable("some", FileSpan.DAY, written_by=("count", "price"))
MARK_TYPES = (LongType, LongType, Int32Type, Int32Type)


def page(*rows, types=TYPES + MARK_TYPES):
    """A page as a server sends it."""
    body = b""
    for row in rows:
        for kind, value in zip(types, row, strict=True):
            raw = None if value is None else kind.serialize(value, VERSION)
            body += (-1 if raw is None else len(raw)).to_bytes(4, signed=True) + (raw or b"")
    names = [f"column_{at}" for at in range(len(types))]
    return Page(names, types, len(rows), body, VERSION)


FULL = (
    *("币安人生USDT", date(2026, 3, 1), NOON, 17, ["a", ""], True, {"b": "", "a": "é"}),
    Decimal("100.50"),
)
EMPTY = ("", date(1969, 12, 31), None, None, None, None, None, None)


def batch(*rows):
    return record_batch(page(*rows), TABLE, COLUMNS, read_at_ms=NOON_MS, ttl_seconds=60)


def test_values_and_nulls_come_back():
    read = batch((*FULL, 5, 7, None, None), (*EMPTY, 5, None, None, None))

    (first_key, first), (second_key, second) = living_rows(read, COLUMNS, NOON_MS)

    assert first == (*FULL, 7, 0)
    assert second == (*EMPTY, 5, 0)
    assert first_key == (FULL[0], FULL[1])
    assert second_key == (EMPTY[0], EMPTY[1])


@pytest.mark.parametrize(
    "text",
    ["1", "1.0", "1.00000000", "0E-12", "1E+3", "-0.1", "99999999999999999999.123456789012"],
)
def test_a_decimal_keeps_each_digit_and_zero(text):
    row = (*FULL[:-1], Decimal(text))

    ((_, values),) = living_rows(batch((*row, 1, 1, None, None)), COLUMNS, NOON_MS)

    assert str(values[7]) == text


def test_a_row_was_written_when_its_newest_column_was():
    read = batch((*FULL, 5, 7, None, None), (*FULL, 9, None, None, None), (*FULL, *[None] * 4))

    assert read.column("written_us").to_pylist() == [7, 9, None]
    # Where nobody knows, now.
    assert [values[-2] for _, values in living_rows(read, COLUMNS, NOON_MS)] == [
        7,
        9,
        NOON_MS * 1000,
    ]


def test_a_row_lives_as_long_as_it_would_have_and_no_shorter():
    """Sixty seconds from noon: after twenty and a half of them forty are left, rounded up."""
    read = batch((*FULL, 1, 1, 50, 60), (*FULL, 1, 1, None, None))

    assert [v[-1] for _, v in living_rows(read, COLUMNS, NOON_MS)] == [60, 0]
    assert [v[-1] for _, v in living_rows(read, COLUMNS, NOON_MS + 20_500)] == [40, 0]
    assert [v[-1] for _, v in living_rows(read, COLUMNS, NOON_MS + 60_000)] == [0]


def test_a_row_of_keys_alone_was_written_at_its_own_time():
    table = CopiedTable("some", FileSpan.MONTH, written_at="minute")

    read = record_batch(page(FULL, types=TYPES), table, COLUMNS, read_at_ms=NOON_MS, ttl_seconds=60)

    assert read.column("written_us").to_pylist() == [NOON_MS * 1000]
    assert [v[-1] for _, v in living_rows(read, COLUMNS, NOON_MS)] == [60]


def test_rows_with_a_list_are_written_as_of_now_each_time():
    """Written twice at one moment, a list would have each element twice."""
    listed = Columns(COLUMNS.partition, COLUMNS.types | {"failed": "list<text>"})
    read = record_batch(
        page((*FULL, 5, 7, None, None)), TABLE, listed, read_at_ms=NOON_MS, ttl_seconds=0
    )

    assert not listed.keeps_write_times
    assert [values for _, values in living_rows(read, listed, NOON_MS)] == [(*FULL, 0)]


def test_a_page_without_rows_has_the_same_columns():
    assert batch().schema == COLUMNS.arrow_schema()


def test_columns_are_ordered_by_the_key():
    rows = [
        {"column_name": name, "kind": kind, "position": position, "type": "text"}
        for name, kind, position in (
            ("b", "regular", -1),
            ("minute", "clustering", 0),
            ("day", "partition_key", 1),
            ("a", "regular", -1),
            ("symbol", "partition_key", 0),
        )
    ]

    columns = Columns.of(rows)

    assert columns.partition == ("symbol", "day")
    assert [*columns.types] == ["symbol", "day", "minute", "a", "b"]


def test_a_column_that_no_table_of_ours_has_is_refused():
    assert arrow_type("frozen<list<timestamp>>") == pa.list_(pa.timestamp("ms", "UTC"))
    with pytest.raises(SettingsError, match="counter"):
        arrow_type("counter")
