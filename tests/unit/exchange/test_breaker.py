"""Until when nothing may be sent."""

from datetime import timedelta

import pytest

from include.exchange.breaker import closed_until
from include.records.request_weight import EVERY_HOST, Block
from tests.fakes.builders import NOON

HOSTS = ("one", "two")


def block(host, seconds, status=418):
    return Block(host, status, NOON + timedelta(seconds=seconds), "said so")


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        pytest.param([], None, id="no block"),
        pytest.param([block(EVERY_HOST, 0)], None, id="over"),
        pytest.param([block(EVERY_HOST, 60)], 60, id="a ban"),
        pytest.param([block(EVERY_HOST, 60, 429), block(EVERY_HOST, 90)], 90, id="two bans"),
        pytest.param([block("one", 60, 403)], None, id="one host refuses"),
        pytest.param([block("one", 60, 403), block("two", 30, 451)], 30, id="both refuse"),
        pytest.param([block("one", 60, 403), block(EVERY_HOST, 20)], 20, id="a ban is shorter"),
        pytest.param([block("elsewhere", 60)], None, id="a host that is not used"),
    ],
)
def test_is_closed_until_one_host_may_be_asked(blocks, expected):
    until = closed_until(blocks, HOSTS, NOON)

    assert until == (None if expected is None else NOON + timedelta(seconds=expected))
