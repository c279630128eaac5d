"""Delays between the end of a minute and its first value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

from include.records.limits import CARRIED_SECONDS, LATE_SECONDS

Number = TypeVar("Number", int, float)

LATE = timedelta(seconds=int(LATE_SECONDS.value))
LATE_MS = int(LATE_SECONDS.value) * 1_000
# A minute missing after five minutes was not slow: the pipeline was down or had just started, or a
# backfill added it. By then there is no filled value either (CARRIED_SECONDS).
AFTERWARDS_MS = int(CARRIED_SECONDS.value) * 1_000


class Delays:
    """The publication delays of minutes, from a minute's end to its first value.

    Args:
        delays_ms: Milliseconds, in any order; only of minutes whose delay is known.

    Attributes:
        late_count: Minutes later than LATE_SECONDS, without those filled in afterwards.
        afterwards_count: Minutes five minutes late or more: filled in afterwards.
    """

    def __init__(self, delays_ms: Iterable[int]) -> None:
        ordered_ms = sorted(delays_ms)
        self._running_ms = [each for each in ordered_ms if each < AFTERWARDS_MS]
        self.afterwards_count = len(ordered_ms) - len(self._running_ms)
        self.late_count = sum(1 for each in self._running_ms if each > LATE_MS)

    def percentile_ms(self, percent: int) -> int | None:
        """Return a percentile by nearest rank, 1 to 100, without minutes filled in afterwards.

        None if no other minute was published.
        """
        return percentile(self._running_ms, percent) if self._running_ms else None


def percentile(ordered: Sequence[Number], percent: int) -> Number:
    """Return a percentile by nearest rank: of 20 values, the 95th percentile is the 19th.

    Args:
        ordered: At least one number, ascending.
        percent: 1 to 100.
    """
    return ordered[-(-len(ordered) * percent // 100) - 1]
