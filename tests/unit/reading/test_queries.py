from datetime import timedelta
from decimal import Decimal

import pytest

from include.reading.queries import as_of, latest
from include.records.prices import Flag
from include.records.revisions import AuditedDay, MinuteState, Restatement
from include.records.windows import MINUTE, Window
from tests.fakes.builders import NOON, average
from tests.fakes.memory_store import MemoryStore

ONE_MINUTE = Window(NOON, NOON + MINUTE)
HOUR = Window(NOON, NOON + 60 * MINUTE)
A_MILLISECOND = timedelta(milliseconds=1)
IN_TIME = NOON + MINUTE + timedelta(seconds=7)
# Sixteen minutes after its start no usual run averages noon again.
FINAL_AT = NOON + 16 * MINUTE
LATER = NOON + timedelta(hours=5)
DAY = NOON.date()
MIDNIGHT = NOON + timedelta(hours=12)


def publish(store, *vwaps, known_at=IN_TIME, minute=NOON, symbol="BTCUSDT"):
    """Append a revision for each value, an hour apart."""
    for place, vwap in enumerate(vwaps):
        store.minute_prices.append(
            [average(minute, symbol=symbol, vwap=vwap)], known_at + place * 60 * MINUTE
        )


def restate(store, revision, known_at):
    before, after = Decimal(100), Decimal(101)
    ratio = after / before - 1
    store.restatements.note(
        [Restatement("BTCUSDT", NOON, revision, known_at, before, after, ratio, is_alarming=True)]
    )


def audit(store, audited_at, *, symbol="BTCUSDT", day=DAY):
    store.days.note_audit(AuditedDay(symbol, day, audited_at, "ab12", 1440, 0, 0, None))


def published(*vwaps, **changes):
    store = MemoryStore()
    publish(store, *vwaps, **changes)
    return store


def reading(store, moment):
    (found,) = as_of(store, "BTCUSDT", ONE_MINUTE, moment)
    return found


def state(store, moment):
    return reading(store, moment).state


def test_reads_the_newest_minute_of_a_symbol():
    store = published("100")
    publish(store, "101", minute=NOON + MINUTE, known_at=IN_TIME + MINUTE)
    publish(store, "7", minute=NOON + 2 * MINUTE, symbol="ETHUSDT")

    found = latest(store, "BTCUSDT", NOON + 3 * MINUTE)

    assert (found.average.minute, found.average.vwap) == (NOON + MINUTE, 101)
    assert (found.revision, found.state) == (1, MinuteState.PROVISIONAL)


def test_reads_the_latest_revision_of_the_newest_minute():
    found = latest(published("100", "101"), "BTCUSDT", LATER)

    assert (found.average.vwap, found.revision) == (101, 2)
    assert (found.first_known_at, found.known_at) == (IN_TIME, IN_TIME + 60 * MINUTE)


def test_a_minute_is_as_late_as_its_first_value():
    """A gap seven seconds after its end is in time, and no price: that came a minute later."""
    store = MemoryStore()
    gap = average(NOON, vwap=None, flag=Flag.INGEST_GAP)
    store.minute_prices.append([gap], IN_TIME)

    before = reading(store, LATER)
    publish(store, "100", known_at=IN_TIME + MINUTE)
    after = reading(store, LATER)

    assert (before.first_valued_at, before.is_late) == (None, False)
    assert (after.first_valued_at, after.is_late) == (IN_TIME + MINUTE, True)


def test_has_no_newest_minute_while_nothing_is_published():
    assert latest(published("7", symbol="ETHUSDT"), "BTCUSDT", LATER) is None


def test_reads_the_published_minutes_of_a_span_in_order():
    """Minute 2 was never published; 60 lies behind the hour, and -1 before it."""
    store = MemoryStore()
    for index in (60, 3, 0, 1, -1):
        publish(store, "100", minute=NOON + index * MINUTE)

    found = as_of(store, "BTCUSDT", HOUR, LATER)

    assert [each.average.minute for each in found] == [NOON + index * MINUTE for index in (0, 1, 3)]


def test_reads_a_minute_without_a_value_with_its_flag():
    store = published("100")
    gap = average(NOON + MINUTE, vwap=None, flag=Flag.SOURCE_GAP, level=7)
    store.minute_prices.append([gap], IN_TIME + MINUTE)

    _, found = as_of(store, "BTCUSDT", HOUR, LATER)

    assert (found.average.vwap, found.average.flag) == (None, Flag.SOURCE_GAP)


