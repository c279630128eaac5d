"""Soft checks: flag unusual minute averages, and never drop one.

Statistics, not prices: binary floats are good enough here.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median

from include.records.limits import (
    CONFIRMED_MINUTES,
    CONTEXT_MINUTES,
    CROSS_SOURCE_CLEARED,
    CROSS_SOURCE_MINUTES,
    CROSS_SOURCE_RATIO,
    CROSS_SOURCE_RATIO_LARGE,
    JUMP_MADS,
    JUMP_RATIO,
    JUMP_RETURNS,
    LEAST_JUMP_RETURNS,
    MAD_SCALE,
    SEAM_RATIO,
    SPIKE_CLEARED_RATIO,
    STALE_MINUTES,
)
from include.records.prices import Flag, MinuteAverage, SoftFlag
from include.records.windows import MINUTE

CONFIRMING_MINUTES = 2
CONTEXT = timedelta(minutes=int(CONTEXT_MINUTES.value))
CONFIRMATION = timedelta(minutes=int(CONFIRMED_MINUTES.value))
# The exchange's own average is of five minutes.
AVERAGED_MINUTES = 5
LARGE_COINS = frozenset({"BTC", "ETH"})


def jump_at(valued: Sequence[MinuteAverage], place: int) -> SoftFlag | None:
    """Tell whether a minute's average jumped, and whether the jump is confirmed or a spike.

    A minute jumps when its logarithmic return is above JUMP_MADS scaled median absolute
    deviations of the previous returns, and above JUMP_RATIO. It is a spike when one of the next
    two minutes is back within half of the jump. A spike is ignored afterwards: the return from
    it is not a jump.

    Args:
        valued: Minutes with a value, ascending; gaps are left out.
        place: Of the minute, which is compared with the sixty before it within CONTEXT_MINUTES,
            and the two after it within CONFIRMED_MINUTES.
    """
    minute = valued[place].minute
    # Cheap, and enough for nearly every minute: its price is close to the ones just before.
    near = valued[max(0, place - CONFIRMING_MINUTES - 1) : place]
    if not any(_is_far(_price(valued[place]), _price(each)) for each in near):
        return None
    around = valued[max(0, place - 1 - int(JUMP_RETURNS.value)) : place + 1 + CONFIRMING_MINUTES]
    return _jumps(
        [
            (each.minute, _price(each))
            for each in around
            if minute - CONTEXT <= each.minute <= minute + CONFIRMATION
        ]
    ).get(minute)


def is_seam(before: MinuteAverage | None, average: MinuteAverage) -> bool:
    """Tell whether a minute opens further than SEAM_RATIO from the previous minute's close."""
    if before is None or before.close is None or average.open is None:
        return False
    return abs(average.open - before.close) > SEAM_RATIO.value * before.close


def is_stale(by_minute: Mapping[datetime, MinuteAverage], minute: datetime) -> bool:
    """Tell whether nothing traded in the STALE_MINUTES minutes that end with this one."""
    last = (minute - back * MINUTE for back in range(int(STALE_MINUTES.value)))
    return all(
        (average := by_minute.get(each)) is not None and average.flag is Flag.NO_TRADES
        for each in last
    )


def differs_from_exchange(
    by_minute: Mapping[datetime, MinuteAverage],
    five_minute_prices: Mapping[datetime, Decimal],
    minute: datetime,
    limit: Decimal,
) -> bool:
    """Tell whether our five-minute average differs too much from the exchange's own.

    It does from when it exceeds the limit until it is within half of it: within the last
    CROSS_SOURCE_MINUTES, the last difference outside that band decides.

    Args:
        by_minute: Averages of one symbol.
        five_minute_prices: The exchange's own, by the last minute of the five.
        minute: The minute to check.
        limit: Of the exchange's average (cross_source_limit).
    """
    for back in range(int(CROSS_SOURCE_MINUTES.value)) if five_minute_prices else ():
        each = minute - back * MINUTE
        theirs = five_minute_prices.get(each)
        ours = _five_minute_vwap(by_minute, each) if theirs else None
        if theirs and ours:
            difference = abs(ours / theirs - 1)
            if difference > limit:
                return True
            if difference < limit * CROSS_SOURCE_CLEARED.value:
                return False
    return False


def cross_source_limit(base_asset: str | None) -> Decimal:
    """Return how far our average may be from the exchange's own, as a share of the latter.

    Args:
        base_asset: What is bought and sold, like BTC; None where the exchange never stated it,
            for the general limit. It cannot be read from a symbol's name: ETHFIUSDT is not Ether.
    """
    is_large = base_asset in LARGE_COINS
    return (CROSS_SOURCE_RATIO_LARGE if is_large else CROSS_SOURCE_RATIO).value


def _five_minute_vwap(
    by_minute: Mapping[datetime, MinuteAverage], minute: datetime
) -> Decimal | None:
    """Return the average of five minutes; None if one is unknown, or nothing traded."""
    five = [by_minute.get(minute - back * MINUTE) for back in range(AVERAGED_MINUTES)]
    amounts = [
        (each.quote_volume, each.volume)
        for each in five
        if each is not None and each.volume is not None and each.quote_volume is not None
    ]
    volume = sum((each for _, each in amounts), Decimal(0))
    if len(amounts) < AVERAGED_MINUTES or not volume:
        return None
    return sum((each for each, _ in amounts), Decimal(0)) / volume


def _price(average: MinuteAverage) -> Decimal:
    if average.vwap is None:
        raise ValueError(f"{average.symbol} {average.minute} has no value")
    return average.vwap


def _is_far(price: Decimal, before: Decimal) -> bool:
    return abs(price - before) > JUMP_RATIO.value * min(price, before)


def _jumps(averages: Sequence[tuple[datetime, Decimal]]) -> dict[datetime, SoftFlag]:
    found: dict[datetime, SoftFlag] = {}
    returns: deque[float] = deque(maxlen=int(JUMP_RETURNS.value))
    standing: Decimal | None = None
    for place, (minute, price) in enumerate(averages):
        if standing is None:
            standing = price
            continue
        change = _log_ratio(price, standing)
        if _is_jump(change, returns):
            after = [value for _, value in averages[place + 1 : place + 1 + CONFIRMING_MINUTES]]
            found[minute] = _became(change, [_log_ratio(value, standing) for value in after])
            if found[minute] is SoftFlag.SPIKE:
                continue
        returns.append(change)
        standing = price
    return found


def _log_ratio(price: Decimal, before: Decimal) -> float:
    return math.log(price / before)


def _is_jump(change: float, returns: Sequence[float]) -> bool:
    if len(returns) < LEAST_JUMP_RETURNS.value or abs(change) <= math.log1p(JUMP_RATIO.value):
        return False
    middle = median(returns)
    deviation = median(abs(each - middle) for each in returns)
    return abs(change - middle) > float(JUMP_MADS.value * MAD_SCALE.value) * deviation


def _became(change: float, after: Sequence[float]) -> SoftFlag:
    limit = float(SPIKE_CLEARED_RATIO.value) * abs(change)
    # A move past its origin to the other side counts as back, too.
    if any(each * math.copysign(1, change) < limit for each in after):
        return SoftFlag.SPIKE
    return SoftFlag.JUMP_CONFIRMED if len(after) == CONFIRMING_MINUTES else SoftFlag.JUMP
