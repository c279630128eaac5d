"""Soft checks: what is odd about a minute's average. They flag, and never drop."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from statistics import median

from include.marketdata.thresholds import (
    JUMP_MADS,
    JUMP_RATIO,
    JUMP_RETURNS,
    LEAST_JUMP_RETURNS,
    MAD_SCALE,
    SPIKE_CLEARED_RATIO,
)

CONFIRMING_MINUTES = 2


class Jump(StrEnum):
    """What became of a minute whose average is far from the one before."""

    UNCONFIRMED = "JUMP"
    """The next two minutes are not there yet."""
    CONFIRMED = "JUMP_CONFIRMED"
    """The price stayed."""
    SPIKE = "SPIKE"
    """The price came back within two minutes."""


def jumps(averages: Sequence[tuple[datetime, Decimal]]) -> dict[datetime, Jump]:
    """Find the minutes whose average jumped.

    A minute jumps when its logarithmic return is above JUMP_MADS scaled median absolute
    deviations of the returns before it, and above JUMP_RATIO. It is a spike when one of the next
    two minutes is back within half of the jump. A spike is left out of what follows: the way
    back is no jump.

    Args:
        averages: Minutes with a value, ascending; gaps are left out.
    """
    found: dict[datetime, Jump] = {}
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
            if found[minute] is Jump.SPIKE:
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


def _became(change: float, after: Sequence[float]) -> Jump:
    limit = float(SPIKE_CLEARED_RATIO.value) * abs(change)
    # A move on the other side of where it came from is back, too.
    if any(each * math.copysign(1, change) < limit for each in after):
        return Jump.SPIKE
    return Jump.CONFIRMED if len(after) == CONFIRMING_MINUTES else Jump.UNCONFIRMED
