"""The grids of klines longer than a minute: where an interval starts, in any time zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from include.simulator.requests import errors
from include.simulator.tapes.tapes import MINUTE_MS

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
# 1970-01-05, the first Monday since the epoch.
FIRST_MONDAY_MS = 4 * DAY_MS
FURTHEST_WEST_MS, FURTHEST_EAST_MS = -12 * HOUR_MS, 14 * HOUR_MS
_OFFSET = re.compile(r"([+-]?)(\d{1,2})(?::([0-5]\d))?", re.ASCII)


@dataclass(frozen=True)
class Interval:
    """A grid of half-open spans, numbered without a gap.

    Attributes:
        number_at: The number of the span that holds a moment, local ms since the epoch.
        start_of: The first moment of a span, local ms since the epoch, inclusive.
    """

    number_at: Callable[[int], int]
    start_of: Callable[[int], int]


def _every(length_ms: int, first_ms: int = 0) -> Interval:
    return Interval(
        number_at=lambda local_ms: (local_ms - first_ms) // length_ms,
        start_of=lambda number: first_ms + number * length_ms,
    )


def _month_at(local_ms: int) -> int:
    day = datetime.fromtimestamp(local_ms // 1000, tz=UTC)
    return day.year * 12 + day.month - 1


def _start_of_month(number: int) -> int:
    year, month = divmod(number, 12)
    return int(datetime(year, month + 1, 1, tzinfo=UTC).timestamp()) * 1000


# Case-sensitive: 1m is a minute (klines.py has it), 1M a month.
LONG_INTERVALS = {
    **{f"{count}m": _every(count * MINUTE_MS) for count in (3, 5, 15, 30)},
    **{f"{count}h": _every(count * HOUR_MS) for count in (1, 2, 4, 6, 8, 12)},
    "1d": _every(DAY_MS),
    # The exchange does not say where its three days start; here they count from the epoch.
    "3d": _every(3 * DAY_MS),
    "1w": _every(7 * DAY_MS, FIRST_MONDAY_MS),
    "1M": Interval(_month_at, _start_of_month),
}


def zone_offset_ms(text: str) -> int:
    """Read a time zone like -1:00, 05:45 or 8 and return how far it is ahead of UTC.

    Raises:
        ApiError: If it is written otherwise or lies outside -12:00 to +14:00, both inclusive.
    """
    match = _OFFSET.fullmatch(text)
    if not match:
        raise errors.invalid_value("timeZone")
    sign, hours, minutes = match.groups()
    offset_ms = int(hours) * HOUR_MS + int(minutes or 0) * MINUTE_MS
    offset_ms = -offset_ms if sign == "-" else offset_ms
    if not FURTHEST_WEST_MS <= offset_ms <= FURTHEST_EAST_MS:
        raise errors.invalid_value("timeZone")
    return offset_ms
