"""Request weight per client address and clock minute."""

from __future__ import annotations

from collections import Counter

from include.simulator.tapes import MINUTE_MS


class WeightCounter:
    """Counts the weight each client address used in the running clock minute."""

    def __init__(self) -> None:
        self._minute = 0
        self._used: Counter[str] = Counter()

    def charge(self, client: str, weight: int, now_ms: int) -> int:
        """Add weight to a client's minute and return what it has used in it, this included."""
        minute = now_ms // MINUTE_MS
        if minute != self._minute:
            self._minute = minute
            self._used.clear()
        self._used[client] += weight
        return self._used[client]


def seconds_to_next_minute(now_ms: int) -> int:
    """Return the whole seconds until the count starts over, 1 to 60."""
    return -(-(MINUTE_MS - now_ms % MINUTE_MS) // 1000)
