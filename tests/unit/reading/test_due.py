from datetime import timedelta

import pytest

from include.reading.due import AGAIN, SLOWLY, USUAL, next_look
from include.reading.first_values import first_values
from include.records.prices import Flag
from include.records.windows import MINUTE, SECOND, Window, to_ms
from include.store.candles import CauseRow
from tests.fakes.builders import NOON


def rows(count, delay, flag=Flag.OK):
    """Minutes from noon on, each published so long after its end."""
    return [
        CauseRow(to_ms(minute), 1, to_ms(minute + MINUTE + delay), flag.value)
        for minute in Window(NOON, NOON + count * MINUTE).minutes()
    ]


def look(found, moment):
    return next_look({row.minute_ms: row for row in found}, first_values(found), moment)


def test_looks_when_the_next_minute_usually_comes():
    """Five minutes came 18 s after their end; the sixth ends at 12:06."""
    found = rows(5, timedelta(seconds=18))

    assert look(found, NOON + 5 * MINUTE + 20 * SECOND) == NOON + 6 * MINUTE + 18 * SECOND


def test_waits_for_the_minute_that_has_just_ended():
    found = rows(5, timedelta(seconds=18))

    assert look(found, NOON + 6 * MINUTE + 5 * SECOND) == NOON + 6 * MINUTE + 18 * SECOND


@pytest.mark.parametrize(
    ("age_seconds", "wait"),
    [(19, AGAIN), (29, AGAIN), (45, SLOWLY)],
    ids=["due", "nearly late", "late"],
)
def test_looks_again_soon_for_what_is_due_and_slowly_for_what_is_late(age_seconds, wait):
    found = rows(5, timedelta(seconds=18))
    moment = NOON + 6 * MINUTE + timedelta(seconds=age_seconds)

    assert look(found, moment) == moment + wait


def test_a_gap_of_our_own_is_not_what_is_waited_for():
    """The sixth is a gap after 20 s; its value may come any moment."""
    gap = rows(6, timedelta(seconds=20), Flag.INGEST_GAP)[-1]
    moment = NOON + 6 * MINUTE + 21 * SECOND

    assert look([*rows(5, timedelta(seconds=18)), gap], moment) == moment + AGAIN


def test_has_a_guess_before_the_first_minute():
    assert look([], NOON + 5 * SECOND) == NOON + USUAL


def test_minutes_filled_in_afterwards_say_nothing_of_the_next():
    found = rows(5, timedelta(hours=3))

    assert look(found, NOON + 5 * MINUTE + SECOND) == NOON + 6 * MINUTE + USUAL
