"""What a message of the price watch says."""

from dataclasses import replace

import pytest

from include.records.prices import Flag, Grade
from tests.fakes.builders import NOON, average
from tests.fakes.watcher import ABOVE, MOVE, Watcher, at


def test_says_what_since_when_and_how_good_the_data_is():
    watcher = Watcher(ABOVE)
    watcher.see(NOON, "100.000001")
    soft = {"soft_flags": "JUMP,SEAM", "grade": Grade.C, "flag": Flag.PARTIAL}
    watcher.publish(replace(average(at(1), vwap="98.765432109"), **soft))

    (said,) = watcher.run(at(2))

    assert said.text == (
        "high: BTCUSDT is no longer above 100: VWAP 98.765432 in the minute 2026-03-01 12:01 UTC, "
        "grade C, PARTIAL, JUMP, SEAM; since 2026-03-01 12:00 UTC"
    )
    assert (said.rule, said.symbol, said.judged_at) == ("high", "BTCUSDT", at(2))


@pytest.mark.parametrize(
    ("threshold", "vwap", "words"),
    [
        ("61250.1", "61312.451234567890", "above 61,250.1: VWAP 61,312.451 in"),
        ("61250.1", "61250.100000000001", "above 61,250.1: VWAP 61,250.100000000001 in"),
        ("1.00000001", "1.000000014", "above 1.00000001: VWAP 1.000000014 in"),
        ("1600000000", "1612345678.9", "above 1,600,000,000: VWAP 1,612,345,679 in"),
        ("0.00001", "0.000012345678", "above 0.00001: VWAP 0.000012345678 in"),
        ("100", "200.000000000000", "above 100: VWAP 200 in"),
    ],
    ids=["rounded", "on the line", "on the wrong side", "rupiahs", "small", "whole"],
)
def test_shows_eight_digits_or_as_many_as_the_line_and_the_point_need(threshold, vwap, words):
    watcher = Watcher(ABOVE.replace("100", threshold))
    watcher.publish(average(NOON, vwap=vwap))

    (said,) = watcher.run(at(1))

    assert words in said.text


def test_a_fall_is_a_move_as_well():
    watcher = Watcher(MOVE)
    watcher.publish(average(at(0), vwap="100"), average(at(2), vwap="97"))

    (said,) = watcher.run(at(3))

    assert said.text == (
        "fast: BTCUSDT is 2 % or more away from its price 2 minutes earlier: -3 % to VWAP 97 in "
        "the minute 2026-03-01 12:02 UTC, grade A"
    )
