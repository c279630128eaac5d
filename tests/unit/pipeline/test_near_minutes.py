import functools
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from itertools import repeat

import pytest

from include.gx.checkpoints import Checkpoints
from include.gx.minutes import check_averages
from include.method.averages import average_minutes
from include.pipeline.publishing import Publisher
from include.reading.queries import as_of, latest
from include.records.columns import SpanColumns
from include.records.prices import Flag
from include.records.revisions import AuditedDay, MinuteState
from include.records.windows import MINUTE, Window
from tests.fakes.builders import NOON, average, exchange_minute, second
from tests.fakes.memory_store import MemoryStore

LATER = NOON + timedelta(hours=5)


def at(i):
    return NOON + i * MINUTE


def put(store, prices, first=0):
    for i, price in enumerate(prices, start=first):
        store.exchange_minutes.write([exchange_minute(at(i), price=price)], NOON)


def publish(store, *spans, now=LATER, check=lambda _a, _b: {}):
    windows = [Window(at(a), at(b)) for a, b in spans]
    return Publisher(store, ("BTCUSDT",), lambda: now, check).publish_windows(
        {"BTCUSDT": windows}, are_fetched=True
    )


def corrected_apart(check=lambda _a, _b: {}):
    """A jump to 110 at minute 60 that stays; the archive has 109 in 60 and 100 in 62."""
    store = MemoryStore()
    put(store, ["100", "100.01"] * 30 + ["110"] * 15)
    publish(store, (0, 75), now=at(75))
    put(store, ["109"], 60)
    put(store, ["100"], 62)
    return store, publish(store, (60, 61), (62, 63), check=check)


def value(store, i):
    return store.minute_prices.between("BTCUSDT", Window(at(i), at(i + 1)))[0].average


def test_two_near_windows_in_one_call_do_not_take_a_correction_back():
    store, publication = corrected_apart()
    assert value(store, 60).vwap == 109
    assert max(Counter(p.average.minute for p in publication.prices).values()) == 1


def test_two_near_windows_come_to_the_same_as_all_at_once():
    cut, _ = corrected_apart()
    whole = MemoryStore()
    put(whole, ["100", "100.01"] * 30 + ["110"] * 15)
    publish(whole, (0, 75), now=at(75))
    put(whole, ["109"], 60)
    put(whole, ["100"], 62)
    publish(whole, (60, 63))
    assert [value(cut, i) for i in range(75)] == [value(whole, i) for i in range(75)]


def test_the_gate_withholds_nothing_of_two_near_windows(tmp_path):
    checkpoints = Checkpoints(str(tmp_path))
    store, publication = corrected_apart(lambda a, asked: check_averages(checkpoints, a, asked))
    assert [(w.open_time, list(w.observed)) for w in publication.withheld] == []
    assert value(store, 60).vwap == 109


def test_a_backlog_of_fourteen_hours_gives_each_minute_once_a_run():
    store = MemoryStore()
    put(store, ["100", "100.01"] * (14 * 30 + 20), -(14 * 60 + 40))
    put(store, ["101"] * 11, -10)
    store.set_stored_from("BTCUSDT", at(-14 * 60 - 40))
    store.set_averaged_until("BTCUSDT", at(-14 * 60))
    seen = []

    def check(averages, _asked_for):
        seen.append(Counter(a.minute for a in averages).most_common(1)[0])
        return {}

    for step in (0, 1):
        store.set_stored_until("BTCUSDT", at(step))
        now = at(step) + timedelta(seconds=1)
        publisher = Publisher(store, ("BTCUSDT",), functools.partial(next, repeat(now)), check)
        publisher.publish_closed_minutes(lambda _seconds: None)
    assert [count for _, count in seen] == [1, 1]


@pytest.mark.parametrize(
    ("seconds", "minutes", "flag", "vwap"),
    [
        (
            [second(NOON, price="100", volume="0.00000001", quote_volume="0")],
            [],
            Flag.PARTIAL,
            Decimal(0),
        ),
        (
            [second(NOON, price="0.00000001", volume="100000000", quote_volume="0.00000001")],
            [],
            Flag.PARTIAL,
            Decimal(0),
        ),
        ([], [exchange_minute(NOON, volume="0", trades=1)], Flag.NO_TRADES, None),
    ],
    ids=["quote volume of a second truncated to 0", "average below 5e-13", "trades without volume"],
)
def test_never_divides_by_zero(seconds, minutes, flag, vwap):
    """An average of 0 is outside its own prices: the second gate withholds it."""
    (found,) = average_minutes(
        "BTCUSDT", Window(NOON, at(1)), SpanColumns.of(seconds), SpanColumns.of(minutes), at(1)
    )

    assert (found.flag, found.vwap) == (flag, vwap)
    assert (found.vw_median, found.dispersion_bp) == (None, None)


def test_the_latest_minute_may_be_published_after_now_was_taken():
    store = MemoryStore()
    store.minute_prices.append([average(NOON)], at(1) + timedelta(seconds=7))

    found = latest(store, "BTCUSDT", at(1) + timedelta(seconds=6))

    assert found.average.minute == NOON
    assert found.known_at == at(1) + timedelta(seconds=7)


def test_a_minute_published_after_the_audit_is_not_audited():
    store = MemoryStore()
    store.days.note_audit(AuditedDay("BTCUSDT", NOON.date(), LATER, "ab", 1, 0, 0, None))
    store.minute_prices.append([average(NOON)], LATER + MINUTE)
    (found,) = as_of(store, "BTCUSDT", Window(NOON, at(1)), LATER + 2 * MINUTE)
    assert found.state is not MinuteState.AUDITED


def noon_is_bad(averages, _asked_for):
    return {place: {"bad": "x"} for place, each in enumerate(averages) if each.minute == NOON}


def test_fills_nothing_from_a_minute_that_was_withheld():
    store = MemoryStore()
    put(store, ["100"])
    publish(store, (0, 2), check=noon_is_bad)
    assert value(store, 1).filled_vwap is None
