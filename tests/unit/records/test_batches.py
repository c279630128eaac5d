from dataclasses import replace

import pytest

from include.pipeline.storing import as_record
from include.records.batches import unchanged_rows
from include.records.klines import CLOSE_TIME, OPEN_TIME, UNUSED, Interval
from include.records.prices import ExchangeMinute, SecondPrice
from tests.fakes.builders import batch

RECORDS = {Interval.SECOND: SecondPrice, Interval.MINUTE: ExchangeMinute}
AMOUNTS = sorted({*range(UNUSED)} - {OPEN_TIME, CLOSE_TIME})


def stored(landed):
    return {
        interval: [as_record(RECORDS[interval], landed.symbol, row) for row in rows]
        for interval, rows in landed.rows.items()
    }


def with_row(landed, place, row):
    rows = [*landed.rows[Interval.SECOND]]
    rows[place] = row
    return replace(landed, rows=landed.rows | {Interval.SECOND: rows})


def test_finds_every_row_that_is_stored():
    landed = batch()

    assert unchanged_rows(landed, stored(landed)) == {
        Interval.SECOND: [*range(60)],
        Interval.MINUTE: [0],
    }


def test_finds_none_where_nothing_is_stored():
    assert unchanged_rows(batch(), {}) == {Interval.SECOND: [], Interval.MINUTE: []}


def test_finds_a_row_at_its_place_in_the_batch():
    landed = batch()
    held = stored(landed)[Interval.SECOND]

    found = unchanged_rows(landed, {Interval.SECOND: held[3:5] + held[9:10]})

    assert found == {Interval.SECOND: [3, 4, 9], Interval.MINUTE: []}


@pytest.mark.parametrize("cell", AMOUNTS)
def test_takes_a_row_for_new_when_any_amount_differs(cell):
    landed = batch()
    row = [*landed.rows[Interval.SECOND][7]]
    row[cell] = row[cell] + 1 if isinstance(row[cell], int) else row[cell] + "1"

    found = unchanged_rows(with_row(landed, 7, row), stored(landed))

    assert found[Interval.SECOND] == [*range(7), *range(8, 60)]


@pytest.mark.parametrize(
    "row", [[], [None], [["more"], "1"], [1], ["1772366407000", "100.00"]], ids=str
)
def test_takes_a_row_of_another_shape_for_new(row):
    landed = batch()

    found = unchanged_rows(with_row(landed, 7, row), stored(landed))

    assert 7 not in found[Interval.SECOND]
