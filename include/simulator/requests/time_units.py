"""The unit of the times in an answer, chosen by a request header."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from include.simulator.requests import errors

# Returns milliseconds since the epoch.
Clock = Callable[[], int]
HEADER = "x-mbx-time-unit"


class TimeUnit(IntEnum):
    """A unit of time; its value is how many of it make a millisecond."""

    MILLISECOND = 1
    MICROSECOND = 1_000

    def time(self, time_ms: int) -> int:
        """Return a moment, milliseconds since the epoch, in this unit."""
        return time_ms * self

    def last_of(self, last_ms: int) -> int:
        """Return the end of a span in this unit, inclusive, given its last millisecond."""
        return (last_ms + 1) * self - 1


_UNITS = {text: unit for unit in TimeUnit for text in (unit.name, unit.name.lower())}


def time_unit(header: str | None) -> TimeUnit:
    """Return the unit that a header asks for; milliseconds without one.

    Raises:
        ApiError: For any other value, mixed case included.
    """
    if header is None:
        return TimeUnit.MILLISECOND
    if header not in _UNITS:
        raise errors.invalid_time_unit()
    return _UNITS[header]
