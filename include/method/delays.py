"""How long after their end minutes were first published."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from include.records.limits import CARRIED_SECONDS, LATE_SECONDS

LATE = timedelta(seconds=int(LATE_SECONDS.value))
LATE_MS = int(LATE_SECONDS.value) * 1_000
# A minute that is not there after five was not slow: the pipeline stood or began, or a backfill
# brought it. By then there is no filled value either (CARRIED_SECONDS).
AFTERWARDS_MS = int(CARRIED_SECONDS.value) * 1_000


class Delays:
    """The delays of some minutes, from a minute's end to its first publication.

    Args:
        delays_ms: Milliseconds, in any order; of the minutes of which it is known.

    Attributes:
        late_count: Minutes later than LATE_SECONDS, and not afterwards.
        afterwards_count: Minutes five minutes late or more: filled in afterwards.
    """

    def __init__(self, delays_ms: Iterable[int]) -> None:
        ordered_ms = sorted(delays_ms)
        self._running_ms = [each for each in ordered_ms if each < AFTERWARDS_MS]
        self.afterwards_count = len(ordered_ms) - len(self._running_ms)
        self.late_count = sum(1 for each in self._running_ms if each > LATE_MS)

    def percentile_ms(self, percent: int) -> int | None:
        """Return a percentile by nearest rank, 1 to 100, without what came afterwards.

        None where no minute was published by then.
        """
        count = len(self._running_ms)
        return self._running_ms[-(-count * percent // 100) - 1] if count else None
