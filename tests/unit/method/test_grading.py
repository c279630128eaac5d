from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from include.method.grading import annotate, grade_of
from include.method.soft_flags import CONFIRMATION, CONTEXT
from include.records.prices import Flag, Grade, SoftFlag
from include.records.windows import MINUTE, Window
from tests.fakes.builders import NOON, average

LEVELS = {Flag.NO_TRADES: 4, Flag.HALTED: 5, Flag.EXCHANGE_OUTAGE: 6, Flag.SOURCE_GAP: 7}
UNKNOWN = {Flag.EXCHANGE_OUTAGE, Flag.SOURCE_GAP}
NOTHING = (None, None, None)
# Ups and downs of a hundredth of a percent.
QUIET = ["100", "100.01"] * 30


def at(index):
    return NOON + index * MINUTE


def priced(index, vwap="100", **changes):
    """A minute of one price and two coins."""
    price = Decimal(vwap)
    prices = dict.fromkeys(("open", "high", "low", "close"), price)
    amounts = {"volume": Decimal(2), "quote_volume": 2 * price}
    return replace(average(at(index), vwap=vwap), **{**prices, **amounts, **changes})


def without_value(index, flag):
    """Nothing traded, or nothing is known of what did."""
    nothing = dict.fromkeys(("twap", "vw_median", "open", "high", "low", "close"))
    amounts = dict.fromkeys(("volume", "quote_volume"), None if flag in UNKNOWN else Decimal(0))
    gap = average(at(index), vwap=None, flag=flag, level=LEVELS[flag])
    return replace(gap, **nothing, **amounts)


def silent(*indexes):
    return [without_value(index, Flag.NO_TRADES) for index in indexes]


def flagged(flag, averages, theirs=(), base_asset="BTC"):
    """Which minutes after noon carry a soft flag."""
    said = {at(index): Decimal(price) for index, price in theirs}
    annotated = annotate(averages, said, base_asset=base_asset)
    return [(each.minute - NOON) // MINUTE for each in annotated if flag in each.soft_flags]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ([priced(1, open=Decimal("100.5"))], []),
        ([priced(1, open=Decimal("100.51"))], [1]),
        ([priced(1, open=Decimal("99.49"))], [1]),
        ([*silent(1), priced(2, "110")], []),
        ([priced(2, "110")], []),
    ],
    ids=["half a percent", "more than that", "more, down", "after silence", "after the unknown"],
)
def test_flags_a_minute_that_opens_far_from_the_last_close(after, expected):
    """The averages of the first two are the same: only the step from 100 counts."""
    assert flagged(SoftFlag.SEAM, [priced(0), *after]) == expected


@pytest.mark.parametrize(
    ("third", "expected"),
    [
        (silent(3), [5, 6, 7, 8]),
        ([without_value(3, Flag.SOURCE_GAP)], [8]),
        ([without_value(3, Flag.HALTED)], [8]),
        ([priced(3)], [8]),
        ([], [8]),
    ],
    ids=["silent", "a gap", "a halt", "a trade", "not known"],
)
def test_calls_a_price_stale_after_five_minutes_that_are_known_to_be_silent(third, expected):
    averages = [*silent(1, 2), *third, *silent(4, 5, 6, 7, 8)]
    assert flagged(SoftFlag.STALE, averages) == expected


@pytest.mark.defect(44)
@pytest.mark.parametrize(
    ("base_asset", "near", "far"),
    [
        ("BTC", "101", "99"),
        ("ETH", "101", "99"),
        ("SOL", "103", "97"),
        ("BTCST", "103", "97"),
        ("ETHFI", "103", "97"),
        ("ETHW", "103", "97"),
        ("WBTC", "103", "97"),
        (None, "103", "97"),
    ],
)
def test_compares_five_minutes_with_the_exchanges_average(base_asset, near, far):
    """100 / 101 is 0.9901, 100 / 99 is 1.0101; 100 / 103 is 0.9709, 100 / 97 is 1.0309."""
    averages = [priced(index) for index in range(5)]

    assert flagged(SoftFlag.CROSS_SOURCE, averages, [(4, near)], base_asset) == []
    assert flagged(SoftFlag.CROSS_SOURCE, averages, [(4, far)], base_asset) == [4]


