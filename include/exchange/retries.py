"""Decide whether and when to retry a failed request: pure, no clock and no network."""

from __future__ import annotations

from include.records.errors import ExchangeBusyError, RetryableError

FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.4, 10.0
# An attempt with less time than this ends in a timeout that hides the previous error.
SHORTEST_ATTEMPT_SECONDS = 0.5


def retry_delay(error: Exception, attempt: int, seconds_left: float, draw: float) -> float | None:
    """Return how many seconds to wait before retrying a request.

    A pause that the exchange asks for is kept to its end, plus up to a second, so that not all
    workers come back at once. Other failures back off exponentially with full jitter:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    Args:
        error: Of the last attempt.
        attempt: 1 after the first attempt.
        seconds_left: Until the answer is no longer useful.
        draw: A random number in [0, 1).

    Returns:
        Seconds; None when a retry does not help, or there is no time left for one.
    """
    if isinstance(error, ExchangeBusyError):
        delay = error.wait_seconds + draw
    elif isinstance(error, RetryableError):
        # The exponent is bounded, for 2.0**1100 overflows.
        backoff = FIRST_BACKOFF_SECONDS * 2.0 ** min(attempt - 1, 16)
        delay = min(backoff, LONGEST_BACKOFF_SECONDS) * draw
    else:
        return None
    return delay if delay + SHORTEST_ATTEMPT_SECONDS < seconds_left else None
