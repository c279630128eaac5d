from hypothesis import given
from hypothesis import strategies as st

from include.simulator.tapes.klines import Kline
from include.simulator.tapes.minute_split import split_minute

TICK_E8 = 1_000_000
E8 = 100_000_000


@st.composite
def minutes(draw):
    """Any minute that can be: prices on the grid, its average between low and high."""
    low, spread = draw(st.integers(1, 10**7)), draw(st.integers(0, 10**4))
    within = st.integers(low, low + spread).map(lambda ticks: ticks * TICK_E8)
    opens, close = draw(within), draw(within)
    volume = draw(st.integers(1, 10**13) | st.integers(10**18, 10**28 - 1))
    low_e8, high_e8 = low * TICK_E8, (low + spread) * TICK_E8
    quote = draw(st.integers(-(-low_e8 * volume // E8), high_e8 * volume // E8 + 1))
    taker = draw(st.integers(0, volume))
    taker_quote = quote if taker == volume else draw(st.integers(0, quote)) if taker else 0
    trades = draw(st.integers(1, 5000))
    return Kline(opens, high_e8, low_e8, close, volume, max(quote, 1), trades, taker, taker_quote)


@given(minutes())
def test_seconds_add_up_exactly_to_the_minute(minute):
    seconds = [second for _, second in split_minute(minute, TICK_E8)]

    assert [sum(column) for column in list(zip(*seconds, strict=True))[4:]] == list(minute[4:])
    assert seconds[0].open_e8 == minute.open_e8
    assert seconds[-1].close_e8 == minute.close_e8
    assert max(second.high_e8 for second in seconds) == minute.high_e8
    assert min(second.low_e8 for second in seconds) == minute.low_e8


@given(minutes())
def test_each_second_is_a_kline_that_can_be(minute):
    placed = split_minute(minute, TICK_E8)

    places = [place for place, _ in placed]
    assert places == sorted(set(places))
    assert 0 <= places[0] <= places[-1] < 60
    for _, second in placed:
        prices = (second.open_e8, second.close_e8)
        assert second.low_e8 <= min(prices) <= max(prices) <= second.high_e8
        assert second.volume_e8 > 0 < second.trade_count
        assert second.taker_volume_e8 <= second.volume_e8
        assert second.taker_quote_volume_e8 <= second.quote_volume_e8


def test_a_silent_minute_has_no_seconds_with_trades():
    assert split_minute(Kline(E8, E8, E8, E8, 0, 0, 0, 0, 0), TICK_E8) == []


def test_a_minute_of_a_single_trade_is_one_second():
    """One trade of 2 at 100."""
    minute = Kline(*[100 * E8] * 4, 2 * E8, 200 * E8, 1, 2 * E8, 200 * E8)

    assert split_minute(minute, TICK_E8) == [(0, minute)]