def test_weights_the_five_minutes_by_their_volume():
    """Four minutes of 2 coins at 100 and one of 12 at 110: (800 + 1320) / 20 = 106."""
    averages = [*map(priced, range(4)), priced(4, "110", volume=12, quote_volume=1320)]

    assert flagged(SoftFlag.CROSS_SOURCE, averages, [(4, "106")]) == []
    assert flagged(SoftFlag.CROSS_SOURCE, averages, [(4, "102")]) == [4]


def test_keeps_the_flag_until_the_difference_is_within_half_of_the_limit():
    """By 1.01 %, 0.70 %, 0.30 % and 0.70 %: above, between, cleared, and still cleared."""
    theirs = [(4, "99"), (5, "99.3"), (6, "99.7"), (7, "99.3")]

    assert flagged(SoftFlag.CROSS_SOURCE, [*map(priced, range(8))], theirs) == [4, 5]


def test_forgets_a_difference_after_an_hour():
    """It is the oldest of the sixty minutes that end with minute 63."""
    assert flagged(SoftFlag.CROSS_SOURCE, [*map(priced, range(70))], [(4, "99")]) == [*range(4, 64)]


@pytest.mark.parametrize(
    ("second_minute", "expected"),
    [([without_value(1, Flag.SOURCE_GAP)], []), ([], []), (silent(1), [4])],
    ids=["a gap", "not known", "silent"],
)
def test_compares_nothing_while_one_of_the_five_minutes_is_unknown(second_minute, expected):
    averages = [priced(0), *second_minute, *map(priced, (2, 3, 4))]
    assert flagged(SoftFlag.CROSS_SOURCE, averages, [(4, "90")]) == expected


def filled(averages):
    annotated = annotate(averages, {})
    return [(each.filled_vwap, each.fill_age_seconds, each.fill_method) for each in annotated]


def test_fills_a_minute_with_the_last_value_for_five_minutes():
    flags = [Flag.SOURCE_GAP, Flag.NO_TRADES] * 3
    gaps = [without_value(index, flag) for index, flag in enumerate(flags, start=2)]

    own = [(90, 0, None), (100, 0, None)]
    carried = [(100, age, "LAST_VWAP") for age in (60, 120, 180, 240, 300)]
    assert filled([priced(0, "90"), priced(1), *gaps]) == [*own, *carried, NOTHING]


@pytest.mark.parametrize("flag", [Flag.HALTED, Flag.EXCHANGE_OUTAGE])
def test_carries_no_value_into_or_over_a_closed_market(flag):
    averages = [priced(0), without_value(1, flag), *silent(2), priced(3, "101"), *silent(4)]

    assert filled(averages)[:3] == [(100, 0, None), NOTHING, NOTHING]
    assert filled(averages)[3:] == [(101, 0, None), (101, 60, "LAST_VWAP")]


def test_carries_no_value_over_a_minute_that_is_not_known():
    """Whatever it is, the market may have been closed in it."""
    assert filled([priced(0), *silent(2, 3)])[1:] == [NOTHING, NOTHING]


@pytest.mark.parametrize(
    ("average_of_level", "expected"),
    [
        (priced(0, source_level=1), (100, Grade.A)),
        (priced(0, source_level=2, is_reconciled=None), (90, Grade.A)),
        (priced(0, source_level=2, is_reconciled=False), (70, Grade.B)),
        (priced(0, source_level=3, coverage=Decimal("0.98")), (58, Grade.C)),
        (priced(0, source_level=3, coverage=Decimal("0.50")), (30, Grade.D)),
        (priced(0, source_level=3, coverage=Decimal("0.01")), (0, Grade.E)),
        *[(without_value(0, flag), (None, None)) for flag in LEVELS],
    ],
    ids=["whole", "incomplete", "disagreeing", "nearly whole", "half", "one second", *LEVELS],
)
def test_gives_each_level_its_quality(average_of_level, expected):
    """Of a part of the seconds, that part of 60: 0.98 x 60 = 58.8, and the rest is cut."""
    (annotated,) = annotate([average_of_level], {})

    assert (annotated.quality, annotated.grade) == expected


