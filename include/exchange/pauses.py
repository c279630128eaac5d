"""Read how long a response asks us to pause: the latest of all the ends it states."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# The exchange's bans last at most three days; a longer one is damaged.
LONGEST_PAUSE = timedelta(days=3)
# "IP banned until 1526812345678." in a text, or "retryAfter": 1526812345678 in JSON.
_MOMENT = re.compile(rb"(?:until|retryAfter)\D{0,20}(\d{10,16})(?!\d)", re.IGNORECASE)
_SECONDS = re.compile(r"([0-9]{1,30})(?:\.[0-9]{1,30})?")
# The size of an epoch time tells its unit: seconds have ten digits until 2286.
_LEAST_MS, _LEAST_US = 10**11, 10**14


def stated_pause(headers: Mapping[str, str], body: bytes, now: datetime) -> timedelta | None:
    """Return how long a response asks us to pause, at most LONGEST_PAUSE.

    `Retry-After` may be seconds or an HTTP date (RFC 9110, 10.2.3); Binance also writes the end
    of a ban into its message, in milliseconds since the epoch. Not all of them are always there,
    and they do not always agree: the latest counts.

    Args:
        headers: Lower-case names; untrusted.
        body: May be HTML, empty or JSON; untrusted.
        now: By the clock of the responding server, as far as it is known, aware UTC.

    Returns:
        A positive length; None where none is stated, or it is over already, as 0 is.
    """
    stated = [*_in_header(headers.get("retry-after", ""), now), *_in_body(body, now)]
    longest = max(stated, default=timedelta(0))
    return min(longest, LONGEST_PAUSE) if longest > timedelta(0) else None


def _in_header(text: str, now: datetime) -> Iterator[timedelta]:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        # A header sent twice is joined by a comma.
        for part in text.split(","):
            if found := _SECONDS.fullmatch(part.strip()):
                # Round up: a request in the last fraction of a second makes a ban longer.
                whole = int(found[1]) + ("." in part)
                yield min(timedelta(seconds=min(whole, 10**9)), LONGEST_PAUSE)
    else:
        yield (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now


def _in_body(body: bytes, now: datetime) -> Iterator[timedelta]:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for found in _MOMENT.finditer(body):
        number = int(found[1])
        if number >= _LEAST_US:
            since = timedelta(microseconds=number)
        elif number >= _LEAST_MS:
            since = timedelta(milliseconds=number)
        else:
            since = timedelta(seconds=number)
        yield since - (now - epoch)
