"""Defects that a batch brings to the gate."""

import copy
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from include.gx.batches import check_batch, check_batches, verdict_line
from include.gx.kline_suites import KLINE_COLUMNS
from include.gx.kline_tables import Candidate
from include.method.averages import average_minutes
from include.pipeline.storing import load_batch, stored_before
from include.records.klines import Interval, deduplicate, in_milliseconds
from include.records.prices import Flag
from include.records.verdicts import State
from include.records.windows import MINUTE, SECOND, Window
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


class Cases:
    """Batches, one for each case of a test, that go through the gate at once: a run costs most.

    Args:
        make: Returns the batch of a case, of any symbol.
        cases: Of the test.
        store: Holds the stored rows that all of them are compared with.
    """

    def __init__(self, checkpoints, make, cases, store=None):
        self._store = store or MemoryStore()
        batches = [make(case) for case in cases]
        self._batches = {f"S{place}USDT": each for place, each in enumerate(batches)}
        candidates = [
            Candidate(name, replace(each, symbol=name), stored_before(self._store, each))
            for name, each in self._batches.items()
        ]
        self._verdicts = dict(check_batches(checkpoints, candidates))

    def load(self, place):
        """Load the batch of a case; return it, the verdict and the store."""
        landed, verdict = self._batches[f"S{place}USDT"], self._verdicts[f"S{place}USDT"]
        store = copy.deepcopy(self._store)
        load_batch(store, landed, verdict, "batch.json")
        return landed, verdict, store


def with_bad_row(bad):
    interval = Interval(bad.interval)
    rows = good_seconds() if interval is Interval.SECOND else good_minutes()
    for name, cell in bad.cells.items():
        rows[PLACE][KLINE_COLUMNS.index(name)] = cell
    return batch_of(interval, rows)


@pytest.fixture(scope="module")
def with_bad_rows(checkpoints):
    return Cases(checkpoints, with_bad_row, BAD_ROWS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "bad"),
    [
        pytest.param(
            place,
            bad,
            id=f"{bad.defect} {' '.join(map(str, bad.cells.values()))}"[:60],
            marks=pytest.mark.defect(bad.defect),
        )
        for place, bad in enumerate(BAD_ROWS)
    ],
)
def test_keeps_the_row_out_and_lets_the_others_pass(with_bad_rows, place, bad):
    interval = Interval(bad.interval)

    landed, verdict, store = with_bad_rows.load(place)

    assert list(verdict.bad_rows[interval]) == [PLACE]
    assert bad.expectation in verdict.bad_rows[interval][PLACE]
    assert not verdict.is_refused
    table = store.second_prices if interval is Interval.SECOND else store.exchange_minutes
    assert len(table.between("BTCUSDT", landed.window)) == len(landed.rows[interval]) - 1
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
    assert all("expect_one_row_for_each_open_time" in row.observed for row in kept)


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

    assert "expect_rows_to_be_of_the_requested_symbol" in verdict.reason
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


def published(checkpoints, landed):
    """Judge, load and average a batch; return the verdict and the first minute's average."""
    verdict, store = through_the_gate(checkpoints, landed)
    return verdict, averaged(landed, store)


def averaged(landed, store):
    """Return the average of a loaded batch's first minute."""
    window = landed.window
    (average, *_) = average_minutes(
        landed.symbol,
        window,
        store.second_prices.columns(landed.symbol, Window(window.start - 5 * MINUTE, window.end)),
        store.exchange_minutes.columns(landed.symbol, window),
        window.end,
    )
    return average


def one_price(price, *, silent=()):
    """A minute of one price, of which some seconds trade nothing."""
    return [
        kline(NOON + timedelta(seconds=index), price=price)
        if index not in silent
        else kline(NOON + timedelta(seconds=index), price=price, volume="0.00000000", trades=0)
        for index in range(60)
    ]


