"""One-second klines that add up exactly to a minute of which nothing else is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from include.simulator.tapes.klines import Kline
from include.simulator.tapes.tapes import ONE_E8

SECONDS = 60
# Tried in this order; one second that holds the whole minute is always as right as the minute.
SHARES = (60, 30, 12, 5, 2)


def split_minute(minute: Kline, tick_e8: int) -> list[tuple[int, Kline]]:
    """Split a minute's kline into seconds, evenly, on a straight way from its open to its close.

    Args:
        minute: What was traded in it.
        tick_e8: Smallest step of a price, in 1e-8.

    Returns:
        Seconds with trades, each with its place in the minute, ascending; none for a minute
        without trades. Their sums, first, highest, lowest and last prices are the minute's. In
        each, low <= quote volume / volume <= high within a tick, and no sum is zero alone.
    """
    if not minute.trade_count:
        return []
    if not (minute.volume_e8 and minute.quote_volume_e8):
        return [(0, minute)]
    for share in SHARES:
        count = min(share, minute.trade_count)
        seconds = _split(minute, count, tick_e8)
        if all(_is_valid(second, tick_e8) for second in seconds):
            return [(place * SECONDS // count, second) for place, second in enumerate(seconds)]
    return [(0, minute)]


def _split(minute: Kline, count: int, tick_e8: int) -> list[Kline]:
    volumes = _steps(minute.volume_e8, range(count + 1), count)
    quotes = _shares(minute.quote_volume_e8, volumes, minute.volume_e8)
    takers = _shares(minute.taker_volume_e8, volumes, minute.volume_e8)
    taker_quotes = _shares(minute.taker_quote_volume_e8, quotes, minute.quote_volume_e8)
    counts = _steps(minute.trade_count, range(count + 1), count)
    prices = [
        _on_grid(minute, place, count, tick_e8) if 0 < place < count else end
        for place, end in zip(
            range(count + 1), [minute.open_e8, *[0] * (count - 1), minute.close_e8], strict=True
        )
    ]
    average_e8 = minute.quote_volume_e8 * ONE_E8 // minute.volume_e8
    floor_e8 = max(average_e8 // tick_e8 * tick_e8, minute.low_e8)
    ceiling_e8 = min(floor_e8 + tick_e8, minute.high_e8)
    highest, lowest = count // 3, 2 * count // 3
    return [
        Kline(
            open_e8=opens,
            high_e8=minute.high_e8 if place == highest else max(opens, closes, ceiling_e8),
            low_e8=minute.low_e8 if place == lowest else min(opens, closes, floor_e8),
            close_e8=closes,
            volume_e8=volume,
            quote_volume_e8=quote,
            trade_count=trades,
            taker_volume_e8=taker,
            taker_quote_volume_e8=taker_quote,
        )
        for place, ((opens, closes), volume, quote, trades, taker, taker_quote) in enumerate(
            zip(
                pairwise(prices),
                *map(_differences, (volumes, quotes, counts, takers, taker_quotes)),
                strict=True,
            )
        )
    ]


def _steps(total: int, places: Sequence[int], count: int) -> list[int]:
    return [total * place // count for place in places]


def _shares(total: int, running: Sequence[int], whole: int) -> list[int]:
    """Return running sums of a total in proportion to others; no step is larger than theirs.

    For total <= whole: floor(a x) - floor(a y) <= x - y for whole x >= y and a <= 1.
    """
    return [total * part // whole for part in running]


def _differences(running: Sequence[int]) -> Iterator[int]:
    return (after - before for before, after in pairwise(running))


def _on_grid(minute: Kline, place: int, count: int, tick_e8: int) -> int:
    straight_e8 = minute.open_e8 + (minute.close_e8 - minute.open_e8) * place // count
    return min(max(straight_e8 // tick_e8 * tick_e8, minute.low_e8), minute.high_e8)


def _is_valid(second: Kline, tick_e8: int) -> bool:
    if not (second.volume_e8 and second.quote_volume_e8 and second.trade_count):
        return False
    value_e16 = second.quote_volume_e8 * ONE_E8
    return (
        (second.low_e8 - tick_e8) * second.volume_e8
        <= value_e16
        <= (second.high_e8 + tick_e8) * second.volume_e8
    )
