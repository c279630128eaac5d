from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from include.method.averages import average_minutes
from include.records.columns import SpanColumns
from include.records.prices import ExchangeMinute, Flag, SecondPrice
from include.records.windows import MINUTE, Window
from tests.fakes.builders import (
    NOON,
    exchange_minute,
    full_minute,
    minute_of,
    second,
    silent,
)

ONE_MINUTE = Window(NOON, NOON + MINUTE)


def averages(seconds, minutes=(), *, window=ONE_MINUTE, stored_until=ONE_MINUTE.end):
    return average_minutes(
        "BTCUSDT", window, SpanColumns.of(seconds), SpanColumns.of(minutes), stored_until
    )


def the_average(seconds, minutes=(), **changes):
    (average,) = averages(seconds, minutes, **changes)
    return average


def test_weights_each_price_by_its_quantity():
    """Three coins at 100 outweigh one at 200, so the average is 125, not 150."""
    seconds = [
        second(NOON, price="100", volume="3"),
        second(NOON + timedelta(seconds=1), price="200", volume="1"),
        *[
            silent(SecondPrice, NOON + timedelta(seconds=index), price="200")
            for index in range(2, 60)
        ],
    ]

    average = the_average(seconds, [minute_of(seconds)])

    assert average.vwap == 125
    assert (average.source_level, average.flag, average.is_reconciled) == (1, Flag.OK, True)


def test_rounds_half_up_to_twelve_decimals():
    """100 / 3 = 33.333333333333(3), and 200 / 3 = 66.666666666666(6) goes up."""
    third = the_average([], [exchange_minute(NOON, price="33", volume="3", quote_volume="100")])
    two_thirds = the_average(
        [], [exchange_minute(NOON, price="66", volume="3", quote_volume="200")]
    )

    assert third.vwap == Decimal("33.333333333333")
    assert two_thirds.vwap == Decimal("66.666666666667")


def test_takes_the_exchanges_minute_when_a_second_is_missing():
    """Without the first second, 59 of 60 are held and the minute of all 60 stands in."""
    whole = full_minute(NOON)
    average = the_average(whole[1:], [minute_of(whole)])

    assert (average.source_level, average.flag) == (2, Flag.OK)
    assert average.volume == 120
    assert average.coverage == Decimal("0.98")
    assert average.is_reconciled is None


def test_takes_the_exchanges_minute_and_says_so_when_the_seconds_disagree():
    """One minute's candle repeated as sixty seconds adds up to sixty times the volume."""
    average = the_average(full_minute(NOON, volume="120"), [exchange_minute(NOON, volume="120")])

    assert (average.source_level, average.is_reconciled) == (2, False)
    assert average.volume == 120


def test_averages_the_seconds_held_when_the_exchanges_minute_is_missing():
    """15 of 60 seconds are a quarter of the minute."""
    average = the_average(full_minute(NOON)[:15])

    assert (average.source_level, average.flag) == (3, Flag.PARTIAL)
    assert average.coverage == Decimal("0.25")
    assert average.vwap == 100


def test_leaves_a_silent_minute_without_a_value():
    """The exchange repeats its last price while nothing trades; 0 / 0 is no price."""
    seconds = [silent(SecondPrice, NOON + timedelta(seconds=index)) for index in range(60)]

    average = the_average(seconds, [silent(ExchangeMinute, NOON)])

    assert (average.source_level, average.flag) == (4, Flag.NO_TRADES)
    assert average.vwap is None
    assert average.open is None
    assert average.trade_count == 0


def test_tells_a_minute_that_the_exchange_lacks_from_one_that_was_not_fetched():
    """Stored up to 12:01, so 12:00 is missing at the source and 12:01 is missing here."""
    window = Window(NOON, NOON + 2 * MINUTE)

    at_source, here = averages([], window=window, stored_until=NOON + MINUTE)

    assert (at_source.source_level, at_source.flag) == (7, Flag.SOURCE_GAP)
    assert (here.source_level, here.flag) == (8, Flag.INGEST_GAP)
    assert at_source.vwap is here.vwap is None


def test_says_gap_of_ours_while_nothing_is_stored():
    assert the_average([], stored_until=None).flag is Flag.INGEST_GAP


def test_puts_a_second_on_the_boundary_in_the_minute_it_starts():
    window = Window(NOON, NOON + 2 * MINUTE)

    first, next_ = averages([second(NOON + MINUTE)], window=window, stored_until=NOON)

    assert first.vwap is None
    assert next_.vwap == 100


def test_counts_a_second_seen_twice_once():
    seconds = [second(NOON, price="100", volume="1"), second(NOON, price="100", volume="1")]

    assert the_average(seconds).volume == 1


def test_keeps_prices_of_silent_seconds_out_of_the_range():
    """A silent second repeats 500 from before; only 100 was traded in this minute."""
    seconds = [silent(SecondPrice, NOON, price="500"), second(NOON + timedelta(seconds=1))]

    average = the_average(seconds)

    assert (average.open, average.high) == (100, 100)


# Together they have the eight decimals of a quote volume; some need more than 64 bits.
PRICES = st.decimals("0.0001", "100000000", places=4)
VOLUMES = st.decimals("0.0001", "100000000", places=4)


@st.composite
def seconds_of_a_minute(draw):
    offsets = draw(st.lists(st.integers(0, 59), unique=True, min_size=1))
    return [
        second(NOON + timedelta(seconds=offset), price=draw(PRICES), volume=draw(VOLUMES))
        for offset in offsets
    ]


@given(seconds_of_a_minute(), st.randoms())
def test_does_not_depend_on_the_order_of_seconds(seconds, random):
    shuffled = list(seconds)
    random.shuffle(shuffled)

    assert averages(shuffled) == averages(seconds)


@given(seconds_of_a_minute())
def test_lies_between_the_lowest_and_the_highest_price(seconds):
    """Up to half a unit of the last of twelve decimals, which rounding may add."""
    average = the_average(seconds)

    assert average.low - Decimal("1e-12") <= average.vwap <= average.high + Decimal("1e-12")


@given(seconds_of_a_minute())
def test_preserves_volume_to_the_last_digit(seconds):
    average = the_average(seconds)

    assert average.volume == sum(second.volume for second in seconds)


@given(seconds_of_a_minute(), st.integers(0, 3), st.integers(0, 3))
def test_gives_the_same_for_a_window_and_its_parts(seconds, before, after):
    start, middle, end = NOON - before * MINUTE, NOON + MINUTE, NOON + (1 + after) * MINUTE

    whole = averages(seconds, window=Window(start, end), stored_until=end)
    parts = [
        *averages(seconds, window=Window(start, middle), stored_until=end),
        *averages(seconds, window=Window(middle, end), stored_until=end),
    ]

    assert whole == parts
    assert len(whole) == before + 1 + after
