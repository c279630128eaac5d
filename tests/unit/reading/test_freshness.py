"""How fresh and complete a symbol is, from what is published."""

from datetime import UTC, datetime, timedelta

import pytest

from include.reading.freshness import Freshness
from include.records.errors import StoreSilentError
from include.records.prices import Flag
from include.records.windows import MINUTE
from tests.fakes.builders import average
from tests.fakes.memory_store import MemoryStore

NOW = datetime(2026, 3, 2, 12, 0, 40, tzinfo=UTC)
CLOSED = NOW.replace(second=0)


@pytest.fixture
def store():
    return MemoryStore()


def publish(store, minute, flag=Flag.OK, symbol="BTCUSDT"):
    value = "100" if flag in {Flag.OK, Flag.PARTIAL} else None
    store.minute_prices.append(
        [average(minute, symbol=symbol, vwap=value, flag=flag)], minute + 2 * MINUTE
    )


def publish_hour(store, flags=None, symbol="BTCUSDT"):
    """Two hours up to now; some minutes, by how many minutes ago they ended, have another flag."""
    for place in range(1, 121):
        publish(store, CLOSED - place * MINUTE, (flags or {}).get(place - 1, Flag.OK), symbol)


def read(store, freshness=None, now=NOW, symbol="BTCUSDT"):
    (facts,) = (freshness or Freshness()).read(store, [symbol], now)
    return facts


def test_knows_the_newest_minute_and_the_hour_before_the_last_minute(store):
    """At 12:00:40 the minute that ended at 12:00 is not due, so the hour ends at 11:59."""
    publish_hour(store)

    facts = read(store)

    assert facts.freshest_minute == CLOSED - MINUTE
    assert facts.accounted_until == CLOSED
    assert (facts.valued_minutes, facts.wanted_minutes) == (60, 60)


def test_a_gap_of_our_own_is_missing_and_accounts_for_nothing(store):
    publish_hour(store, {0: Flag.INGEST_GAP, 1: Flag.INGEST_GAP})

    facts = read(store)

    assert facts.freshest_minute == CLOSED - 3 * MINUTE
    assert facts.accounted_until == CLOSED - 2 * MINUTE
    assert facts.missing_minutes == 1


@pytest.mark.parametrize("flag", [Flag.NO_TRADES, Flag.HALTED, Flag.EXCHANGE_OUTAGE])
def test_a_minute_that_nobody_traded_in_is_accounted_for_and_not_wanted(store, flag):
    publish_hour(store, {0: flag, 10: flag})

    facts = read(store)

    assert facts.accounted_until == CLOSED
    assert (facts.valued_minutes, facts.wanted_minutes) == (59, 59)


def test_a_gap_of_the_exchange_is_accounted_for_and_missing(store):
    publish_hour(store, {0: Flag.SOURCE_GAP, 10: Flag.SOURCE_GAP})

    facts = read(store)

    assert facts.accounted_until == CLOSED
    assert facts.missing_minutes == 1


def test_a_minute_that_was_revised_counts_by_its_last_revision(store):
    publish_hour(store, {10: Flag.INGEST_GAP})
    store.minute_prices.append([average(CLOSED - 11 * MINUTE)], NOW)

    assert read(store).missing_minutes == 0


def test_a_minute_that_was_never_published_is_missing(store):
    publish(store, CLOSED - 40 * MINUTE)
    publish(store, CLOSED - MINUTE)

    facts = read(store)

    assert (facts.wanted_minutes, facts.valued_minutes) == (39, 1)


def test_nothing_is_missing_from_before_the_first_fetch(store):
    """Stored from 11:50 on, so of the hour to 11:59 nine minutes are wanted."""
    store.set_stored_from("BTCUSDT", CLOSED - 10 * MINUTE)

    facts = read(store)

    assert (facts.wanted_minutes, facts.valued_minutes) == (9, 0)


def test_knows_nothing_of_a_symbol_that_was_never_fetched(store):
    facts = read(store)

    assert (facts.freshest_minute, facts.accounted_until, facts.done_until) == (None, None, None)
    assert (facts.wanted_minutes, facts.missing_minutes) == (0, 0)


def test_is_done_where_it_is_both_stored_and_averaged(store):
    store.set_stored_until("BTCUSDT", CLOSED)
    assert read(store).done_until is None

    store.set_averaged_until("BTCUSDT", CLOSED - 3 * MINUTE)

    assert read(store).done_until == CLOSED - 3 * MINUTE


def test_looks_back_a_day_once_for_a_value_and_knows_it_from_then_on(store):
    """Five hours ago; a day later it is still known, without another look."""
    publish(store, CLOSED - timedelta(hours=5))
    freshness = Freshness()

    found = [read(store, freshness, NOW + later) for later in (timedelta(0), timedelta(days=1))]

    assert [facts.freshest_minute for facts in found] == [CLOSED - timedelta(hours=5)] * 2


def test_reads_each_symbol_in_the_order_of_the_variable(store):
    publish_hour(store, symbol="ETHUSDT")

    facts = Freshness().read(store, ["ETHUSDT", "BTCUSDT"], NOW)

    assert [(each.symbol, each.valued_minutes) for each in facts] == [
        ("ETHUSDT", 60),
        ("BTCUSDT", 0),
    ]


def test_says_when_the_store_does_not_answer(store, monkeypatch):
    def fail(*_):
        raise StoreSilentError("Cassandra did not answer")

    monkeypatch.setattr(store.minute_rows, "causes", fail)

    with pytest.raises(StoreSilentError):
        read(store)


def test_counts_the_delay_from_the_end_of_the_newest_minute(store):
    """It ended at 12:00:00 and was published 4.25 s later."""
    publish_hour(store)
    newest = average(CLOSED, symbol="BTCUSDT")

    store.minute_prices.append([newest], CLOSED + MINUTE + timedelta(milliseconds=4250))

    assert read(store, now=NOW + MINUTE).publish_delay_ms == 4250


def test_counts_the_delay_to_the_first_value_and_the_gap_before_it_beside(store):
    """A gap after 20 s, its value after 35 s; the next minute is still a gap."""
    minute = CLOSED - MINUTE
    gap = average(minute, vwap=None, flag=Flag.INGEST_GAP)
    store.minute_prices.append([gap], CLOSED + timedelta(seconds=20))
    store.minute_prices.append([average(minute)], CLOSED + timedelta(seconds=35))
    store.minute_prices.append([average(minute, vwap="101")], CLOSED + timedelta(seconds=95))
    publish(store, CLOSED, Flag.INGEST_GAP)

    facts = read(store, now=NOW + 2 * MINUTE)

    assert (facts.publish_delay_ms, facts.gap_first_count) == (35_000, 1)


def test_knows_no_delay_without_a_minute_of_the_last_hour(store):
    publish(store, CLOSED - 90 * MINUTE)

    assert read(store).publish_delay_ms is None


def test_counts_revisions_of_the_last_hours_minutes(store):
    """One of them is revised twice; an older minute does not count."""
    publish_hour(store)
    for minute, vwap in ((10, "101"), (10, "102"), (90, "101")):
        changed = average(CLOSED - minute * MINUTE, vwap=vwap)
        store.minute_prices.append([changed], NOW)

    assert read(store).revision_count == 2
