"""Send requests to Binance: within the budget, to an allowed host, retried where that helps."""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import count
from urllib.parse import urlsplit

import httpx
import stamina

from include.exchange.bodies import read_body
from include.exchange.certificates import trusted
from include.exchange.cookies import no_cookies
from include.exchange.price_source import SOURCE_HEADER, price_source
from include.exchange.replies import block_of, error_of, parse_json
from include.exchange.request_budget import Leave, RequestBudget, is_of_one_minute
from include.exchange.retries import retry_delay
from include.records.errors import ExchangeBusyError, MarketDataError, RetryableError, SettingsError
from include.records.windows import MINUTE

# A page of 1,000 klines is about 170 kB of JSON; two symbols of exchangeInfo about 10 kB.
LONGEST_BODY_BYTES = 4_000_000
# The exchange itself gives up after ten seconds.
LONGEST_READ_SECONDS = 11.0
CONNECT_SECONDS = 3.0
POLL_SECONDS = 0.025
# The limit has four digits.
LONGEST_WEIGHT = 9


@dataclass(frozen=True)
class BinanceSettings:
    """The exchange's addresses, how long to wait for it and how much of its limit to use.

    Attributes:
        base_urls: Scheme, host and port, the preferred one first; https, except of a simulator.
        patience_seconds: How long one piece of work may take, retries and pauses included.
        egress: Name of the address that requests leave from. Workers behind one address must
            share it, those behind another should not.
        ceiling_ratio: Share of the exchange's weight limit that they may use, 0 to 1.
        simulator_host: The one host beyond loopback that may be a simulator; empty for none.
    """

    base_urls: tuple[str, ...]
    patience_seconds: float = 8.0
    egress: str = "default"
    ceiling_ratio: float = 0.5
    simulator_host: str = ""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Host and port of each address, in their order."""
        return tuple(urlsplit(url).netloc for url in self.base_urls)


class BinanceTransport:
    """Sends requests over persistent connections; close it when done.

    Args:
        settings: The exchange's addresses, and how long to try.
        budget: Shared by all workers.
        clock: The exchange's time as far as it is known, aware UTC.
        http: Replaces the network in tests.

    Attributes:
        used_weight: The exchange's own count of request weight for the current minute and
            address, from the last answer; 0 before the first.
        sent_at: When the last request left, by the clock.
        answered_at: When its answer was complete, by the clock.
        source: Where the last answer's prices come from; None before the first.
    """

    def __init__(
        self,
        settings: BinanceSettings,
        budget: RequestBudget,
        clock: Callable[[], datetime],
        http: httpx.BaseTransport | None = None,
    ) -> None:
        self.used_weight = 0
        self.sent_at = self.answered_at = clock()
        self.source: str | None = None
        self._urls = dict(zip(settings.hosts, settings.base_urls, strict=True))
        self._patience_seconds = settings.patience_seconds
        self._budget = budget
        self._clock = clock
        # Reserved for the next requests.
        self._leave: Leave | None = None
        self._weight_left = 0
        self._http = httpx.Client(
            transport=http,
            follow_redirects=False,
            # The machine's proxy or netrc must neither see nor change requests.
            trust_env=False,
            verify=trusted(),
            cookies=no_cookies(),
            headers={
                "accept": "application/json",
                "accept-encoding": "gzip",
                "user-agent": "minute-prices",
            },
        )
        self.restart_patience()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def restart_patience(self) -> None:
        """Start the patience anew for a piece of work, from when its first request may leave.

        With hundreds of symbols, the turn of the last comes as late as the patience lasts.
        """
        turn = (self._leave.send_at - self._clock()).total_seconds() if self._leave else 0.0
        self._gives_up_at = time.monotonic() + max(0.0, turn) + self._patience_seconds

    def reserve(self, weight: int, wait_seconds: float) -> None:
        """Reserve the weight of the next requests in one step, before the first leaves.

        Each reservation is a transaction that all workers compete for. What the requests weigh
        beyond it, and what the minute has no room for, is reserved as they are sent.

        Args:
            weight: Of all of them.
            wait_seconds: Until the first is sent, at the earliest; all in the minute of then.
        """
        # Sending may wait for the next minute, and says what is wrong.
        with suppress(ExchangeBusyError, SettingsError):
            at = self._clock() + timedelta(seconds=wait_seconds)
            self._leave = self._budget.reserve(weight, at)
            self._weight_left = weight

    def get(self, path: str, parameters: Mapping[str, str | int], weight: int) -> object:
        """Send a GET request, retrying within the patience, and return the response's JSON.

        Args:
            path: From the root, like /api/v3/time.
            parameters: Of the query; percent-encoded here.
            weight: Request weight it costs.

        Raises:
            ExchangeBusyError: The exchange asks for a pause, or the minute's weight is spent,
                for longer than the patience lasts.
            RetryableError: There was no good answer while the patience lasted.
            RejectedRequestError: The exchange refuses the request itself.
            InvalidAnswerError: The answer is not what the exchange documents.
            SettingsError: Every host refuses this address, or its certificate is not trusted.
        """
        attempts = count(1)
        earlier: Exception | None = None

        def delay(error: Exception) -> bool | timedelta:
            nonlocal earlier
            seconds = retry_delay(error, next(attempts), self._seconds_left(), random.random())  # noqa: S311 - jitter
            if seconds is None:
                return False
            earlier = error
            return timedelta(seconds=seconds)

        try:
            for attempt in stamina.retry_context(on=delay, attempts=None, timeout=None):
                with attempt:
                    return self._send(path, parameters, weight)
        except RetryableError as error:
            # Cut off by the end of the patience, it hides what is really wrong.
            if earlier and self._seconds_left() <= 0 and type(error) is RetryableError:
                raise RetryableError(f"{error}; the attempt before it: {earlier}") from error
            raise
        raise AssertionError("retry_context either returns the answer or raises")

    def _seconds_left(self) -> float:
        return self._gives_up_at - time.monotonic()

    def _send(self, path: str, parameters: Mapping[str, str | int], weight: int) -> object:
        self._wait_for_leave(weight)
        answered, used_weight = False, 0
        try:
            # As late as possible, to see a ban that another worker met a moment ago.
            host = self._budget.open_hosts(self._urls, self._clock())[0]
            self.sent_at = self._clock()
            status, headers, body = self._exchange(host, path, parameters)
            self.answered_at = self._clock()
            answered = not self._blocks(host, status, headers, body)
            self._read_weight(headers)
            if is_of_one_minute(self.sent_at, self.answered_at):
                used_weight = self.used_weight
        finally:
            self._budget.settle(self._clock(), used_weight=used_weight, is_answered=answered)
        refusal = error_of(status, headers, body, self.answered_at)
        if refusal:
            raise refusal
        self.source = price_source(self._urls[host], headers.get(SOURCE_HEADER, ""))
        return parse_json(body)

    def _wait_for_leave(self, weight: int) -> None:
        is_held_back = False
        while True:
            leave = self._reserved(weight)
            time.sleep(max(0.0, (leave.send_at - self._clock()).total_seconds()))
            confirmed = self._budget.confirm(leave, self._clock())
            if confirmed:
                break
            if self._seconds_left() <= 0:
                raise RetryableError(
                    "the exchange has not answered the first request after a pause, sent by "
                    "another worker; check the network and the connection 'binance_default'"
                )
            is_held_back = True
            time.sleep(POLL_SECONDS)
        if is_held_back and not confirmed.is_first:
            time.sleep(leave.spacing.total_seconds())
        self._weight_left -= weight
        # A retry, too, must ask whether it may go first.
        self._leave = replace(leave, is_first=False)

    def _reserved(self, weight: int) -> Leave:
        now = self._clock()
        if self._leave is None or self._weight_left < weight or now >= self._leave.minute + MINUTE:
            self._leave, self._weight_left = self._budget.reserve(weight, now), weight
        return self._leave

    def _exchange(
        self, host: str, path: str, parameters: Mapping[str, str | int]
    ) -> tuple[int, httpx.Headers, bytes]:
        url = self._urls[host]
        left = max(self._seconds_left(), 0.1)
        timeout = httpx.Timeout(min(CONNECT_SECONDS, left), read=min(LONGEST_READ_SECONDS, left))
        try:
            with self._http.stream("GET", url + path, params=parameters, timeout=timeout) as answer:
                return answer.status_code, answer.headers, self._body(answer)
        except httpx.HTTPError as error:
            if _is_untrusted(error):
                raise SettingsError(
                    f"the certificate of the exchange at {url} is not trusted ({error}); a proxy "
                    "may intercept it: check the network and the connection 'binance_default'"
                ) from error
            raise RetryableError(
                f"the exchange at {url} does not answer ({type(error).__name__}: "
                f"{error}); check the network and the connection 'binance_default'"
            ) from error

    def _body(self, answer: httpx.Response) -> bytes:
        try:
            return read_body(answer, LONGEST_BODY_BYTES, self._seconds_left)
        except (MarketDataError, httpx.HTTPError):
            if answer.status_code == HTTPStatus.OK:
                raise
            # A refusal may lose its body on the way; its status still counts.
            return b""

    def _blocks(self, host: str, status: int, headers: httpx.Headers, body: bytes) -> bool:
        block = block_of(status, headers, body, host, self.answered_at)
        if block:
            self._budget.block(block)
        return block is not None

    def _read_weight(self, headers: httpx.Headers) -> None:
        weight = headers.get("x-mbx-used-weight-1m", "")
        # A number that no limit reaches is damaged, and would not fit the shared budget.
        if weight.isdecimal() and len(weight) <= LONGEST_WEIGHT:
            self.used_weight = int(weight)


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
