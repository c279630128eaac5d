from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from include.reading.board import BoardRequest, board
from include.reading.recent_minutes import RecentMinutes
from include.records.prices import Flag
from include.records.request_weight import Use
from include.records.revisions import Restatement
from include.records.windows import MINUTE, SECOND, Window
from tests.fakes.builders import NOON, average, logged
from tests.fakes.memory_store import MemoryStore

HOUR = Window(NOON, NOON + 60 * MINUTE)
# Five minutes after noon, and long enough for the fifth to be late where it is not there.
NOW = NOON + 5 * MINUTE + 40 * SECOND
IN_TIME = MINUTE + 7 * SECOND


@pytest.fixture
def store():
    return MemoryStore()


def publish(store, *averages, after=IN_TIME):
    for each in averages:
        store.minute_prices.append([each], each.minute + after)


def shown(store, window, *, moment=NOW, symbols=("BTCUSDT",), counted_from=None):
    minutes = RecentMinutes(store.minute_rows, lambda: NOW)
    counted_from = counted_from or window.start
    asked = BoardRequest("BTCUSDT", symbols, window, counted_from, moment, "here")
    return board(store, minutes, asked)


def five(store, **changes):
    """Noon and four minutes more."""
    window = Window(NOON, NOON + 5 * MINUTE)
    publish(store, *(average(minute, **changes) for minute in window.minutes()))
    return window


def test_shows_decimals_with_every_digit(store):
    publish(store, average(vwap="0.000000012300"))

    candles = shown(store, Window(NOON, NOON + MINUTE))["candles"]

    assert (candles["vwap"], candles["high"]) == (["0.000000012300"], ["101"])


def test_has_an_item_for_each_minute_also_of_a_gap(store):
    publish(store, average(NOON), average(NOON + 2 * MINUTE, vwap=None, flag=Flag.NO_TRADES))

    found = shown(store, Window(NOON, NOON + 4 * MINUTE))

    assert found["candles"]["vwap"] == ["100.5", None, None, None]
    assert found["ribbons"] == [
        {
            "symbol": "BTCUSDT",
            "causes": [("OK", 1), ("NOT_PUBLISHED", 1), ("NO_TRADES", 1), ("NOT_PUBLISHED", 1)],
        }
    ]


def test_calls_a_minute_due_until_it_is_late(store):
    """The fifth minute ended forty seconds ago and is late; ten seconds ago it was due."""
    window = Window(NOON + 4 * MINUTE, NOON + 5 * MINUTE)

    causes = [
        shown(store, window, moment=moment)["ribbons"][0]["causes"]
        for moment in (NOW - 30 * SECOND, NOW)
    ]

    assert causes == [[("DUE", 1)], [("NOT_PUBLISHED", 1)]]


def test_has_a_ribbon_for_each_symbol_in_the_order_asked(store):
    publish(store, average(symbol="ETHUSDT"))

    ribbons = shown(store, Window(NOON, NOON + MINUTE), symbols=("ETHUSDT", "BTCUSDT"))["ribbons"]

    assert ribbons == [
        {"symbol": "ETHUSDT", "causes": [("OK", 1)]},
        {"symbol": "BTCUSDT", "causes": [("NOT_PUBLISHED", 1)]},
    ]


@pytest.mark.defect(37)
def test_leaves_out_the_ribbon_of_a_symbol_that_cannot_be_read(store, monkeypatch, caplog):
    window = five(store)
    causes = RecentMinutes.causes

    def broken(minutes, symbol, window):
        if symbol == "ETHUSDT":
            raise ValueError("no flag")
        return causes(minutes, symbol, window)

    monkeypatch.setattr(RecentMinutes, "causes", broken)

    found = shown(store, window, symbols=("ETHUSDT", "BTCUSDT"))

    assert [ribbon["symbol"] for ribbon in found["ribbons"]] == ["BTCUSDT"]
    assert found["candles"]["vwap"] == ["100.5"] * 5
    assert "cannot show the causes of ETHUSDT" in caplog.text


def test_marks_what_is_filled_flagged_and_revised(store):
    filled = replace(average(NOON + MINUTE, vwap=None), filled_vwap=Decimal("100.5"))
    publish(store, average(NOON), replace(filled, soft_flags="STALE"))
    publish(store, average(NOON, vwap="99"), after=3 * MINUTE)

    found = shown(store, HOUR)

    assert found["filled"] == [(1, "100.5")]
    assert found["soft_flags"] == [(1, "STALE")]
    assert found["revisions"] == [(0, 2, "2026-03-01T12:03:00Z")]


def test_shows_what_was_known_at_a_moment(store):
    publish(store, average(NOON))
    publish(store, average(NOON, vwap="99"), after=3 * MINUTE)

    before = shown(store, HOUR, moment=NOON + 2 * MINUTE)
    after = shown(store, HOUR, moment=NOON + 3 * MINUTE)

    assert [each["candles"]["vwap"][0] for each in (before, after)] == ["100.5", "99"]
    assert (before["revisions"], after["revisions"]) == ([], [(0, 2, "2026-03-01T12:03:00Z")])


def test_lists_restatements_of_the_span(store):
    store.restatements.note(
        [Restatement("BTCUSDT", NOON, 2, NOW, Decimal(1), Decimal(2), Decimal(1), is_alarming=True)]
    )

    found = shown(store, HOUR)

    assert found["restatements"] == [(0, 2, "2026-03-01T12:05:40Z")]
    assert found["tiles"]["restated_count"] == 1


def test_counts_a_silent_minute_as_no_gap(store):
    """Four valued of four that were traded; the fifth is silent."""
    five(store)
    publish(store, average(NOON, vwap=None, flag=Flag.NO_TRADES), after=2 * MINUTE)

    tiles = shown(store, HOUR)["tiles"]

    assert (tiles["completeness_ratio"], tiles["missing_count"]) == ("1.000000", 0)