@pytest.mark.defect(30)
def test_averages_a_market_that_stands_off_the_tick_grid(checkpoints):
    """The tick has become 0.01, and 36.123 goes on trading: orders from before the change."""
    minute = kline(NOON, Interval.MINUTE, price="36.123", volume="120.00000000", trades=120)

    verdict, average = published(
        checkpoints, batch(seconds=one_price("36.123"), minute_rows=[minute])
    )

    assert verdict.bad_row_count == 0
    assert verdict.warnings == {"expect_prices_to_be_on_tick_grid": 61}
    assert "expect_prices_to_be_on_tick_grid 61x" in verdict_line(verdict, 61)
    assert (average.vwap, average.flag, average.source_level) == (Decimal("36.123"), Flag.OK, 1)


@pytest.mark.defect(30)
def test_keeps_out_a_price_of_more_decimals_than_any_tick(checkpoints):
    rows = one_price("36.12")
    rows[PLACE] = kline(NOON + timedelta(seconds=PLACE), price="36.123456789")

    verdict, _ = through_the_gate(checkpoints, batch(seconds=rows))

    assert [*verdict.bad_rows[Interval.SECOND]] == [PLACE]
    assert "expect_rows_to_be_well_formed" in verdict.bad_rows[Interval.SECOND][PLACE]


TRUNCATED = [
    # price, volume, quote volume, trades; the average that is published
    ("0.064335", "0.00770000", "0.00049537", 1, "0.064335"),
    ("0.064335", "0.01540000", "0.00099074", 2, "0.064335"),
    ("0.00061234", "0.00100000", "0.00000061", 1, "0.00061234"),
    ("0.00061234", "0.00001000", "0.00000000", 1, "0.00061234"),
    ("2.50000000", "3.00000000", "7.50000000", 1, "2.5"),
]


TRUNCATED_ON_TICKS = [(cells, tick) for cells in TRUNCATED for tick in ("0", "0.000001", "0.01")]


def with_truncated_amounts(case):
    (price, volume, amount, trades, _vwap), tick = case
    row = kline(NOON, price=price, volume=volume, trades=trades)
    minute = kline(NOON, Interval.MINUTE, price=price, volume=volume, trades=trades)
    for each in (row, minute):
        each[7], each[10] = amount, "0.00000000"
    silent = one_price(price, silent=range(60))
    return replace(batch(seconds=[row, *silent[1:]], minute_rows=[minute]), tick_size=Decimal(tick))


@pytest.fixture(scope="module")
def truncated(checkpoints):
    return Cases(checkpoints, with_truncated_amounts, TRUNCATED_ON_TICKS)


@pytest.mark.slow
@pytest.mark.defect(31)
@pytest.mark.parametrize(
    ("place", "cells"),
    [
        pytest.param(place, cells, id=f"{' '.join(map(str, cells))}-{tick}")
        for place, (cells, tick) in enumerate(TRUNCATED_ON_TICKS)
    ],
)
def test_lets_amounts_in_that_were_truncated(truncated, place, cells):
    """0.064335 x 0.0077 is 0.0004953795, of which eight decimals are stated."""
    price, _volume, _amount, _trades, vwap = cells

    landed, verdict, store = truncated.load(place)

    assert verdict.bad_row_count == 0
    average = averaged(landed, store)
    assert (average.vwap, average.vw_median) == (Decimal(vwap), Decimal(vwap))
    assert (average.low, average.high) == (Decimal(price), Decimal(price))


NOT_TRUNCATED = [("0.00049536", 1), ("0.00049539", 1), ("0.00049535", 2), ("0", 1)]


def with_another_amount(case):
    amount, trades = case
    rows = one_price("0.064335")
    rows[PLACE][5], rows[PLACE][7], rows[PLACE][8] = "0.00770000", amount, trades
    rows[PLACE][9:11] = ["0.00000000"] * 2
    return batch(seconds=rows, minute_rows=[])


@pytest.fixture(scope="module")
def not_truncated(checkpoints):
    return Cases(checkpoints, with_another_amount, NOT_TRUNCATED)


