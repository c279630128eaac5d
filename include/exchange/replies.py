"""Classify the exchange's responses: pure decisions, no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import NoReturn

from include.exchange.pauses import stated_pause
from include.records.errors import (
    ExchangeBusyError,
    HostRefusedError,
    InvalidAnswerError,
    MarketDataError,
    RetryableError,
)
from include.records.request_weight import EVERY_HOST, Block

# Binance's codes for a symbol it does not list, and for an invalid one.
SYMBOL_CODES = frozenset({-1121, -1100})
# Of Binance's error codes, those that say the server failed and not the request:
# unknown, disconnected, unexpected response, timeout, overloaded.
PASSING_CODES = frozenset({-1000, -1001, -1006, -1007, -1008})
# Too many requests, or a ban for them; seen also under statuses that do not say so.
TOO_MANY_CODE = -1003
TEAPOT = 418
# For an answer that states no end: the count restarts every minute; the shortest ban is two.
PAUSES: dict[int, timedelta] = {
    HTTPStatus.TOO_MANY_REQUESTS: timedelta(minutes=1),
    TEAPOT: timedelta(minutes=2),
}
# A firewall's 403 and a 451, which is about the address's location, are of one host, and may pass
# within a minute: a tunnel was down, a rule was tried. So it is asked again soon, at the price of a
# request, and what was missed meanwhile is made up.
REFUSALS = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS})
REFUSED_FOR = timedelta(minutes=2)


class RejectedRequestError(MarketDataError):
    """The exchange refused the request itself, with a code of its own.

    Attributes:
        code: Binance's negative error code.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"the exchange refused the request with code {code}: {message!r}")
        self.code = code


def parse_json(body: bytes) -> object:
    """Parse a JSON body without converting numbers to binary floats.

    Raises:
        InvalidAnswerError: It is not JSON, or contains NaN or Infinity, which JSON does not allow.
    """

    def refuse(constant: str) -> NoReturn:
        raise InvalidAnswerError(f"the exchange's JSON contains {constant}", body[:200])

    try:
        parsed: object = json.loads(body, parse_float=Decimal, parse_constant=refuse)
    # Nesting as deep as Python's stack is not a valid answer either.
    except (ValueError, RecursionError) as error:
        raise InvalidAnswerError("the exchange's answer is not JSON", body[:200]) from error
    return parsed


def error_of(
    status: int, headers: Mapping[str, str], body: bytes, now: datetime
) -> MarketDataError | None:
    """Return the error that a response means for the caller; None for a good one.

    Args:
        status: HTTP status.
        headers: Lower-case names.
        body: May be HTML, empty or JSON when the status is not 200; untrusted.
        now: By the exchange's clock as far as it is known, aware UTC.

    Returns:
        None for a good answer, else the error to raise. Binance's codes are explained in
        https://developers.binance.com/docs/binance-spot-api-docs/errors
    """
    if status == HTTPStatus.OK:
        return None
    code, message = _code_and_message(body)
    said = f"HTTP {status}, {message!r}"
    pause = pause_of(status, headers, body, now)
    if status == HTTPStatus.SERVICE_UNAVAILABLE and pause is None:
        # One host is overloaded and may say when to come back; other workers need not know.
        pause = stated_pause(headers, body, now)
    if pause:
        return ExchangeBusyError(
            f"the exchange asks for a pause of {pause.total_seconds():g} s ({said})",
            wait_seconds=pause.total_seconds(),
        )
    if status in REFUSALS:
        return HostRefusedError(f"the exchange refuses this address ({said})")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or code in PASSING_CODES:
        return RetryableError(f"the exchange failed ({said})")
    if code is not None:
        return RejectedRequestError(code, message)
    return InvalidAnswerError(f"the exchange answered HTTP {status}", message)


def pause_of(
    status: int, headers: Mapping[str, str], body: bytes, now: datetime
) -> timedelta | None:
    """Return how long this address must pause after a response; None where it need not.

    The one place that decides it, so that a worker's own wait and the shared block agree.

    Args:
        status: HTTP status.
        headers: Lower-case names.
        body: Untrusted.
        now: By the exchange's clock as far as it is known, aware UTC.
    """
    if status == HTTPStatus.OK:
        return None
    if status in PAUSES or _code_and_message(body)[0] == TOO_MANY_CODE:
        return stated_pause(headers, body, now) or PAUSES.get(status, PAUSES[TEAPOT])
    return None


def _code_and_message(body: bytes) -> tuple[int | None, str]:
    try:
        parsed = parse_json(body)
    except InvalidAnswerError:
        return None, body[:80].decode("utf-8", "replace")
    if isinstance(parsed, dict) and isinstance(parsed.get("code"), int):
        return parsed["code"], str(parsed.get("msg", ""))[:200]
    return None, body[:80].decode("utf-8", "replace")


def block_of(
    status: int, headers: Mapping[str, str], body: bytes, host: str, now: datetime
) -> Block | None:
    """Return the block that a response imposes on all workers; None when it imposes none.

    Args:
        status: HTTP status.
        headers: Lower-case names.
        body: Untrusted.
        host: The host that answered.
        now: By the exchange's clock as far as it is known, aware UTC.
    """
    if length := pause_of(status, headers, body, now):
        host = EVERY_HOST
    elif status in REFUSALS:
        length = max(REFUSED_FOR, stated_pause(headers, body, now) or timedelta(0))
    else:
        return None
    _, message = _code_and_message(body)
    # Whole seconds, rounded up: a request in the last fraction of a ban makes it longer.
    until = (now + length).replace(microsecond=0) + timedelta(seconds=1)
    return Block(host, status, until, f"HTTP {status}, {message!r}")


def weight_limit_of(rate_limits: object) -> int | None:
    """Return the request weight limit per minute from exchangeInfo's rateLimits, if stated.

    One entry is
    {"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000}.
    """
    match rate_limits:
        case list(entries):
            for entry in entries:
                match entry:
                    case {
                        "rateLimitType": "REQUEST_WEIGHT",
                        "interval": "MINUTE",
                        "intervalNum": int(minutes),
                        "limit": int(limit),
                    } if minutes > 0:
                        return limit // minutes
    return None