def test_counts_missing_minutes_since_the_first_one_stored(store):
    """Stored from 11:55 on, five minutes of ten are there."""
    five(store)
    store.set_stored_from("BTCUSDT", NOON - 5 * MINUTE)

    tiles = shown(store, HOUR, counted_from=NOON - 60 * MINUTE)["tiles"]

    assert tiles["completeness_ratio"] == "0.500000"
    assert (tiles["missing_count"], tiles["counted_from"]) == (5, "2026-03-01T11:55:00Z")


def test_counts_a_gap_as_soon_as_it_is_shown(store):
    """Five minutes, and the next was published as a gap before it is late: not all are there."""
    five(store)
    gap = average(NOON + 5 * MINUTE, vwap=None, flag=Flag.INGEST_GAP)
    publish(store, gap, after=MINUTE + 20 * SECOND)
    moment = NOON + 6 * MINUTE + 25 * SECOND

    tiles = shown(store, Window(NOON, NOON + 6 * MINUTE), moment=moment)["tiles"]

    assert (tiles["missing_count"], tiles["completeness_ratio"]) == (1, "0.833333")


def test_tiles_follow_the_span_that_is_shown(store):
    """The newest price is of 12:04; of a span that ends at 12:02 it is of 12:01."""
    five(store)

    tiles = shown(store, Window(NOON, NOON + 2 * MINUTE))["tiles"]

    assert tiles["last"]["minute"] == "2026-03-01T12:01:00Z"
    assert tiles["valued_count"] == 2


def test_a_refresh_of_the_end_still_counts_the_whole_span(store):
    window = five(store)

    tiles = shown(store, Window(NOON + 4 * MINUTE, window.end), counted_from=NOON)["tiles"]

    assert tiles["valued_count"] == 5


def test_says_where_the_newest_price_comes_from_and_how_old_it_is(store):
    """The minute of 12:04 ended at 12:05:00; it is 12:05:40."""
    window = five(store)
    store.log_batch(logged(NOON + 4 * MINUTE, source="REPLAY of 2020-01-01"))

    strip = shown(store, window)["strip"]

    assert (strip["source"], strip["minute_text"]) == ("REPLAY of 2020-01-01", "12:04")
    assert (strip["age_seconds"], strip["level"]) == (40, "fresh")


def test_says_when_the_next_minute_usually_comes(store):
    """Each came 7 s after its end, so the next one is due at 12:06:07."""
    window = five(store)

    assert shown(store, window)["next_look_at"] == "2026-03-01T12:06:07Z"


def test_changes_against_the_oldest_value_of_the_span(store):
    publish(store, average(NOON, vwap="100"), average(NOON + MINUTE, vwap="101"))

    last = shown(store, HOUR)["tiles"]["last"]

    assert (last["vwap"], last["change_ratio"]) == ("101", "0.010000")
    assert (last["minute"], last["since"]) == ("2026-03-01T12:01:00Z", "2026-03-01T12:00:00Z")


def test_measures_delays_to_the_first_value(store):
    """Seven seconds each; the revision an age later does not count."""
    five(store)
    publish(store, average(NOON, vwap="99"), after=5 * MINUTE)

    tiles = shown(store, HOUR)["tiles"]

    assert (tiles["p95_delay_seconds"], tiles["late_count"]) == ("7.000", 0)
    assert tiles["revised_count"] == 1


def test_a_gap_in_time_is_no_price_in_time(store):
    """Five after 7 s; the sixth was a gap after 20 s, and its value came after 25 s."""
    five(store)
    sixth = NOON - MINUTE
    publish(store, average(sixth, vwap=None, flag=Flag.INGEST_GAP), after=MINUTE + 20 * SECOND)
    publish(store, average(sixth), after=MINUTE + 25 * SECOND)

    tiles = shown(store, Window(sixth, NOON + 5 * MINUTE))["tiles"]

    assert (tiles["p95_delay_seconds"], tiles["gap_first_count"]) == ("25.000", 1)


def test_counts_what_was_filled_in_afterwards_beside_the_delay(store):
    """Beside five in time, one came 31 s after its end, and one five minutes after it."""
    window = five(store)
    publish(store, average(NOON - MINUTE), after=MINUTE + 31 * SECOND)
    publish(store, average(NOON - 60 * MINUTE), after=6 * MINUTE)

    tiles = shown(store, window, counted_from=NOON - 60 * MINUTE)["tiles"]

    assert (tiles["p95_delay_seconds"], tiles["late_count"]) == ("31.000", 1)
    assert tiles["afterwards_count"] == 1


def test_shows_the_weight_of_the_last_whole_minute(store):
    budget = store.exchange_budget("here")
    budget.set_weight_limit(6000)
    budget.swap_use(None, Use(NOON + 4 * MINUTE, 60, NOW, NOW))

    tiles = shown(store, HOUR)["tiles"]

    assert (tiles["used_weight"], tiles["weight_limit"]) == (60, 6000)


def test_has_tiles_of_nothing(store):
    tiles = shown(store, HOUR)["tiles"]

    assert (tiles["last"], tiles["completeness_ratio"], tiles["p95_delay_seconds"]) == (None,) * 3
    assert tiles["used_weight"] is None


def test_a_long_span_is_the_same_as_its_parts(store):
    """A week is read past what is held of the last day."""
    five(store)
    week = Window(NOON + 5 * MINUTE - timedelta(days=7), NOON + 5 * MINUTE)

    assert shown(store, week)["candles"]["vwap"][-5:] == ["100.5"] * 5
