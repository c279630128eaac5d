from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.marketdata.budget import (
    ASSUMED_WEIGHT_LIMIT,
    EVERY_HOST,
    SPACING,
    Block,
    RequestBudget,
    Use,
    take,
)
from include.marketdata.errors import ExchangeBusyError, SettingsError
from include.marketdata.windows import MINUTE
from tests.fakes.builders import NOON
from tests.fakes.memory_budget import MemoryBudgetTable

SECOND = timedelta(seconds=1)


def budget(limit=100, ratio=0.5):
    return RequestBudget(MemoryBudgetTable(limit), ratio)


def test_gives_leave_until_the_ceiling_and_then_names_the_wait():
    """Half of 100 is 50: two of 25 fit; 20 s into the minute, 40 s are left of it."""
    shared = budget()
    shared.reserve(25, NOON)
    shared.reserve(25, NOON)

    with pytest.raises(ExchangeBusyError, match="spent: 50") as caught:
        shared.reserve(1, NOON + 20 * SECOND)

    assert caught.value.wait_seconds == 40


def test_begins_anew_with_each_minute_of_the_clock():
    shared = budget()
    shared.reserve(50, NOON + 59 * SECOND)

    assert shared.reserve(50, NOON + MINUTE) == NOON + MINUTE


def test_lets_requests_leave_apart():
    shared = budget()

    sent = [shared.reserve(2, NOON) for _ in range(3)]

    assert sent == [NOON, NOON + SPACING, NOON + 2 * SPACING]


def test_shares_one_table_between_workers():
    table = MemoryBudgetTable(100)
    RequestBudget(table, 0.5).reserve(40, NOON)

    with pytest.raises(ExchangeBusyError):
        RequestBudget(table, 0.5).reserve(20, NOON)


def test_takes_over_the_exchanges_count_when_others_use_the_address_too():
    """The exchange says 45 of 50 are used, so 5 are left, though we took only 2."""
    shared = budget()
    shared.reserve(2, NOON)

    shared.count(45, NOON)

    shared.reserve(5, NOON)
    with pytest.raises(ExchangeBusyError):
        shared.reserve(1, NOON)


def test_keeps_its_own_count_when_the_exchanges_is_behind():
    shared = budget()
    shared.reserve(48, NOON)

    shared.count(2, NOON)

    with pytest.raises(ExchangeBusyError):
        shared.reserve(4, NOON)


def test_assumes_little_until_it_has_heard_the_limit():
    shared = budget(limit=None)
    shared.reserve(ASSUMED_WEIGHT_LIMIT // 2, NOON)
    with pytest.raises(ExchangeBusyError):
        shared.reserve(1, NOON)

    shared.learn_weight_limit(6000)

    shared.reserve(1, NOON)


def test_says_when_one_request_is_more_than_the_ceiling():
    with pytest.raises(SettingsError, match=r"weighs 20 and at most 10.*ceiling_ratio"):
        budget(limit=100, ratio=0.1).reserve(20, NOON)


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
            super().swap_use(old, take(old, 10, 50, NOON))
        return super().swap_use(old, new)


def test_takes_nothing_twice_when_workers_meet():
    """The others took 20 meanwhile, so with ours 40 are taken."""
    table = ContendedTable(100)

    RequestBudget(table, 0.5).reserve(20, NOON)

    assert table.use(NOON).taken_weight == 40


@given(st.lists(st.tuples(st.integers(0, 119_999), st.integers(1, 50)), max_size=60))
def test_never_gives_more_than_the_ceiling_in_any_minute(asked):
    """Whatever is asked for and when, each clock minute's leave adds up to the ceiling at most."""
    shared, given_weights = budget(), {NOON: 0, NOON + MINUTE: 0}

    for offset_ms, weight in sorted(asked):
        now = NOON + timedelta(milliseconds=offset_ms)
        try:
            shared.reserve(weight, now)
        except ExchangeBusyError:
            continue
        given_weights[NOON if now < NOON + MINUTE else NOON + MINUTE] += weight

    assert max(given_weights.values()) <= 50


def test_counts_in_the_minute_that_runs():
    assert take(None, 4, 50, NOON + 59 * SECOND) == Use(NOON, 4, NOON + 59 * SECOND)
