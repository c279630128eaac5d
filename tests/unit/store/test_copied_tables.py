"""Which tables a backup copies."""

import re

from include.store.copied_tables import BY_ROW_DAY, COPIED_TABLES, LEFT_OUT, MARKS
from include.store.migrations import migrations

NAMES = [table.name for table in COPIED_TABLES]


def created():
    """The text of each CREATE TABLE of the schema, by table."""
    bare = [re.sub(r"--.*", "", each.statement) for each in migrations()]
    found = [
        re.search(r"CREATE TABLE IF NOT EXISTS (\w+) (\(.*)", each, re.DOTALL) for each in bare
    ]
    return {each[1]: each[2] for each in found if each}


def test_every_table_of_the_schema_is_copied_or_left_out_for_a_reason():
    """A new table is not forgotten: this test asks for a decision."""
    assert sorted([*NAMES, *LEFT_OUT]) == sorted(created())


def test_every_table_tells_when_a_row_was_written():
    for table in COPIED_TABLES:
        text = created()[table.name]
        key = re.search(r"PRIMARY KEY \((.*)\)", text)
        for column in table.written_by:
            assert re.search(rf"\b{column} +\w", text), f"{table.name} has no {column}"
            assert key is None or not re.search(rf"\b{column}\b", key[1])
        assert bool(table.written_by) != bool(table.written_at)


def test_marks_come_before_what_they_speak_of_and_followers_after_what_they_follow():
    """Each pair: the first is read before the second, so that a running pipeline does no harm."""
    for first, second in (
        ("watermark", "price_by_second"),
        ("watermark", "minute_price"),
        ("backfilled_day", "price_by_second"),
        ("audited_day", "minute_price"),
        ("quarantined_row", "minute_price"),
        ("minute_price", "restatement"),
        ("minute_price", "minute_change"),
    ):
        assert NAMES.index(first) < NAMES.index(second)


def test_exceptions_are_tables_that_are_copied():
    assert {*NAMES} >= MARKS | BY_ROW_DAY
