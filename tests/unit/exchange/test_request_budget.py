import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.exchange.request_budget import (
    ASSUMED_WEIGHT_LIMIT,
    SPACING,
    RequestBudget,
    is_of_one_minute,
    take,
)
from include.records.errors import ExchangeBusyError, SettingsError
from include.records.request_weight import EVERY_HOST, Block, Use
from include.records.windows import MINUTE
from tests.fakes.builders import NOON
from tests.fakes.memory_budget import MemoryBudgetTable

SECOND = timedelta(seconds=1)


def budget(limit=100, ratio=0.5):
    return RequestBudget(MemoryBudgetTable(limit), ratio)


def leave(shared, weight, now, *, used_weight=0):
    """Ask for leave, send, and get an answer at once."""
    leave_to_go = shared.reserve(weight, now)
    assert shared.confirm(leave_to_go, leave_to_go.send_at)
    shared.settle(now, used_weight=used_weight, is_answered=True)
    return leave_to_go.send_at


def test_gives_leave_until_the_ceiling_and_then_names_the_wait():
    """Half of 100 is 50: two of 25 fit; 20 s into the minute, 40 s are left of it."""
    shared = budget()
    leave(shared, 25, NOON)
    leave(shared, 25, NOON)

    with pytest.raises(ExchangeBusyError, match="spent: 50") as caught:
        leave(shared, 1, NOON + 20 * SECOND)

    assert caught.value.wait_seconds == 40


def test_begins_anew_with_each_minute_of_the_clock():
    shared = budget()
    leave(shared, 50, NOON + 59 * SECOND)

    assert leave(shared, 50, NOON + MINUTE) == NOON + MINUTE


def test_lets_requests_leave_apart():
    shared = budget()

    sent = [leave(shared, 2, NOON) for _ in range(3)]

    assert sent == [NOON, NOON + SPACING, NOON + 2 * SPACING]


def test_shares_one_table_between_workers():
    table = MemoryBudgetTable(100)
    leave(RequestBudget(table, 0.5), 40, NOON)

    with pytest.raises(ExchangeBusyError):
        leave(RequestBudget(table, 0.5), 20, NOON)


def test_takes_over_the_exchanges_count_when_others_use_the_address_too():
    """The exchange says 45 of 50 are used, so 5 are left, though we took only 2."""
    shared = budget()
    leave(shared, 2, NOON, used_weight=45)

    leave(shared, 5, NOON)
    with pytest.raises(ExchangeBusyError):
        leave(shared, 1, NOON)


def test_keeps_its_own_count_when_the_exchanges_is_behind():
    shared = budget()
    leave(shared, 48, NOON, used_weight=2)

    with pytest.raises(ExchangeBusyError):
        leave(shared, 4, NOON)


def test_assumes_little_until_it_has_heard_the_limit():
    shared = budget(limit=None)
    leave(shared, ASSUMED_WEIGHT_LIMIT // 2, NOON)
    with pytest.raises(ExchangeBusyError):
        leave(shared, 1, NOON)

    shared.learn_weight_limit(6000)

    leave(shared, 1, NOON)


class CountingTable(MemoryBudgetTable):
    """Counts what is asked of it: each is a round trip, some of them a transaction."""

    def __init__(self, limit):
        super().__init__(limit)
        self.asked = Counter()

    def use(self, minute):
        self.asked["use"] += 1
        return super().use(minute)

    def swap_use(self, old, new):
        self.asked["swap"] += 1
        return super().swap_use(old, new)


def test_asks_the_table_no_more_than_it_must():
    """Three requests with one leave: to take it, to find out who goes first, to note an answer."""
    table = CountingTable(6000)
    shared = RequestBudget(table, 0.5)
    leave_to_go = shared.reserve(6, NOON)
    for seconds in (0.1, 0.2, 0.3):
        assert shared.confirm(leave_to_go, NOON + seconds * SECOND)
        shared.settle(NOON + seconds * SECOND, used_weight=6, is_answered=True)
        leave_to_go = replace(leave_to_go, is_first=False)

    assert table.asked == {"use": 2, "swap": 2}


def test_notes_what_others_used_though_it_has_seen_less():
    """One worker knows of 6; the exchange has counted 30 meanwhile, 24 of them by a stranger."""
    table = MemoryBudgetTable(100)
    shared = RequestBudget(table, 0.5)
    leave(shared, 6, NOON, used_weight=6)

    shared.settle(NOON + 0.1 * SECOND, used_weight=30, is_answered=True)

    assert table.use(NOON).taken_weight == 30


def test_sees_a_pause_that_its_own_thread_met_at_once():
    shared = budget()
    assert shared.open_hosts(["a"], NOON) == ["a"]

    shared.block(Block(EVERY_HOST, 418, NOON + MINUTE, "HTTP 418"))

    with pytest.raises(ExchangeBusyError):
        shared.open_hosts(["a"], NOON)


def test_sees_a_pause_that_another_worker_met_a_moment_ago(monkeypatch):
    table = MemoryBudgetTable(100)
    shared = RequestBudget(table, 0.5)
    assert shared.open_hosts(["a"], NOON) == ["a"]
    table.add_block(Block(EVERY_HOST, 418, NOON + MINUTE, "HTTP 418"))
    since = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: since + 0.02)

    with pytest.raises(ExchangeBusyError):
        shared.open_hosts(["a"], NOON + 0.02 * SECOND)