@pytest.mark.parametrize(
    ("after", "opens", "theirs", "expected"),
    [
        (["110"], "100.01", [], ("JUMP", 80)),
        (["110"], "110", [], ("JUMP,SEAM", 70)),
        (["110", "110", "110"], "100.01", [], ("JUMP_CONFIRMED", 100)),
        (["110", "100", "100"], "100.01", [], ("SPIKE", 60)),
        (["100"], "101", [], ("SEAM", 90)),
        (["100"], "100", [(60, "98")], ("CROSS_SOURCE", 70)),
        (["110", "100"], "110", [(60, "90")], ("SPIKE,SEAM,CROSS_SOURCE", 20)),
    ],
    ids=["jump", "two flags", "confirmed", "spike", "seam", "cross-source", "three flags"],
)
def test_takes_points_off_for_each_flag(after, opens, theirs, expected):
    averages = [priced(index, price) for index, price in enumerate([*QUIET, *after])]
    averages[60] = replace(averages[60], open=Decimal(opens))

    said = {at(index): Decimal(price) for index, price in theirs}
    judged = annotate(averages, said, base_asset="BTC")[60]

    assert (judged.soft_flags, judged.quality) == expected


def test_takes_no_more_points_off_than_there_are():
    """A quarter of the seconds is worth 15, and a spike costs 40."""
    averages = [priced(index, price) for index, price in enumerate([*QUIET, "110", "100"])]
    averages[60] = replace(averages[60], source_level=3, coverage=Decimal("0.25"))

    assert annotate(averages, {})[60].quality == 0


def test_grades_from_a_to_e():
    assert "".join(map(grade_of, [100, 90, 89, 70, 69, 50, 49, 30, 29, 0])) == "AABBCCDDEE"


LENGTH = 400
PLACES = st.integers(0, LENGTH - 1)
HAPPENINGS = st.sampled_from(["moves", "spikes", "theirs", None, *LEVELS])
EVENTS = st.tuples(PLACES, HAPPENINGS, st.integers(-12, 12))
# Of the 59 returns before minute 300, the first and every second one is of a percent.
WILD = [(123 + 6 * index, "moves", 1 - index % 2 * 2) for index in range(30)]


def market(events, every):
    """Minutes that trade every so often, and the exchange's five-minute prices of some."""
    prices = [Decimal(QUIET[index % 2]) for index in range(LENGTH)]
    flags = {index: Flag.NO_TRADES for index in range(LENGTH) if index % every}
    theirs = {}
    for start, what, size in events:
        factor = 1 + Decimal(size) / 100
        match what:
            case "moves" | "spikes":
                end = LENGTH if what == "moves" else start + every
                prices[start:end] = [price * factor for price in prices[start:end]]
            case "theirs":
                theirs[at(start)] = prices[start] * (1 + Decimal(size) / 400)
            case _:
                flags |= dict.fromkeys(range(start, start + abs(size)), what)
    averages = [
        without_value(index, flags[index]) if index in flags else priced(index, str(price))
        for index, price in enumerate(prices)
        if flags.get(index, Flag.OK)
    ]
    return averages, theirs


@pytest.mark.slow
@given(st.lists(EVENTS, max_size=25), st.sampled_from([1, 3, 5]), PLACES, st.integers(1, 60))
@example([*WILD, (300, "moves", 12)], 3, 300, 1)
@example([(300, "moves", 5)], 5, 300, 1)
def test_annotates_a_window_with_its_context_as_in_the_whole_series(events, every, start, length):
    """The examples need the first and the last minute of their context."""
    averages, theirs = market(events, every)
    window = Window(at(start), at(start + length))
    around = Window(window.start - CONTEXT, window.end + CONFIRMATION)
    near = [each for each in averages if each.minute in around]
    said = {minute: price for minute, price in theirs.items() if minute in around}

    whole = annotate(averages, theirs)
    assert annotate(near, said, window) == [each for each in whole if each.minute in window]
