from datetime import timedelta

import pytest

from include.pipeline.arrivals import Wait, arrivals
from tests.fakes.builders import NOON

UNTIL = NOON + timedelta(seconds=35)


class Clock:
    """Time passes while somebody sleeps."""

    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += timedelta(seconds=seconds)


def each(is_there):
    return lambda awaited: {name: is_there(name) for name in awaited}


def groups(arrives, wait, *, work_seconds=0.0):
    """Return each group with the second at which it was complete.

    Args:
        arrives: Second in which each arrives; None for never, negative where that is known.
        wait: How long to wait.
        work_seconds: That each group takes.
    """
    clock, found = Clock(), []

    def is_there(name):
        second = arrives[name]
        if second is None:
            return None
        if second < 0:
            return False
        return True if clock.now >= NOON + timedelta(seconds=second) else None

    for group in arrivals(arrives, each(is_there), wait, clock, clock.sleep):
        found.append((group, round((clock.now - NOON).total_seconds(), 1)))
        clock.sleep(work_seconds)
    return found, round((clock.now - NOON).total_seconds(), 1)


def test_takes_up_each_as_it_arrives():
    found, ended = groups({"A": 2, "B": 1, "C": 2}, Wait(UNTIL))

    assert found == [(["B"], 1.0), (["A", "C"], 2.0)]
    assert ended == 2.0


@pytest.mark.parametrize("missing", [None, -1], ids=["may still come", "will not come"])
def test_one_that_is_late_holds_up_no_other(missing):
    found, ended = groups({"A": 1, "B": missing}, Wait(UNTIL))

    assert found == [(["A"], 1.0)]
    assert ended == (35.0 if missing is None else 1.0)


def test_does_not_look_before_any_can_arrive():
    looks = []
    clock = Clock()
    wait = Wait(UNTIL, since=NOON + timedelta(seconds=5))

    def look(awaited):
        looks.append(clock.now)
        return dict.fromkeys(awaited, True)

    found = list(arrivals("A", look, wait, clock, clock.sleep))

    assert found == [["A"]]
    assert looks == [NOON + timedelta(seconds=5)]


def test_pauses_the_longer_the_longer_a_look_in_vain_takes():
    """A tenth of a core at most, however many names there are."""
    clock, looks = Clock(), []

    def is_there(_name):
        looks.append(round((clock.now - NOON).total_seconds(), 1))
        clock.sleep(0.25)
        return True if len(looks) > 3 else None

    assert list(arrivals("A", each(is_there), Wait(UNTIL), clock, clock.sleep)) == [["A"]]

    assert looks == [0.0, 2.2, 4.5, 6.8]


def test_takes_what_is_there_at_once_when_its_time_is_over():
    found, ended = groups({"A": 0, "B": None}, Wait(NOON))

    assert found == [(["A"], 0.0)]
    assert ended == 0.0


def test_gathers_until_nothing_has_arrived_for_a_while():
    wait = Wait(UNTIL, quiet=timedelta(seconds=0.3), longest=timedelta(seconds=1))

    found, _ = groups({"A": 1.0, "B": 1.2, "C": 1.4, "D": 3}, wait)

    assert found == [(["A", "B", "C"], 1.7), (["D"], 3.0)]


def test_does_not_gather_when_all_are_there():
    wait = Wait(UNTIL, quiet=timedelta(seconds=0.3), longest=timedelta(seconds=1))

    assert groups({"A": 1.0, "B": 1.1}, wait) == ([(["A", "B"], 1.1)], 1.1)


def test_makes_few_groups_of_many_that_come_one_by_one():
    """A hundred in twenty seconds: each group gathers twice as long as the one before it."""
    wait = Wait(UNTIL, quiet=timedelta(seconds=0.3), longest=timedelta(seconds=1))

    found, _ = groups({f"S{number}": number / 5 for number in range(100)}, wait)

    assert [moment for _, moment in found] == pytest.approx([1, 3.2, 7.4, 15.6, 19.8], abs=0.5)
    assert sum(len(group) for group, _ in found) == 100


def test_divides_many_that_come_at_once():
    """A task that is killed loses the group that it works on."""
    wait = Wait(UNTIL, quiet=timedelta(seconds=1), longest=timedelta(seconds=2), most=40)

    found, ended = groups({f"S{number}": 1 for number in range(100)}, wait, work_seconds=3.0)

    assert [(len(group), moment) for group, moment in found] == [(40, 1.0), (40, 4.0), (20, 7.0)]
    assert ended == 10.0


def test_takes_up_what_arrived_while_it_worked():
    found, _ = groups({"A": 0, "B": 1, "C": 2}, Wait(UNTIL), work_seconds=5.0)

    assert found == [(["A"], 0.0), (["B", "C"], 5.0)]