def test_says_when_one_request_is_more_than_the_ceiling():
    with pytest.raises(SettingsError, match=r"weighs 20, but at most 10.*ceiling_ratio"):
        leave(budget(limit=100, ratio=0.1), 20, NOON)


def test_stops_every_host_for_the_longest_pause_of_this_address():
    shared = budget()
    shared.block(Block(EVERY_HOST, 429, NOON + 10 * SECOND, "HTTP 429"))
    shared.block(Block(EVERY_HOST, 418, NOON + 2 * MINUTE, "HTTP 418"))

    with pytest.raises(ExchangeBusyError, match="HTTP 418") as caught:
        shared.open_hosts(["a", "b"], NOON)

    assert caught.value.wait_seconds == 120


def test_opens_again_at_the_end_of_a_pause():
    shared = budget()
    shared.block(Block(EVERY_HOST, 418, NOON + 2 * MINUTE, "HTTP 418"))

    assert shared.open_hosts(["a"], NOON + 2 * MINUTE) == ["a"]


def test_leaves_out_the_host_that_refused():
    shared = budget()
    shared.block(Block("a", 403, NOON + MINUTE, "HTTP 403"))

    assert shared.open_hosts(["a", "b"], NOON) == ["b"]


class ContendedTable(MemoryBudgetTable):
    """Another worker takes weight between each read and the swap that follows it, twice."""

    def __init__(self, limit):
        super().__init__(limit)
        self.thieves = 2

    def swap_use(self, old, new):
        if self.thieves:
            self.thieves -= 1
            super().swap_use(old, replace(take(old, 10, 50, NOON), is_first_out=False))
        return super().swap_use(old, new)


def test_takes_nothing_twice_when_workers_meet():
    """The others took 20 meanwhile, so with ours 40 are taken."""
    table = ContendedTable(100)

    leave(RequestBudget(table, 0.5), 20, NOON)

    assert table.use(NOON).taken_weight == 40


@given(st.lists(st.tuples(st.integers(0, 119_999), st.integers(1, 50)), max_size=60))
def test_never_gives_more_than_the_ceiling_in_any_minute(asked):
    """Whatever is asked for and when, each clock minute's leave adds up to the ceiling at most."""
    shared, given_weights = budget(), {NOON: 0, NOON + MINUTE: 0}

    for offset_ms, weight in sorted(asked):
        now = NOON + timedelta(milliseconds=offset_ms)
        try:
            leave(shared, weight, now)
        except ExchangeBusyError:
            continue
        given_weights[NOON if now < NOON + MINUTE else NOON + MINUTE] += weight

    assert max(given_weights.values()) <= 50


def test_counts_in_the_minute_that_runs():
    moment = NOON + 59 * SECOND

    assert take(None, 4, 50, moment) == Use(NOON, 4, moment, moment, is_first_out=True)


def goes(shared, leaves, now):
    """Tell which of them may go, asked in turn."""
    return [shared.confirm(each, now) is not None for each in leaves]


def test_sends_one_request_first_after_a_silence_and_holds_the_others_back():
    shared = budget()
    first, other = shared.reserve(2, NOON), shared.reserve(2, NOON)
    assert goes(shared, [first, other], NOON + SPACING) == [True, False]

    shared.settle(NOON + SECOND, used_weight=2, is_answered=True)

    assert shared.confirm(other, NOON + SECOND) == other
    assert (first.send_at, other.send_at) == (NOON, NOON + SPACING)


def test_reserves_for_a_moment_to_come_and_holds_back_by_that_moment():
    """Three workers wait for 12:01:01.5; the exchange was silent until then."""
    shared, at = budget(), NOON + MINUTE + 1.5 * SECOND
    leave(shared, 2, NOON + 58 * SECOND)

    waiting = [shared.reserve(6, at) for _ in range(3)]

    assert [each.send_at - at for each in waiting] == [0 * SPACING, SPACING, 2 * SPACING]
    assert [each.spacing for each in waiting] == [0 * SPACING, SPACING, 2 * SPACING]
    assert goes(shared, waiting, at + SPACING) == [True, False, False]
    shared.settle(at + SPACING, used_weight=2, is_answered=True)
    assert goes(shared, waiting, at + 2 * SPACING) == [True, True, True]


