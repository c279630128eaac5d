from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import partial
from operator import attrgetter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.method.averages import average_minutes
from include.method.sums import quotients
from include.records.columns import SpanColumns
from include.records.prices import Flag, SecondPrice
from include.records.windows import MINUTE, Window
from tests.fakes.builders import NOON, exchange_minute, full_minute, minute_of, second, silent

ONE_MINUTE = Window(NOON, NOON + MINUTE)
STATISTICS = attrgetter("vwap", "twap", "vw_median", "dispersion_bp")
DIFFERENCES = attrgetter("volume_difference", "quote_volume_difference", "trade_difference")
SURE = 30


def the_average(seconds, minutes=()):
    (average,) = average_minutes(
        "BTCUSDT", ONE_MINUTE, SpanColumns.of(seconds), SpanColumns.of(minutes), ONE_MINUTE.end
    )
    return average


def at(offset, **changes):
    """A traded second, so many seconds after noon."""
    return second(NOON + timedelta(seconds=offset), **changes)


def trading(*seconds):
    """One second after the other from noon on: price, volume, and turnover if it is another."""
    names = ("price", "volume", "quote_volume")
    return [at(index, **dict(zip(names, each, strict=False))) for index, each in enumerate(seconds)]


def silent_at(offset, **changes):
    return silent(SecondPrice, NOON + timedelta(seconds=offset), **changes)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([at(-1, price="100"), at(30, price="200")], "148.333333333333"),
        ([at(-1, price="100"), at(59, price="900")], "100"),
        ([at(30, price="200")], "200"),
        ([at(59, price="200")], None),
        ([at(-300, price="100"), at(10, price="200")], "198"),
        ([at(-301, price="100"), at(10, price="200")], "200"),
        ([at(-301, price="100"), silent_at(-240, price="100"), at(59, price="900")], "100"),
    ],
    ids=["weighted", "last second", "none before", "unknown", "300 s", "301 s", "silence carries"],
)
def test_averages_the_prices_that_stood_at_the_start_of_each_second(seconds, expected):
    """A price at second 30 stands at the starts of 31 to 59: (31 x 100 + 29 x 200) / 60.

    One of 300 s ago is known at second 0 alone, and one of second 10 at 49: (100 + 9800) / 50.
    """
    assert the_average(seconds).twap == (expected and Decimal(expected))


def test_takes_the_last_price_of_a_second_as_the_one_that_stands():
    """The second went from 100 to 130 and averaged 110: from its end on, 130 stands."""
    moved = replace(at(0, price="110"), open=Decimal(100), high=Decimal(130), close=Decimal(130))

    assert the_average([moved]).twap == 130


def test_has_no_statistics_without_a_value():
    """A price stood, and nothing traded."""
    silence = [at(-1), *[silent_at(offset) for offset in range(60)]]

    assert STATISTICS(the_average(silence)) == (None, None, None, None)


def test_takes_a_minute_from_the_exchange_and_its_twap_from_before():
    """No second of the minute is held: 100 stood all the time, as far as is known."""
    average = the_average([at(-1, price="100")], [exchange_minute(NOON, price="110")])

    assert STATISTICS(average) == (110, 100, None, None)


@pytest.mark.parametrize(
    ("traded", "expected"),
    [
        ([("200", "4"), ("100", "3"), ("150", "2")], "150"),
        ([*[("100", "1")] * 9, ("200", "10")], "200"),
        ([("100", "3"), ("200", "1"), ("300", "2")], "150"),
        ([("33", "3", "100"), ("100", "3")], "66.666666666667"),
    ],
    ids=["fifth coin of nine", "volume and not seconds", "between 100 and 200", "middle half up"],
)
def test_puts_the_median_where_half_of_the_volume_is(traded, expected):
    """100 / 3 = 33.333333333333, and half way from there to 100 lies 66.6666666666665."""
    assert the_average(trading(*traded)).vw_median == Decimal(expected)


@pytest.mark.parametrize(
    ("first", "next_", "expected"),
    [
        (("99", "1"), ("101", "1"), "100.00"),
        (("100", "3"), ("200", "1"), "3464.10"),
        (("0.9999995", "1"), ("1.0000005", "1"), "0.01"),
        (("100", "3"), ("100", "1"), "0.00"),
        (("1", "10000", "0.00000001"), ("1", "10000", "0.00000002"), "3535.53"),
    ],
    ids=["one percent", "weighted", "half goes up", "one price", "mean half up"],
)
def test_measures_how_far_seconds_are_from_their_mean(first, next_, expected):
    """Of 100 x 3 and 200 x 1 the mean is 125: sqrt((3 x 25^2 + 75^2) / 4) / 125 = 0.346410.

    Of 1e-12 and 2e-12 it is 2e-12, to twelve decimals: sqrt(1 / 2) / 2 = 0.353553.
    """
    assert the_average(trading(first, next_)).dispersion_bp == Decimal(expected)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (exchange_minute(NOON, volume="119.5", trades=58), ("0.5", "50", 2)),
        (exchange_minute(NOON, price="101", volume="120", trades=60), ("0", "-120", 0)),
    ],
    ids=["the seconds are above", "below, by a quote volume alone"],
)
def test_says_by_how_much_the_seconds_differ_from_the_exchanges_minute(said, expected):
    """Sixty seconds of 2 coins at 100 are 120 for 12000 in 60 trades."""
    average = the_average(full_minute(NOON), [said])

    assert (average.source_level, average.is_reconciled) == (2, False)
    assert DIFFERENCES(average) == (Decimal(expected[0]), Decimal(expected[1]), expected[2])


