from datetime import timedelta

import pytest

from include.pipeline.forgetting import forget_settled
from include.records.verdicts import State
from include.records.windows import DAY, SECOND
from tests.fakes.builders import NOON, kline, quarantined_row
from tests.fakes.memory_store import MemoryStore

LATER = NOON + 30 * DAY


@pytest.fixture
def store():
    """One open row, one that was settled on its day, and one that was settled a month later."""
    held = MemoryStore()
    rows = [quarantined_row(kline(NOON + count * SECOND)) for count in range(3)]
    held.quarantine.keep(rows)
    held.quarantine.settle(rows[1], State.REPLAYED, NOON + timedelta(hours=1), "replay")
    held.quarantine.settle(rows[2], State.CLOSED, LATER, "an outage")
    return held


def states(store):
    return [row.state for row in store.quarantine.on_day("BTCUSDT", NOON.date())]


def forget(store, before, *, only_count=False, is_time_up=lambda: False):
    return forget_settled(store, before, only_count=only_count, is_time_up=is_time_up)


def test_removes_what_was_settled_before_and_no_open_row(store):
    done = forget(store, LATER)

    assert states(store) == [State.OPEN, State.CLOSED]
    assert (done.found.count, done.old.count, done.removed.count) == (3, 1, 1)
    assert done.removed.size_bytes > 0


def test_an_open_row_stays_however_old(store):
    forget(store, LATER + 1_000 * DAY)

    assert states(store) == [State.OPEN]


def test_removes_nothing_where_it_only_counts(store):
    done = forget(store, LATER, only_count=True)

    assert states(store) == [State.OPEN, State.REPLAYED, State.CLOSED]
    assert (done.old.count, done.removed.count) == (1, 0)


def test_stops_when_the_time_is_up(store):
    done = forget(store, LATER, is_time_up=lambda: True)

    assert len(states(store)) == 3
    assert not done.is_finished


def test_does_nothing_the_second_time(store):
    forget(store, LATER)

    assert forget(store, LATER).old.count == 0