def test_counts_what_is_reserved_in_the_minute_of_its_moment():
    shared = budget()
    shared.reserve(50, NOON + MINUTE)

    assert leave(shared, 50, NOON) == NOON
    with pytest.raises(ExchangeBusyError):
        shared.reserve(1, NOON + MINUTE)


def test_lets_those_that_were_held_back_leave_behind_one_another_however_late_they_came():
    """The first was answered after two seconds, three held back; a fifth comes thereafter."""
    shared = budget()
    held = [shared.reserve(2, NOON + after * SECOND) for after in (0, 0, 1, 1.9)][1:]
    shared.settle(NOON + 2 * SECOND, used_weight=2, is_answered=True)

    fifth = shared.reserve(2, NOON + 2 * SECOND)

    assert [each.spacing for each in held] == [SPACING, 2 * SPACING, 3 * SPACING]
    assert fifth.send_at == NOON + 2 * SECOND + 4 * SPACING
    assert shared.confirm(fifth, fifth.send_at) == fifth


def test_sends_the_next_one_first_when_the_first_failed():
    shared = budget()
    shared.reserve(2, NOON)
    others = [shared.reserve(2, NOON) for _ in range(2)]

    shared.settle(NOON, used_weight=0, is_answered=False)

    assert shared.confirm(others[0], NOON + SECOND).is_first
    assert shared.confirm(others[1], NOON + SECOND) is None


@pytest.mark.parametrize("after", [0, 2.9], ids=["all at once", "one after another"])
def test_does_not_wait_for_ever_for_a_worker_that_died(after):
    """Three seconds from when the first may leave, whoever reserves meanwhile."""
    shared = budget()
    shared.reserve(2, NOON)
    others = [shared.reserve(2, NOON), shared.reserve(2, NOON + after * SECOND)]

    assert goes(shared, others, NOON + 2.9 * SECOND) == [False, False]
    assert goes(shared, others, NOON + 3 * SECOND) == [True, False]
    assert goes(shared, others[1:], NOON + 5.9 * SECOND) == [False]
    assert goes(shared, others[1:], NOON + 6 * SECOND) == [True]


def test_is_silent_again_two_seconds_after_the_last_answer():
    shared = budget()
    leave(shared, 2, NOON)

    late = NOON + 2.1 * SECOND
    first, other = shared.reserve(2, late), shared.reserve(2, late)
    assert (first.send_at, other.send_at) == (late, late + SPACING)
    assert goes(shared, [first, other], late + SPACING) == [True, False]


@pytest.mark.parametrize(
    ("sent", "ended", "is_sure"),
    [(1.0, 1.1, True), (58.0, 58.9, True), (0.9, 1.5, False), (58.5, 59.2, False), (50, 63, False)],
)
def test_counts_only_what_surely_belongs_to_the_minute(sent, ended, is_sure):
    """A count of 300 that was the last minute's would close the whole of the new one."""
    assert is_of_one_minute(NOON + sent * SECOND, NOON + ended * SECOND) is is_sure


def test_hands_out_what_was_reserved_for_several_threads():
    """One swap for all of them, spaced like the requests of as many workers."""
    table = MemoryBudgetTable(6000)
    budget = RequestBudget(table, 0.5)

    budget.hold(6, budget.reserve_several(6, 3, NOON))
    reserved = table.use(NOON)
    leaves = [budget.reserve(6, NOON) for _ in range(3)]

    assert table.use(NOON) == reserved
    assert (reserved.taken_weight, reserved.version) == (18, 1)
    assert [leave.send_at - NOON for leave in leaves] == [0 * SPACING, SPACING, 2 * SPACING]
    assert [leave.is_first for leave in leaves] == [True, False, False]
    assert [leave.spacing for leave in leaves] == [0 * SPACING, SPACING, 2 * SPACING]
    assert budget.reserve(6, NOON).send_at == NOON + 3 * SPACING


def test_reserves_anew_what_it_does_not_hold():
    """Another weight, another minute, or more than the minute had room for."""
    table = MemoryBudgetTable(100)
    budget = RequestBudget(table, 0.5)

    assert budget.reserve_several(6, 9, NOON) == []
    assert table.use(NOON) is None
    budget.hold(6, budget.reserve_several(6, 2, NOON))
    budget.reserve(2, NOON)
    budget.reserve(6, NOON + MINUTE)

    assert table.use(NOON).taken_weight == 14
    assert table.use(NOON + MINUTE).taken_weight == 6


def test_reserves_several_behind_what_others_have_reserved():
    table = MemoryBudgetTable(6000)
    RequestBudget(table, 0.5).reserve(6, NOON)
    budget = RequestBudget(table, 0.5)

    budget.hold(6, budget.reserve_several(6, 2, NOON))

    leaves = [budget.reserve(6, NOON) for _ in range(2)]
    assert [leave.send_at - NOON for leave in leaves] == [SPACING, 2 * SPACING]
    assert not any(leave.is_first for leave in leaves)
