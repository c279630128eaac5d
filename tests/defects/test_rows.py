"""Defects that a batch brings to the gate."""

from datetime import timedelta

import pytest

from include.gx.kline_suites import KLINE_COLUMNS
from include.marketdata.batches import Interval, State, in_milliseconds
from include.marketdata.quality import check_batch
from include.marketdata.storing import load_batch, stored_before
from include.marketdata.windows import MINUTE
from tests.defects.catalogue import BAD_ROWS
from tests.fakes.builders import NOON, batch, kline, second
from tests.fakes.memory_store import MemoryStore

PLACE = 7
VOLUME = KLINE_COLUMNS.index("volume")


def good_seconds():
    return [kline(NOON + timedelta(seconds=index)) for index in range(60)]


def good_minutes():
    return [
        kline(NOON + index * MINUTE, Interval.MINUTE, volume="120.00000000", trades=120)
        for index in range(10)
    ]


def through_the_gate(checkpoints, landed, store=None, *, symbol="BTCUSDT"):
    """Judge and load a batch; return the verdict and the store."""
    store = store or MemoryStore()
    verdict = check_batch(checkpoints, landed, symbol=symbol, stored=stored_before(store, landed))
    load_batch(store, landed, verdict, "batch.json")
    return verdict, store


def batch_of(interval, rows):
    if interval is Interval.SECOND:
        return batch(seconds=rows)
    return batch(minutes=10, seconds=[], minute_rows=rows)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(
            bad,
            id=f"{bad.defect} {' '.join(map(str, bad.cells.values()))}"[:60],
            marks=pytest.mark.defect(bad.defect),
        )
        for bad in BAD_ROWS
    ],
)
def test_keeps_the_row_out_and_lets_the_others_pass(checkpoints, bad):
    interval = Interval(bad.interval)
    rows = good_seconds() if interval is Interval.SECOND else good_minutes()
    for name, cell in bad.cells.items():
        rows[PLACE][KLINE_COLUMNS.index(name)] = cell
    landed = batch_of(interval, rows)

    verdict, store = through_the_gate(checkpoints, landed)

    assert list(verdict.bad_rows[interval]) == [PLACE]
    assert bad.expectation in verdict.bad_rows[interval][PLACE]
    assert not verdict.is_refused
    table = store.second_prices if interval is Interval.SECOND else store.exchange_minutes
    assert len(table.between("BTCUSDT", landed.window)) == len(rows) - 1
    (kept,) = store.quarantine.on_day("BTCUSDT", NOON.date())
    assert (kept.state, bad.expectation in kept.observed) == (State.OPEN, True)


@pytest.mark.defect(8)
def test_normalises_microseconds_where_all_rows_have_them(checkpoints):
    rows = [[row[0] * 1000, *row[1:6], row[6] * 1000 + 999, *row[7:]] for row in good_seconds()]

    verdict, store = through_the_gate(checkpoints, batch(seconds=in_milliseconds(rows)))

    assert verdict.failed == ()
    assert len(store.second_prices.between("BTCUSDT", batch().window)) == 60


@pytest.mark.defect(8)
@pytest.mark.parametrize("factor", [1000, 0.001], ids=["microseconds", "seconds"])
def test_refuses_a_batch_in_two_units(checkpoints, factor):
    rows = good_seconds()
    rows[PLACE][0] = int(rows[PLACE][0] * factor)

    verdict, store = through_the_gate(checkpoints, batch(seconds=in_milliseconds(rows)))

    assert "expect_times_to_be_milliseconds" in verdict.reason
    assert store.second_prices.between("BTCUSDT", batch().window) == []


@pytest.mark.defect(9)
def test_keeps_both_of_two_rows_for_one_minute(checkpoints):
    rows = good_minutes()
    rows.insert(PLACE, kline(NOON + PLACE * MINUTE, Interval.MINUTE, volume="34.90000000"))

    _, store = through_the_gate(checkpoints, batch_of(Interval.MINUTE, rows))

    kept = store.quarantine.on_day("BTCUSDT", NOON.date())
    assert len(kept) == 2
    assert all("expect_column_values_to_be_unique" in row.observed for row in kept)


@pytest.mark.defect(13)
def test_refuses_a_minute_repeated_sixty_times(checkpoints):
    rows = [
        kline(NOON + timedelta(seconds=index), volume="120.00000000", trades=120)
        for index in range(60)
    ]

    verdict, store = through_the_gate(checkpoints, batch(seconds=rows))

    assert verdict.is_refused
    assert "expect_seconds_to_be_parts_of_their_minute" in verdict.failed
    assert store.watermark("BTCUSDT").stored_until is None


@pytest.mark.defect(26)
def test_refuses_a_batch_of_another_symbol(checkpoints):
    verdict, store = through_the_gate(checkpoints, batch(symbol="ETHUSDT"), symbol="BTCUSDT")

    assert "expect_symbols_to_be_those_asked_for" in verdict.reason
    assert store.second_prices.between("ETHUSDT", batch().window) == []


@pytest.mark.defect(27)
@pytest.mark.parametrize("change", [lambda row: row[:11], lambda row: [*row, "0"]])
def test_refuses_rows_of_another_width(checkpoints, change):
    verdict, _ = through_the_gate(checkpoints, batch(seconds=[*map(change, good_seconds())]))

    assert "expect_table_columns_to_match_set" in verdict.reason


@pytest.mark.defect(5)
@pytest.mark.defect(29)
def test_keeps_out_a_closed_row_that_comes_back_smaller(checkpoints):
    """A minute later the overlap brings a second again, with half its volume."""
    store = MemoryStore()
    before = [second(NOON + timedelta(seconds=index), trades=2) for index in range(60)]
    store.second_prices.write(before, NOON + MINUTE)
    again = batch(start=NOON + MINUTE)
    rows = good_seconds()
    rows[PLACE] = kline(NOON + timedelta(seconds=PLACE), volume="1.00000000", trades=1)
    spans = {interval: batch(minutes=2).window for interval in Interval}
    landed = again.__class__(
        **{**again.__dict__, "rows": {Interval.SECOND: rows, Interval.MINUTE: []}, "spans": spans}
    )

    verdict, store = through_the_gate(checkpoints, landed, store)

    assert list(verdict.bad_rows[Interval.SECOND]) == [PLACE]
    held = store.second_prices.between("BTCUSDT", batch().window)
    assert str(held[PLACE].volume) == "2"