@pytest.mark.parametrize(
    ("held", "minutes"),
    [
        (full_minute(NOON), [minute_of(full_minute(NOON))]),
        (full_minute(NOON)[1:], [minute_of(full_minute(NOON))]),
        (full_minute(NOON), []),
    ],
    ids=["both agree", "a second is missing", "the exchange's minute is missing"],
)
def test_has_no_difference_where_both_agree_or_one_is_not_whole(held, minutes):
    assert DIFFERENCES(the_average(held, minutes)) == (None, None, None)


def test_needs_no_word_of_the_exchange_to_call_sixty_silent_seconds_silent():
    whole = [silent_at(offset) for offset in range(60)]

    assert the_average(whole).flag is Flag.NO_TRADES
    assert (the_average(whole).volume, the_average(whole).is_reconciled) == (0, None)
    assert the_average(whole[1:]).flag is Flag.SOURCE_GAP


def test_averages_a_minute_beside_one_that_needs_more_than_64_bits():
    """The neighbour turns over 10^18; the first minute comes to the same as alone."""
    small = [at(0, price="33", volume="3", quote_volume="100"), at(1, price="200", volume="1")]
    large = at(60, price="1000000000", volume="1000000000")
    window = Window(NOON, NOON + 2 * MINUTE)

    first, next_ = average_minutes(
        "BTCUSDT", window, SpanColumns.of([*small, large]), SpanColumns.of([]), window.end
    )

    assert first == the_average(small)
    assert (next_.vwap, next_.volume, next_.quote_volume) == (10**9, 10**9, 10**18)


def test_takes_a_minute_of_the_exchange_that_needs_more_than_64_bits():
    """3 x 10^12 coins for 10^13 are 3.333333333333 each."""
    said = exchange_minute(NOON, price="3", volume=f"3{'0' * 12}", quote_volume=f"1{'0' * 13}")

    assert the_average([], [said]).vwap == Decimal("3.333333333333")


@st.composite
def seconds_around(draw, turnovers, volumes):
    """Some seconds of the minute and of before it, their averages and last prices at will."""
    offsets = st.sets(st.integers(-310, 59), max_size=9) | st.sets(st.integers(0, 59), max_size=9)
    some = partial(st.decimals, places=8)
    amounts = st.tuples(some("1", "8e7"), some(*turnovers), some(*volumes), st.integers(0, 3))
    return [
        at(offset, price=price, quote_volume=turned, volume=volume, trades=trades)
        if trades
        else silent_at(offset, price=price)
        for offset in draw(offsets) - {SURE}
        for price, turned, volume, trades in [draw(amounts)]
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("turnovers", "volumes", "hub", "types"),
    [
        (("1", "80000000"), ("10", "1000000"), ("50", "20"), (np.int64, np.int64)),
        (("10000000", "80000000"), ("0.01", "1"), ("80000000", "1"), (np.int64, object)),
        (("0.001", "1e12"), ("0.0001", "1e9"), ("1e8", "1e8"), (object, object)),
    ],
    ids=["64 bits", "averages beyond 64 bits", "amounts beyond 64 bits"],
)
@given(data=st.data())
def test_comes_to_the_same_as_decimals(data, turnovers, volumes, hub, types):
    """One second is always there, so that each way of computing is surely taken."""
    price, volume = hub
    seconds = [*data.draw(seconds_around(turnovers, volumes)), at(SURE, price=price, volume=volume)]
    held = SpanColumns.of(each for each in seconds if each.trade_count)

    average = the_average(seconds)

    assert {held.close.dtype, held.volume.dtype, held.quote_volume.dtype} == {np.dtype(types[0])}
    assert quotients(held.quote_volume, held.volume).dtype == types[1]
    with localcontext(Context(prec=150)):
        assert STATISTICS(average) == in_decimals(seconds)


def in_decimals(seconds):
    """Vwap, twap, median and dispersion, each as its definition says it."""
    traded = [each for each in seconds if each.start in ONE_MINUTE and each.trade_count]
    pairs = [(rounded(each.quote_volume / each.volume), each.volume) for each in traded]
    total = sum(weight for _, weight in pairs)
    lower = min(p for p, _ in pairs if 2 * sum(w for q, w in pairs if q <= p) >= total)
    upper = max(p for p, _ in pairs if 2 * sum(w for q, w in pairs if q >= p) >= total)
    mean = rounded(sum(price * weight for price, weight in pairs) / total)
    variance = sum(weight * (price - mean) ** 2 for price, weight in pairs) / total
    stood = standing(seconds)
    return (
        rounded(sum(each.quote_volume for each in traded) / total),
        rounded(sum(stood) / len(stood)) if stood else None,
        rounded((lower + upper) / 2),
        (variance.sqrt() / mean * 10**4).quantize(Decimal("0.01"), ROUND_HALF_UP),
    )


def standing(seconds):
    """The last price before each second of the minute, if it is at most 300 s old."""
    closes = {each.start: each.close for each in seconds}
    steps = [timedelta(seconds=index) for index in range(301)]
    starts = [[NOON + step - age for age in steps[1:]] for step in steps[:60]]
    found = [next((closes[each] for each in before if each in closes), None) for before in starts]
    return [price for price in found if price is not None]


def rounded(value):
    return value.quantize(Decimal("1e-12"), ROUND_HALF_UP)