@pytest.mark.slow
@pytest.mark.defect(31)
@pytest.mark.parametrize(
    "place", range(len(NOT_TRUNCATED)), ids=["-".join(map(str, case)) for case in NOT_TRUNCATED]
)
def test_keeps_out_an_amount_that_truncation_does_not_explain(not_truncated, place):
    _, verdict, _ = not_truncated.load(place)

    assert [*verdict.bad_rows[Interval.SECOND]] == [PLACE]
    assert "expect_vwap_to_be_within_prices" in verdict.bad_rows[Interval.SECOND][PLACE]


OTHER_PRICES = {
    "high": {2: "100.50"},
    "open": {1: "20.00"},
    "low and close": {4: "20.00", 3: "20.00"},
    "flat elsewhere": {1: "20.00", 2: "20.00", 3: "20.00", 4: "20.00"},
    "flat a tick away": {1: "100.01", 2: "100.01", 3: "100.01", 4: "100.01"},
}
PLACES = {"first": 0, "in the middle": 7, "behind another": 20}
SILENT_ELSEWHERE = [
    (place, cells, f"{where}-{name}")
    for where, place in PLACES.items()
    for name, cells in OTHER_PRICES.items()
]


def with_silent_second(case):
    place, cells, _ = case
    rows = one_price("100.00", silent={0, 7, 19, 20})
    for column, cell in cells.items():
        rows[place][column] = cell
    return batch(seconds=rows)


@pytest.fixture(scope="module")
def silent_elsewhere(checkpoints):
    store = MemoryStore()
    store.second_prices.write([second(NOON - SECOND, price="100")], NOON)
    return Cases(checkpoints, with_silent_second, SILENT_ELSEWHERE, store)


@pytest.mark.slow
@pytest.mark.defect(41)
@pytest.mark.parametrize(
    ("case", "place"),
    [
        pytest.param(case, place, id=name)
        for case, (place, _cells, name) in enumerate(SILENT_ELSEWHERE)
    ],
)
def test_keeps_a_silent_second_of_another_price_out_of_the_average(silent_elsewhere, case, place):
    """59 seconds at 100, and one without trades at 20: the average over time is 100, not 98.67."""
    landed, verdict, store = silent_elsewhere.load(case)

    assert [*verdict.bad_rows[Interval.SECOND]] == [place]
    assert "expect_silent_rows_to_repeat_the_last_price" in verdict.failed
    assert averaged(landed, store).twap == 100


@pytest.mark.defect(41)
def test_judges_silent_minutes_as_silent_seconds(checkpoints):
    rows = good_minutes()
    rows[PLACE] = kline(
        NOON + PLACE * MINUTE, Interval.MINUTE, price="20.00", volume="0.00000000", trades=0
    )

    verdict, _ = through_the_gate(checkpoints, batch_of(Interval.MINUTE, rows))

    assert [*verdict.bad_rows[Interval.MINUTE]] == [PLACE]


@pytest.mark.defect(41)
def test_lets_silence_in_that_follows_a_missing_row(checkpoints):
    """What traded in between is not known: only that the silent rows agree with one another."""
    rows = one_price("100.00", silent={12, 13, 14})
    for index in (12, 13, 14):
        rows[index][1:5] = ["100.50"] * 4
    del rows[11]

    verdict, _ = through_the_gate(checkpoints, batch(seconds=rows))

    assert verdict.bad_row_count == 0


@pytest.mark.defect(41)
def test_keeps_out_silent_rows_that_disagree_where_no_trade_is_known(checkpoints):
    rows = one_price("100.00", silent={0, 1})
    rows[1][1:5] = ["100.50"] * 4

    verdict, _ = through_the_gate(checkpoints, batch(seconds=rows))

    assert [*verdict.bad_rows[Interval.SECOND]] == [0, 1]


@pytest.mark.defect(33)
def test_counts_a_row_that_comes_twice_once(checkpoints):
    rows = good_seconds()
    again = [[*row[:1], "100.00000000", *row[2:11], "7"] for row in rows[:20]]

    verdict, average = published(checkpoints, batch(seconds=deduplicate([*rows, *again, *rows])))

    assert verdict.bad_row_count == 0
    assert (average.source_level, average.trade_count) == (1, 120)
