"""What the price watch says of published minutes, and how rarely it says it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from include.records.prices import Flag, Grade
from include.records.windows import MINUTE, Window
from include.watch.evaluation import windows_needed
from include.watch.settings import read_watch
from include.watch.states import Change, watched_symbols
from tests.fakes.builders import NOON, average
from tests.fakes.watcher import ABOVE, AGE, BELOW, MOVE, QUALITY, Watcher, at


def test_says_once_that_a_line_is_crossed_and_once_that_it_is_over():
    """Over is at 99: one percent below the line, not just below it."""
    said = Watcher(ABOVE).each_minute("99.5", "100.1", "103", "99.5", "99.1", "99", "98")

    assert said == [(Change.FIRED, at(1)), (Change.OVER, at(5))]


def test_looks_below_a_line_just_so():
    said = Watcher(BELOW).each_minute("100", "99.9", "100.5", "101", "100.5")

    assert said == [(Change.FIRED, at(1)), (Change.OVER, at(3))]


@pytest.mark.parametrize("rule", [ABOVE, BELOW], ids=["above", "below"])
def test_the_line_itself_is_not_crossed(rule):
    assert Watcher(rule).each_minute("100", "100.000000000000") == []


def test_takes_the_line_exactly_as_it_is_written():
    """61250.1 has no exact binary fraction: as a float it would be a little more."""
    rule = ABOVE.replace("100", "61250.1")

    assert Watcher(rule).each_minute("61250.1") == []
    assert Watcher(rule).each_minute("61250.100000000001") == [(Change.FIRED, at(0))]


def test_a_minute_without_a_price_neither_fires_nor_clears():
    watcher = Watcher(ABOVE)
    watcher.publish(
        replace(average(NOON, vwap=None, flag=Flag.NO_TRADES), filled_vwap=Decimal(200))
    )

    assert watcher.run(NOON + MINUTE) == []
    assert watcher.each_minute(None, "101", None, None, "101", "98") == [
        (Change.FIRED, at(1)),
        (Change.OVER, at(5)),
    ]


def test_waits_for_as_many_minutes_in_a_row_as_are_asked_for():
    rule = ABOVE.replace("}", ", for_minutes: 3}")

    said = Watcher(rule).each_minute("101", "101", "99", "101", None, "101", "101", "101")

    assert said == [(Change.FIRED, at(6))]


def test_compares_a_move_with_the_minute_that_lies_as_far_back_and_no_other():
    """102 is 2 % above 100; minute 4 cannot be judged, for minute 2 has no price."""
    said = Watcher(MOVE).each_minute("100", "100", None, "102", "110", "102", "110.5")

    assert said == [(Change.FIRED, at(3)), (Change.OVER, at(5))]


def test_a_grade_has_to_be_good_for_some_minutes_before_that_is_over():
    watcher = Watcher(QUALITY)
    grades = [Grade.B, Grade.C, Grade.A, Grade.D, Grade.B, Grade.A, Grade.A]

    said = [
        change
        for index, grade in enumerate(grades)
        for change in watcher.see(at(index), "100", grade=grade)
    ]

    assert said == [(Change.FIRED, at(1)), (Change.OVER, at(5))]


@pytest.mark.parametrize(
    ("flag", "changes"),
    [
        (Flag.INGEST_GAP, [Change.FIRED]),
        (Flag.SOURCE_GAP, [Change.FIRED]),
        (Flag.EXCHANGE_OUTAGE, [Change.FIRED]),
        (Flag.NO_TRADES, []),
        (Flag.HALTED, []),
    ],
)
def test_missing_data_is_below_every_grade_and_a_silent_market_is_not(flag, changes):
    watcher = Watcher(QUALITY)
    watcher.publish(replace(average(NOON, vwap=None, flag=flag), grade=None))

    assert [each.change for each in watcher.run(NOON + MINUTE)] == changes


def test_tells_the_age_of_the_newest_price_also_when_nothing_is_published():
    """The minute 12:00 ends at 12:01: at 12:11 it is ten minutes old, and not older."""
    watcher = Watcher(AGE)
    watcher.see(NOON, "100")

    assert watcher.run(at(11)) == []
    (said,) = watcher.run(at(11) + timedelta(seconds=1))
    assert said.text == (
        "old: BTCUSDT is without a price for more than 10 minutes: the newest is from the minute "
        "2026-03-01 12:00 UTC, grade A"
    )
    assert watcher.run(at(40)) == []


def test_a_published_minute_without_a_price_makes_data_no_younger():
    watcher = Watcher(AGE)
    watcher.publish(average(at(9), vwap=None, flag=Flag.INGEST_GAP))

    assert [each.change for each in watcher.run(at(10))] == [Change.FIRED]


def test_age_is_over_when_data_is_half_as_old_as_it_may_be():
    watcher = Watcher(AGE)
    watcher.run(NOON)
    watcher.publish(average(at(0)))

    assert watcher.run(at(7)) == []
    assert [each.change for each in watcher.run(at(6))] == [Change.OVER]


def test_judges_minutes_that_come_together_in_their_order():
    """Up and down again between two looks: one message tells both."""
    watcher = Watcher(ABOVE)
    watcher.see(NOON, "99")
    watcher.publish(*(average(at(i), vwap=v) for i, v in enumerate(["99", "105", "106", "98"])))

    (said,) = watcher.run(at(5))

    assert said.change is Change.PASSED
    assert said.text == (
        "high: BTCUSDT was above 100: VWAP 105 in the minute 2026-03-01 12:01 UTC, grade A; no "
        "longer: VWAP 98 in the minute 2026-03-01 12:03 UTC, grade A"
    )


def test_says_nothing_where_it_was_over_and_fired_again_between_two_looks():
    """The last that people heard is still true."""
    watcher = Watcher(ABOVE)
    watcher.see(NOON, "101")
    watcher.publish(average(at(1), vwap="98"), average(at(2), vwap="101"))

    assert watcher.run(at(4)) == []
    assert watcher.see(at(4), "98") == [(Change.OVER, at(4))]


def test_does_not_judge_a_minute_again_when_it_is_revised():
    watcher = Watcher(ABOVE)
    watcher.see(NOON, "99")

    watcher.publish(average(NOON, vwap="105"))

    assert watcher.run(at(2)) == []


def test_judges_a_minute_whose_price_came_late_while_it_is_the_newest():
    watcher = Watcher(ABOVE)
    watcher.publish(average(NOON, vwap=None, flag=Flag.INGEST_GAP))
    watcher.run(at(1))

    watcher.publish(average(NOON, vwap="105"))

    assert [each.change for each in watcher.run(at(20))] == [Change.FIRED]


def test_leaves_out_what_happened_hours_ago():
    watcher = Watcher(ABOVE)
    watcher.see(NOON, "99")
    watcher.publish(average(at(1), vwap="105"))

    assert watcher.run(NOON + timedelta(hours=4)) == []


def test_a_new_rule_does_not_look_into_the_past():
    watcher = Watcher(ABOVE)
    watcher.publish(average(NOON, vwap="105"), average(at(1), vwap="99"))

    assert watcher.run(at(10)) == []


def test_says_that_it_lasts_only_where_that_is_asked_for():
    watcher = Watcher(ABOVE.replace("}", ", repeat_minutes: 5}"))

    said = watcher.each_minute(*["101"] * 12)

    assert said == [(Change.FIRED, at(0)), (Change.LASTS, at(5)), (Change.LASTS, at(10))]


def test_a_rule_that_says_something_else_starts_anew():
    watcher = Watcher(ABOVE)
    watcher.see(NOON, "105")

    watcher.say(ABOVE.replace("threshold: 100", "threshold: 104"))

    assert [change for change, _ in watcher.see(at(1), "105")] == [Change.FIRED]


def test_how_often_to_repeat_is_no_other_rule():
    watcher = Watcher(ABOVE)
    watcher.see(NOON, "105")

    watcher.say(ABOVE.replace("}", ", repeat_minutes: 60}"))

    assert watcher.see(at(1), "105") == []


def test_forgets_rules_that_are_gone():
    watcher = Watcher(ABOVE, AGE)
    watcher.see(NOON, "105")

    watcher.say(AGE)
    watcher.see(at(1), "105")

    assert [*watcher.states] == ["old BTCUSDT"]


def test_asks_for_the_minutes_that_a_move_compares_and_not_for_those_between():
    watched = watched_symbols(read_watch(f"rules: [{MOVE.replace('2,', '60,')}]", "").rules, ())

    assert windows_needed(watched, {}, at(0)) == {
        "BTCUSDT": [Window(at(-62), at(-60)), Window(at(-2), at(0))]
    }