def test_reads_an_empty_span():
    assert as_of(published("100"), "BTCUSDT", Window(NOON, NOON), LATER) == []


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (IN_TIME, (100, 1)),
        (IN_TIME + 60 * MINUTE - A_MILLISECOND, (100, 1)),
        (IN_TIME + 60 * MINUTE, (101, 2)),
        (IN_TIME + 120 * MINUTE, (102, 3)),
    ],
    ids=["at the first", "just before the second", "at the second", "at the third"],
)
def test_reads_what_was_known_at_a_moment(moment, expected):
    found = reading(published("100", "101", "102"), moment)

    assert (found.average.vwap, found.revision) == expected


def test_leaves_out_minutes_that_were_published_later():
    store = published("100")
    publish(store, "101", minute=NOON + MINUTE, known_at=LATER)

    found = as_of(store, "BTCUSDT", HOUR, LATER - A_MILLISECOND)

    assert [each.average.minute for each in found] == [NOON]
    assert as_of(store, "BTCUSDT", HOUR, IN_TIME - A_MILLISECOND) == []


def test_is_final_once_no_usual_run_averages_it_again():
    store = published("100")

    assert state(store, FINAL_AT - A_MILLISECOND) is MinuteState.PROVISIONAL
    assert state(store, FINAL_AT) is MinuteState.FINAL


def test_a_revision_within_the_overlap_leaves_the_state_as_it_is():
    store = published("100")
    publish(store, "101", known_at=IN_TIME + MINUTE)

    assert state(store, IN_TIME + MINUTE) is MinuteState.PROVISIONAL
    assert state(store, FINAL_AT) is MinuteState.FINAL


def test_is_audited_from_the_moment_of_the_first_audit_on():
    store = published("100")
    audit(store, MIDNIGHT + timedelta(days=1))
    audit(store, MIDNIGHT)

    assert state(store, MIDNIGHT - A_MILLISECOND) is MinuteState.FINAL
    assert state(store, MIDNIGHT) is MinuteState.AUDITED


@pytest.mark.parametrize(
    "other",
    [{"symbol": "ETHUSDT"}, {"day": (NOON - timedelta(days=1)).date()}],
    ids=["symbol", "day"],
)
def test_is_not_audited_with_another(other):
    store = published("100")
    audit(store, MIDNIGHT, **other)

    assert state(store, MIDNIGHT) is MinuteState.FINAL


def test_tells_each_day_of_a_span_by_its_own_audit():
    """Noon of this day and of the next; the first of both days was audited."""
    store = published("100")
    publish(store, "101", minute=NOON + timedelta(days=1))
    audit(store, MIDNIGHT)

    found = as_of(
        store, "BTCUSDT", Window(NOON, NOON + timedelta(days=2)), LATER + timedelta(days=1)
    )

    assert [each.state for each in found] == [MinuteState.AUDITED, MinuteState.FINAL]


def test_is_restated_from_its_revision_on_and_not_before():
    store = published("100", "101")
    restate(store, 2, IN_TIME + 60 * MINUTE)

    assert state(store, IN_TIME + 60 * MINUTE - A_MILLISECOND) is MinuteState.FINAL
    assert state(store, IN_TIME + 60 * MINUTE) is MinuteState.RESTATED


def test_stays_restated_with_later_revisions_and_audits():
    store = published("100", "101", "102")
    restate(store, 2, IN_TIME + 60 * MINUTE)
    audit(store, MIDNIGHT)

    assert state(store, IN_TIME + 120 * MINUTE) is MinuteState.RESTATED
    assert state(store, MIDNIGHT) is MinuteState.RESTATED


def test_a_restated_minute_says_nothing_of_the_next():
    store = published("100", "101")
    publish(store, "100", "101", minute=NOON + MINUTE)
    restate(store, 2, IN_TIME + 60 * MINUTE)

    found = as_of(store, "BTCUSDT", HOUR, LATER)

    assert [each.state for each in found] == [MinuteState.RESTATED, MinuteState.FINAL]


@pytest.mark.parametrize(
    ("seconds", "is_late"), [(7, False), (30, False), (30.001, True), (3600, True)]
)
def test_is_late_when_it_came_more_than_thirty_seconds_after_its_end(seconds, is_late):
    store = published("100", known_at=NOON + MINUTE + timedelta(seconds=seconds))

    assert reading(store, LATER).is_late is is_late


def test_is_not_late_by_a_later_revision():
    """Published in time and corrected an hour later, it was there when it was needed."""
    found = reading(published("100", "101"), LATER)

    assert found.revision == 2
    assert not found.is_late
