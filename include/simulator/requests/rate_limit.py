"""Request weight and request count per client address, and bans of clients that do not stop."""

from __future__ import annotations

from dataclasses import dataclass

from include.simulator.tapes.tapes import MINUTE_MS

RAW_REQUESTS_MINUTES = 5
SHORTEST_BAN_SECONDS, LONGEST_BAN_SECONDS = 120, 259_200


@dataclass
class _Use:
    """What one client address has done.

    Attributes:
        minute: The clock minute that weight and limited belong to, since the epoch.
        weight: Request weight used in it, refused requests included.
        limited: Requests in it that were refused for a limit.
        raw_window: The span of RAW_REQUESTS_MINUTES that requests belong to, since the epoch.
        requests: Requests in it.
        banned_until_ms: End of the last ban, exclusive, milliseconds since the epoch.
        bans: How many there were.
    """

    minute: int = 0
    weight: int = 0
    limited: int = 0
    raw_window: int = 0
    requests: int = 0
    banned_until_ms: int = 0
    bans: int = 0


@dataclass(frozen=True)
class Charge:
    """A client's use, as reported to one of its requests.

    Attributes:
        used_weight: Weight used in the clock minute, this request included.
        is_over_weight: It is more than the limit.
        is_over_requests: There were more requests than the limit for them.
        banned_until_ms: End of the running ban, milliseconds since the epoch; None without one.
    """

    used_weight: int
    is_over_weight: bool
    is_over_requests: bool
    banned_until_ms: int | None


class RateLimit:
    """Counts what each client address uses, in spans of the clock.

    Args:
        weight_limit: Request weight per clock minute.
        requests_limit: Requests per RAW_REQUESTS_MINUTES of the clock, whatever they weigh.
        requests_until_ban: Refused requests of one clock minute after which the next one over
            a limit is banned.
    """

    def __init__(self, weight_limit: int, requests_limit: int, requests_until_ban: int) -> None:
        self._weight_limit = weight_limit
        self._requests_limit = requests_limit
        self._requests_until_ban = requests_until_ban
        self._uses: dict[str, _Use] = {}

    def charge(self, client: str, weight: int, now_ms: int) -> Charge:
        """Count a request, whether it will be served or not, and return the client's use."""
        use = self._uses.setdefault(client, _Use())
        _start_over(use, now_ms // MINUTE_MS)
        use.weight += weight
        use.requests += 1
        is_over_weight = use.weight > self._weight_limit
        is_over_requests = use.requests > self._requests_limit
        is_banned = now_ms < use.banned_until_ms
        if not is_banned and (is_over_weight or is_over_requests):
            use.limited += 1
            is_banned = use.limited > self._requests_until_ban
            if is_banned:
                _ban(use, now_ms)
        return Charge(
            use.weight, is_over_weight, is_over_requests, use.banned_until_ms if is_banned else None
        )

    def ban(self, client: str, seconds: int, now_ms: int) -> int:
        """Ban a client at once and return the end, exclusive, milliseconds since the epoch."""
        use = self._uses.setdefault(client, _Use())
        use.banned_until_ms = now_ms + seconds * 1000
        return use.banned_until_ms


def seconds_to_next(span_minutes: int, now_ms: int) -> int:
    """Return the whole seconds, rounded up, until a count of this span starts over."""
    span_ms = span_minutes * MINUTE_MS
    return seconds_until(now_ms - now_ms % span_ms + span_ms, now_ms)


def seconds_until(end_ms: int, now_ms: int) -> int:
    """Return the whole seconds, rounded up, from one moment to another."""
    return -(-(end_ms - now_ms) // 1000)


def _start_over(use: _Use, minute: int) -> None:
    if minute != use.minute:
        use.minute, use.weight, use.limited = minute, 0, 0
    raw_window = minute // RAW_REQUESTS_MINUTES
    if raw_window != use.raw_window:
        use.raw_window, use.requests = raw_window, 0


def _ban(use: _Use, now_ms: int) -> None:
    seconds = min(SHORTEST_BAN_SECONDS * 2**use.bans, LONGEST_BAN_SECONDS)
    use.banned_until_ms = now_ms + seconds * 1000
    use.bans += 1
    use.limited = 0
