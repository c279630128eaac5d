"""Defects that a batch brings to the gate."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from include.gx.batches import check_batch, verdict_line
from include.gx.kline_suites import KLINE_COLUMNS
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


def published(checkpoints, landed, store=None):
    """Judge, load and average a batch; return the verdict and the first minute's average."""
    verdict, store = through_the_gate(checkpoints, landed, store)
    window = landed.window
    (average, *_) = average_minutes(
        landed.symbol,
        window,
        store.second_prices.columns(landed.symbol, Window(window.start - 5 * MINUTE, window.end)),
        store.exchange_minutes.columns(landed.symbol, window),
        window.end,
    )
    return verdict, average


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


@pytest.mark.defect(31)
@pytest.mark.parametrize("tick", ["0", "0.000001", "0.01"])
@pytest.mark.parametrize("cells", TRUNCATED, ids=lambda cells: " ".join(map(str, cells)))
def test_lets_amounts_in_that_were_truncated(checkpoints, cells, tick):
    """0.064335 x 0.0077 is 0.0004953795, of which eight decimals are stated."""
    price, volume, amount, trades, vwap = cells
    row = kline(NOON, price=price, volume=volume, trades=trades)
    minute = kline(NOON, Interval.MINUTE, price=price, volume=volume, trades=trades)
    for each in (row, minute):
        each[7], each[10] = amount, "0.00000000"
    silent = one_price(price, silent=range(60))
    landed = replace(
        batch(seconds=[row, *silent[1:]], minute_rows=[minute]), tick_size=Decimal(tick)
    )

    verdict, average = published(checkpoints, landed)

    assert verdict.bad_row_count == 0
    assert (average.vwap, average.vw_median) == (Decimal(vwap), Decimal(vwap))
    assert (average.low, average.high) == (Decimal(price), Decimal(price))


@pytest.mark.defect(31)
@pytest.mark.parametrize(
    ("amount", "trades"), [("0.00049536", 1), ("0.00049539", 1), ("0.00049535", 2), ("0", 1)]
)
def test_keeps_out_an_amount_that_truncation_does_not_explain(checkpoints, amount, trades):
    rows = one_price("0.064335")
    rows[PLACE][5], rows[PLACE][7], rows[PLACE][8] = "0.00770000", amount, trades
    rows[PLACE][9:11] = ["0.00000000"] * 2

    verdict, _ = through_the_gate(checkpoints, batch(seconds=rows, minute_rows=[]))

    assert [*verdict.bad_rows[Interval.SECOND]] == [PLACE]
    assert "expect_vwap_to_be_within_prices" in verdict.bad_rows[Interval.SECOND][PLACE]


@pytest.mark.defect(41)
@pytest.mark.parametrize(
    "cells",
    [
        {2: "100.50"},
        {1: "20.00"},
        {4: "20.00", 3: "20.00"},
        {1: "20.00", 2: "20.00", 3: "20.00", 4: "20.00"},
        {1: "100.01", 2: "100.01", 3: "100.01", 4: "100.01"},
    ],
    ids=["high", "open", "low and close", "flat elsewhere", "flat a tick away"],
)
@pytest.mark.parametrize("place", [0, 7, 20], ids=["first", "in the middle", "behind another"])
def test_keeps_a_silent_second_of_another_price_out_of_the_average(checkpoints, cells, place):
    """59 seconds at 100, and one without trades at 20: the average over time is 100, not 98.67."""
    rows = one_price("100.00", silent={0, 7, 19, 20})
    for column, cell in cells.items():
        rows[place][column] = cell
    store = MemoryStore()
    store.second_prices.write([second(NOON - SECOND, price="100")], NOON)

    verdict, average = published(checkpoints, batch(seconds=rows), store)

    assert [*verdict.bad_rows[Interval.SECOND]] == [place]
    assert "expect_silent_rows_to_repeat_the_last_price" in verdict.failed
    assert average.twap == 100


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
