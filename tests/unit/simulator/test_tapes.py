from __future__ import annotations

from itertools import pairwise

import pytest

from include.simulator.market.markets import MARKETS, made_up_markets
from include.simulator.tapes.recorded import TAPE_FOLDER, read_recording
from include.simulator.tapes.tapes import IdCycle

ONE = 100_000_000
# Minutes since the epoch: one of 2023 that is a multiple of every tape's length.
LOOP_START = 28_333_320
RECORDED = [symbol for symbol, market in MARKETS.items() if market.recording]
GENERATED = [symbol for symbol, market in MARKETS.items() if not market.recording]


@pytest.mark.parametrize(
    ("symbol", "first_minute", "minute_count", "first_id", "trade_count"),
    [
        ("BTCUSDT", 28_719_355, 10, 3735683259 + 875, 19904 - 875 - 253),
        ("ETHUSDT", 28_719_355, 10, 1520538925 + 728, 14515 - 728 - 71),
        ("SOLUSDT", 29_049_068, 2, 1169618299 + 740, 2457 - 740 - 12),
    ],
)
def test_a_recording_is_read_without_its_cut_off_ends(
    symbol, first_minute, minute_count, first_id, trade_count
):
    """Minute 28,719,355 is 2024-08-08 23:55 and minute 29,049,068 is 2025-03-25 23:08."""
    recording = read_recording(TAPE_FOLDER / MARKETS[symbol].recording)

    assert recording.first_minute == first_minute
    assert recording.first_trade_id == first_id
    assert len(recording.minutes) == minute_count
    assert sum(map(len, recording.minutes)) == trade_count


@pytest.mark.parametrize("symbol", RECORDED)
def test_a_minute_replays_the_recorded_one_of_its_place_in_the_loop(symbol):
    tape = MARKETS[symbol].tape(seed=1)
    minutes = read_recording(TAPE_FOLDER / MARKETS[symbol].recording).minutes

    replayed = [tape.trades_in(LOOP_START + place) for place in range(len(minutes) + 1)]

    assert replayed == [*minutes, minutes[0]]


@pytest.mark.parametrize("symbol", MARKETS)
def test_ids_rise_by_one_from_minute_to_minute_and_loop_to_loop(symbol):
    tape = MARKETS[symbol].tape(seed=1)
    minutes = range(LOOP_START - 1, LOOP_START + 61)

    for minute in minutes:
        after = tape.trade_ids.first_of(minute) + len(tape.trades_in(minute))
        assert tape.trade_ids.first_of(minute + 1) == after
        after = tape.agg_trade_ids.first_of(minute) + len(tape.agg_trades_in(minute))
        assert tape.agg_trade_ids.first_of(minute + 1) == after


@pytest.mark.parametrize("symbol", MARKETS)
def test_prices_and_quantities_lie_on_the_stated_grid(symbol):
    market = MARKETS[symbol]
    tape, tick_e8, step_e8 = market.tape(1), market.tick_size * ONE, market.step_size * ONE
    trades = [trade for minute in range(10) for trade in tape.trades_in(minute)]

    assert all(trade.price_e8 % tick_e8 == 0 for trade in trades)
    assert all(trade.quantity_e8 % step_e8 == 0 for trade in trades)
    assert all(trade.price_e8 > 0 < trade.quantity_e8 for trade in trades)


@pytest.mark.parametrize("symbol", GENERATED)
def test_a_generated_minute_stands_alone(symbol):
    """Asked for first or last, by this process or the next, it has the same trades."""
    forward, backward = MARKETS[symbol].tape(seed=7), MARKETS[symbol].tape(seed=7)
    minutes = range(LOOP_START, LOOP_START + 5)

    ascending = [forward.trades_in(minute) for minute in minutes]
    descending = [backward.trades_in(minute) for minute in reversed(minutes)]

    assert ascending == descending[::-1]


def test_the_generator_keeps_its_history_from_release_to_release():
    """A changed history would look like a restatement to whoever stored the old one."""
    first = MARKETS["XRPUSDT"].tape(seed=1).trades_in(LOOP_START)[0]

    assert first[:4] == (282, 60_890_000, 3_470_000_000, False)


def test_another_seed_gives_another_history():
    one, two = (MARKETS["XRPUSDT"].tape(seed).trades_in(LOOP_START) for seed in (1, 2))

    assert one != two


@pytest.mark.slow
@pytest.mark.parametrize("symbol", GENERATED)
def test_generated_prices_move_in_small_steps_around_the_typical_one(symbol):
    """Over a day: under 0.5 % or four grid steps between trades, within 3 % of the typical."""
    market = MARKETS[symbol]
    tape = market.tape(seed=1)
    prices = [
        trade.price_e8
        for minute in range(LOOP_START, LOOP_START + 1440)
        for trade in tape.trades_in(minute)
    ]
    typical_e8, tick_e8 = market.typical_price * ONE, market.tick_size * ONE

    largest_step = max(abs(after - before) for before, after in pairwise(prices))

    assert largest_step <= max(typical_e8 / 200, 4 * tick_e8)
    assert max(prices) <= typical_e8 * 103 / 100
    assert min(prices) >= typical_e8 * 97 / 100


@pytest.mark.parametrize("symbol", GENERATED)
def test_some_generated_seconds_have_no_trade(symbol):
    trades = MARKETS[symbol].tape(seed=1).trades_in(LOOP_START)

    assert 0 < len({trade.offset_ms // 1000 for trade in trades}) < 60


@pytest.mark.parametrize(
    ("wanted_id", "minute"),
    [(10, 0), (11, 0), (12, 1), (14, 1), (15, 2), (17, 3), (3, 0)],
)
def test_an_id_is_found_in_its_minute(wanted_id, minute):
    """Two ids, then three, then two again: 10-11, 12-14, 15-16, 17-19; 3 lies before them all."""
    assert IdCycle(10, (2, 3)).minute_of(wanted_id) == minute


def test_made_up_markets_have_prices_of_all_sizes_and_names_of_their_own():
    markets = made_up_markets(300)

    assert len({market.symbol for market in markets} - MARKETS.keys()) == 300
    assert {market.typical_price.adjusted() for market in markets} == {*range(-3, 5)}


@pytest.mark.parametrize("market", made_up_markets(8), ids=lambda market: market.symbol)
def test_made_up_prices_move_around_the_typical_one_on_their_grid(market):
    trades = market.tape(seed=1).trades_in(LOOP_START)
    typical_e8, tick_e8 = market.typical_price * ONE, market.tick_size * ONE

    assert all(trade.price_e8 % tick_e8 == 0 for trade in trades)
    assert all(abs(trade.price_e8 - typical_e8) <= typical_e8 * 3 / 100 for trade in trades)


def test_refuses_more_made_up_symbols_than_have_names():
    with pytest.raises(ValueError, match="1000 made-up symbols; there are 0 to 999"):
        made_up_markets(1_000)
