import pytest

from include.simulator.requests.clocks import parse_clock

# 2020-01-02 12:00 UTC.
NOON_MS = 1_577_966_400_000


class Wall:
    def __init__(self):
        self.now_ms = 1_700_000_000_000

    def __call__(self):
        return self.now_ms


def shown(text, *, after_ms):
    wall = Wall()
    clock = parse_clock(text).start(wall)
    wall.now_ms += after_ms
    return clock()


def test_shows_the_walls_time_by_default():
    assert shown("now", after_ms=1500) == 1_700_000_001_500


def test_runs_faster_from_now():
    """A minute a second."""
    assert shown("fast:60", after_ms=1000) == 1_700_000_060_000


def test_starts_at_a_moment_and_runs_on():
    assert shown("at:2020-01-02T12:00", after_ms=1500) == NOON_MS + 1500
    assert shown("at:2020-01-02T13:00+01:00", after_ms=0) == NOON_MS


def test_starts_at_a_moment_and_runs_faster():
    assert shown("at:2020-01-02T12:00Z,fast:2.5", after_ms=1000) == NOON_MS + 2500


@pytest.mark.parametrize("text", ["", "later", "fast:", "fast:0", "fast:9999", "fast:x", "at:soon"])
def test_refuses(text):
    with pytest.raises(ValueError, match=r"clock|Fraction|isoformat"):
        parse_clock(text)
