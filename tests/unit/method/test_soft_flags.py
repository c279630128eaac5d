import math
import random
from datetime import timedelta
from decimal import Decimal

import pytest

from include.method.soft_flags import jump_at
from include.records.prices import SoftFlag
from tests.fakes.builders import NOON, average

# Ups and downs of a hundredth of a percent.
QUIET = [Decimal(100) + Decimal("0.01") * (index % 2) for index in range(60)]


def series(*prices):
    return [
        average(NOON + timedelta(minutes=index), vwap=str(price))
        for index, price in enumerate(prices)
    ]


def jumps(*prices):
    minutes = series(*prices)
    return [flag for place in range(len(minutes)) if (flag := jump_at(minutes, place))]


def found(*after):
    return jumps(*QUIET, *after)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (["100.4", "100.4", "100.4"], []),
        (["110", "110", "111"], [SoftFlag.JUMP_CONFIRMED]),
        (["90", "90", "91"], [SoftFlag.JUMP_CONFIRMED]),
        (["110", "100", "100"], [SoftFlag.SPIKE]),
        (["110", "110", "100.1"], [SoftFlag.SPIKE]),
        (["110", "106", "106"], [SoftFlag.JUMP_CONFIRMED]),
        (["110", "104", "104"], [SoftFlag.SPIKE]),
        (["110"], [SoftFlag.JUMP]),
        (["110", "110"], [SoftFlag.JUMP]),
        (["110", "100"], [SoftFlag.SPIKE]),
    ],
    ids=[
        "under half a percent",
        "stays up",
        "stays down",
        "back at once",
        "back in the second minute",
        "keeps more than half",
        "keeps less than half",
        "nothing after it",
        "one minute after it",
        "back already",
    ],
)
def test_tells_a_spike_from_a_jump_that_stays(after, expected):
    assert found(*after)[:1] == expected


def test_does_not_flag_the_way_back():
    assert found("110", "100", "100", "100.01", "100") == [SoftFlag.SPIKE]


def test_gets_used_to_a_wild_market():
    """Where a percent a minute is usual, one percent more is no jump."""
    draw = random.Random(1)  # noqa: S311 - prices of a test
    wild = [Decimal(100) * Decimal(math.exp(draw.gauss(0, 0.01))) for _ in range(60)]

    assert jumps(*wild, "103", "103", "103") == []


def test_says_nothing_before_it_has_seen_enough():
    assert jumps(*QUIET[:20], "110", "110", "110") == []
