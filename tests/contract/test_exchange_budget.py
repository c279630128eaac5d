"""What every table of the request budget keeps to: over memory and a real Cassandra."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from include.exchange.request_budget import RequestBudget
from include.records.errors import ExchangeBusyError
from include.records.request_weight import EVERY_HOST, Block, Use
from include.records.windows import MINUTE, floor_minute
from tests.fakes.builders import NOON

SOON = timedelta(milliseconds=25)


@pytest.fixture
def table(store):
    return store.exchange_budget("here")


def test_knows_no_limit_until_it_is_told(table):
    assert table.weight_limit() is None

    table.set_weight_limit(6000)

    assert table.weight_limit() == 6000


def test_knows_the_limit_beside_what_was_taken(table):
    table.swap_use(None, Use(NOON, 4, NOON, NOON))

    table.set_weight_limit(6000)

    assert table.weight_limit() == 6000
    assert table.use(NOON) == Use(NOON, 4, NOON, NOON)


def test_swaps_what_was_taken_only_when_it_still_stands(table):
    first = Use(NOON, 4, NOON, NOON, is_first_out=True)
    second = Use(NOON, 8, NOON + SOON, NOON, answered_at=NOON, version=2)

    assert table.use(NOON) is None
    assert table.swap_use(None, first)
    assert not table.swap_use(None, second)
    assert table.swap_use(first, second)
    assert not table.swap_use(first, Use(NOON, 99, NOON, NOON))
    assert table.use(NOON) == second
    assert table.use(NOON + MINUTE) is None


def test_keeps_addresses_apart(store):
    store.exchange_budget("here").swap_use(None, Use(NOON, 4, NOON, NOON))

    assert store.exchange_budget("there").use(NOON) is None


def test_keeps_a_block_of_each_host_and_status(table):
    """A later word on the same host and status replaces the earlier."""
    until = floor_minute(datetime.now(UTC)) + 10 * MINUTE
    short = Block(EVERY_HOST, 429, until, "HTTP 429, 'slow down'")
    ban = Block(EVERY_HOST, 418, until + MINUTE, "HTTP 418, 'banned'")
    table.add_block(short)
    table.add_block(ban)

    table.add_block(Block(EVERY_HOST, 429, until + MINUTE, "HTTP 429, 'again'"))

    assert sorted(table.blocks(), key=lambda block: block.status) == [
        ban,
        Block(EVERY_HOST, 429, until + MINUTE, "HTTP 429, 'again'"),
    ]


def test_gives_no_more_than_the_ceiling_to_workers_that_ask_at_once(table):
    """Eight workers ask for 40 requests of 2 each; 150 of 300 is the ceiling, so 75 may go."""
    table.set_weight_limit(300)

    def ask(_worker):
        budget, granted = RequestBudget(table, 0.5), []
        for _ in range(40):
            try:
                leave = budget.reserve(2, NOON)
            except ExchangeBusyError:
                break
            while not budget.confirm(leave, NOON):
                time.sleep(0.002)
            budget.settle(NOON, used_weight=0, is_answered=True)
            granted.append(leave.send_at)
        return granted

    with ThreadPoolExecutor(8) as workers:
        moments = [moment for granted in workers.map(ask, range(8)) for moment in granted]

    assert len(moments) == len(set(moments)) == 75
    assert table.use(NOON).taken_weight == 150
