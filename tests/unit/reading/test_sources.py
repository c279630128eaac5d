from dataclasses import replace
from datetime import timedelta

import pytest

from include.reading.sources import newest_price, sources_of, strip_of
from include.records.prices import Flag
from include.records.windows import MINUTE, SECOND
from tests.fakes.builders import NOON, average, logged
from tests.fakes.memory_store import MemoryStore

IN_TIME = NOON + MINUTE + 10 * SECOND
NOW = NOON + MINUTE + 40 * SECOND


@pytest.fixture
def store():
    held = MemoryStore()
    held.log_batch(logged(source="GENERATED"))
    return held


def test_finds_the_batch_that_a_minute_was_published_from(store):
    assert sources_of(store, "BTCUSDT", [(NOON, IN_TIME)]) == {NOON: "GENERATED"}


def test_a_batch_fetched_later_explains_nothing(store):
    later = IN_TIME + SECOND
    store.log_batch(logged(source="LIVE api.binance.com", fetched_at=later))

    assert sources_of(store, "BTCUSDT", [(NOON, IN_TIME)]) == {NOON: "GENERATED"}
    assert sources_of(store, "BTCUSDT", [(NOON, IN_TIME), (NOON, later)]) == {
        NOON: "LIVE api.binance.com"
    }


def test_a_day_that_is_backfilled_years_later_has_its_own_batches(store):
    """Fetched today, of a minute long ago."""
    old = NOON - timedelta(days=800)
    store.log_batch(logged(old, source="ARCHIVE data.binance.vision", fetched_at=NOON))

    found = sources_of(store, "BTCUSDT", [(old, NOON + 2 * MINUTE)])

    assert found == {old: "ARCHIVE data.binance.vision"}


def test_knows_no_source_of_what_nobody_noted(store):
    """A batch of an older release, one that was refused, and none at all."""
    store.log_batch(logged(NOON + MINUTE, source=None))
    store.log_batch(replace(logged(NOON + 2 * MINUTE), is_refused=True))
    asked = [(NOON + place * MINUTE, IN_TIME + place * MINUTE) for place in (1, 2, 3)]

    assert sources_of(store, "BTCUSDT", asked) == {}


def test_reads_only_the_log_of_the_time_of_publication(store, monkeypatch):
    """Sixteen minutes of it, whatever the day holds: each is a row."""
    read = []
    between = store.batches_between
    monkeypatch.setattr(
        store, "batches_between", lambda *asked: read.append(asked[1]) or between(*asked)
    )

    sources_of(store, "BTCUSDT", [(NOON, IN_TIME)])

    assert sum(window.minute_count for window in read) == 16


def test_the_newest_price_is_the_newest_with_a_value(store):
    store.minute_prices.append([average(NOON)], IN_TIME)
    gap = average(NOON + MINUTE, vwap=None, flag=Flag.INGEST_GAP)
    store.minute_prices.append([gap], IN_TIME + MINUTE)

    assert newest_price(store, "BTCUSDT", NOW + MINUTE) == (NOON, "GENERATED")


def test_finds_a_price_of_hours_ago_and_none_of_days_ago(store):
    store.minute_prices.append([average(NOON)], IN_TIME)

    assert newest_price(store, "BTCUSDT", NOON + timedelta(hours=20)) == (NOON, "GENERATED")
    assert newest_price(store, "BTCUSDT", NOON + timedelta(hours=25)) is None


def test_a_strip_of_several_symbols_is_as_old_as_the_newest(store):
    """Ether stopped an hour ago."""
    store.minute_prices.append([average(NOON)], IN_TIME)
    before = NOON - 60 * MINUTE
    store.minute_prices.append([average(before, symbol="ETHUSDT")], before + 2 * MINUTE)

    made = strip_of(store, ["BTCUSDT", "ETHUSDT", "NEWUSDT"], NOW)

    assert made.text == (
        "GENERATED (BTCUSDT); source not noted (ETHUSDT) · price of 12:00, 40 s old"
    )
