from datetime import timedelta

import pytest

from include.reading import recent_minutes
from include.reading.recent_minutes import KEPT_FOR, RecentMinutes
from include.records.windows import MINUTE, SECOND, Window
from tests.fakes.builders import NOON, average
from tests.fakes.memory_store import MemoryStore

NOW = NOON + 60 * MINUTE


class Reads:
    """The table, with a list of the windows that were read."""

    def __init__(self, table):
        self._table = table
        self.windows = []

    def candles(self, symbol, window):
        self.windows.append(window)
        return self._table.candles(symbol, window)

    def __getattr__(self, name):
        return getattr(self._table, name)


class World:
    def __init__(self):
        self.store = MemoryStore()
        self.now = NOW
        self.reads = Reads(self.store.minute_rows)
        self.minutes = RecentMinutes(self.reads, lambda: self.now)

    def publish(self, minute, vwap, known_at):
        self.store.minute_prices.append([average(minute, vwap=vwap)], known_at)

    def values(self, start=NOON, end=NOON + 60 * MINUTE):
        rows = self.minutes.candles("BTCUSDT", Window(start, end))
        return [(row.revision, str(row.vwap)) for row in rows]


@pytest.fixture
def world():
    held = World()
    held.publish(NOON, "100", NOON + MINUTE)
    return held


def test_reads_a_day_once(world):
    assert world.values() == world.values() == [(1, "100")]
    assert len(world.reads.windows) == 1


def test_sees_a_new_minute_and_reads_only_it(world):
    world.values()
    world.now += MINUTE
    world.publish(NOW, "101", world.now)
    world.now += 2 * SECOND

    assert world.values(NOON, NOW + MINUTE) == [(1, "100"), (1, "101")]
    assert world.reads.windows[1:] == [Window(NOW, NOW + MINUTE)]


def test_sees_a_late_revision_of_an_old_minute(world):
    world.values()
    world.publish(NOON, "99", world.now)
    world.now += 2 * SECOND

    assert world.values() == [(1, "100"), (2, "99")]


def test_sees_what_another_process_noted_before_it_wrote(world):
    """Known nine minutes ago by its sources, written only now, after we looked."""
    world.values()
    world.publish(NOON, "99", world.now - 9 * MINUTE)
    world.now += 2 * SECOND

    assert world.values() == [(1, "100"), (2, "99")]


def test_reads_nothing_again_that_it_holds(world):
    world.publish(NOON + 59 * MINUTE, "101", world.now)
    for _ in range(3):
        world.values()
        world.now += 2 * SECOND

    assert len(world.reads.windows) == 1


def test_reads_all_anew_when_very_much_has_changed(world, monkeypatch):
    monkeypatch.setattr(recent_minutes, "MOST_CHANGES", 2)
    world.values()
    for place in range(3):
        world.publish(NOON + place * MINUTE, "99", world.now)
    world.now += 2 * SECOND

    assert [value for _, value in world.values()] == ["100", "99", "99", "99"]


def test_reads_all_anew_after_a_long_silence(world):
    world.values()
    world.publish(NOON, "99", world.now)
    world.now += timedelta(hours=2)

    assert world.values() == [(1, "100"), (2, "99")]


def test_reads_what_is_older_each_time(world):
    long_ago = NOW - KEPT_FOR - 60 * MINUTE
    world.publish(long_ago, "98", long_ago + MINUTE)
    window = (long_ago, long_ago + MINUTE)

    assert world.values(*window) == world.values(*window) == [(1, "98")]
    assert len(world.reads.windows) == 2


def test_lets_go_of_minutes_that_are_too_old(world):
    world.values()
    for _ in range(30):
        world.now += 55 * MINUTE
        world.minutes.candles("BTCUSDT", Window(world.now - MINUTE, world.now))

    assert world.minutes._symbols["BTCUSDT"].rows == {}  # noqa: SLF001 - memory is what it is about
