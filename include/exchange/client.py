"""Read Binance's public market data; docs/method.md, section Sources, has the facts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

import httpx

from include.exchange.exchange_info import read_infos
from include.exchange.replies import SYMBOL_CODES, RejectedRequestError, weight_limit_of
from include.exchange.request_budget import RequestBudget
from include.exchange.transport import BinanceSettings, BinanceTransport
from include.records.errors import (
    InvalidAnswerError,
    RetryableError,
    UnreadableSymbolError,
)
from include.records.klines import (
    COLUMN_COUNT,
    LONGEST_CELL,
    OPEN_TIME,
    Interval,
    RawRow,
    in_milliseconds,
)
from include.records.prices import SymbolInfo
from include.records.windows import MINUTE, Window, from_ms, to_ms

ROWS_PER_PAGE = 1000
# Seventeen digits: beyond any time in microseconds, and within Cassandra's bigint.
LARGEST_INTEGER = 10**17
# https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints
TIME_WEIGHT, EXCHANGE_INFO_WEIGHT, KLINES_WEIGHT, AVERAGE_WEIGHT = 1, 20, 2, 2
# Of one exchangeInfo: beyond, "Too many values sent for parameter 'symbols'".
MOST_SYMBOLS = 100
# Two readings of the exchange's clock that differ by more are too uncertain to tell which minutes
# are closed: a kline is requested five seconds after its end.
LARGEST_CLOCK_DOUBT = timedelta(seconds=1)


class BinanceClient:
    """Binance's public market data; a context manager that closes its connections.

    Args:
        settings: The exchange's addresses, and how long to try.
        budget: Shared by all workers.
        clock: The exchange's time as far as it is known, aware UTC.
        http: Replaces the network in tests.

    Attributes:
        transport: Sends the requests; it counts their weight and their patience.
    """

    def __init__(
        self,
        settings: BinanceSettings,
        budget: RequestBudget,
        clock: Callable[[], datetime],
        http: httpx.BaseTransport | None = None,
    ) -> None:
        self._budget = budget
        self.transport = BinanceTransport(settings, budget, clock, http)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.transport.close()

    def clock_offset(self) -> timedelta:
        """Return the exchange's clock minus ours (weight 2).

        The exchange read its clock at some moment between request and response; the middle is
        taken, as in Cristian's algorithm, and is wrong by at most half of the round trip.

        Raises:
            RetryableError: Two readings disagree: a clock jumps or the network stalls.
        """
        first, second = self._clock_reading(), self._clock_reading()
        if abs(first - second) > LARGEST_CLOCK_DOUBT:
            raise RetryableError(
                f"the exchange's clock minus ours was {first.total_seconds():+.3f} s and then "
                f"{second.total_seconds():+.3f} s; check the clock (NTP) and the network"
            )
        return (first + second) / 2

    def _clock_reading(self) -> timedelta:
        server_time = self.server_time()
        # Only the answered attempt: waiting for the budget and retries came before it.
        sent_at, answered_at = self.transport.sent_at, self.transport.answered_at
        return server_time - (sent_at + (answered_at - sent_at) / 2)

    def server_time(self) -> datetime:
        """Return the exchange's clock, aware UTC, whole milliseconds (weight 1)."""
        match self.transport.get("/api/v3/time", {}, TIME_WEIGHT):
            case {"serverTime": int(server_time_ms)}:
                return _moment(server_time_ms)
            case other:
                raise InvalidAnswerError("the exchange's time response has no serverTime", other)

    def symbol_infos(self, symbols: Sequence[str]) -> dict[str, SymbolInfo | UnreadableSymbolError]:
        """Return the exchange's entry for each symbol; symbols it does not list are omitted.

        If the entry of one symbol cannot be read, only that symbol gets an error.

        Weight 20 for each hundred of them. Of a hundred that it refuses it says only that one is
        unknown, not which: each half is requested again, at most 14 requests for one unknown.
        """
        infos: dict[str, SymbolInfo | UnreadableSymbolError] = {}
        for start in range(0, len(symbols), MOST_SYMBOLS):
            infos |= self._symbol_infos(symbols[start : start + MOST_SYMBOLS])
        return infos

    def _symbol_infos(
        self, symbols: Sequence[str]
    ) -> dict[str, SymbolInfo | UnreadableSymbolError]:
        # The exchange accepts UTF-8 and no escapes.
        listed = json.dumps(list(symbols), separators=(",", ":"), ensure_ascii=False)
        try:
            answer = self.transport.get(
                "/api/v3/exchangeInfo",
                {"symbols": listed, "showPermissionSets": "false"},
                EXCHANGE_INFO_WEIGHT,
            )
        except RejectedRequestError as error:
            if error.code not in SYMBOL_CODES:
                raise
            middle = len(symbols) // 2
            if not middle:
                return {}
            return self._symbol_infos(symbols[:middle]) | self._symbol_infos(symbols[middle:])
        match answer:
            case {"serverTime": int(server_time_ms), "symbols": list(entries), **others}:
                self._learn_weight_limit(others.get("rateLimits"))
                return read_infos(symbols, entries, _moment(server_time_ms))
            case other:
                raise InvalidAnswerError("exchangeInfo has no symbols", other)

    def klines(
        self,
        symbol: str,
        interval: Interval,
        span: Window,
        *,
        open_end: timedelta = timedelta(0),
    ) -> list[RawRow]:
        """Fetch the klines that open in a span, unchanged, page by page (weight 2 a page).

        Each row is Binance's list of twelve: open time, open, high, low, close, volume,
        close time, quote volume, trade count, taker volume, taker quote volume, unused.
        Its times are milliseconds, its prices strings; the last may still be running.

        The length of a page means nothing, since a server or a proxy may return fewer rows than
        requested: the last page is one that reaches the end of the span or brings nothing new.
        If the last rows are missing, this costs one request more.

        Args:
            symbol: Binance's pair id, upper case.
            interval: Length of the klines.
            span: Of their open times.
            open_end: How much of the span's end may be missing without that request, unless the
                page is full; for a caller that asks for it again.

        Raises:
            InvalidAnswerError: The answer is not a list of such rows.
        """
        rows: list[RawRow] = []
        is_full = False
        next_ms, end_ms = to_ms(span.start), to_ms(span.end)
        last_ms = to_ms(span.end - open_end)
        while next_ms < (last_ms if rows and not is_full else end_ms):
            page = _kline_rows(
                self.transport.get(
                    "/api/v3/klines",
                    {
                        "symbol": symbol,
                        "interval": interval.value,
                        "startTime": next_ms,
                        "endTime": end_ms - 1,
                        "limit": ROWS_PER_PAGE,
                    },
                    KLINES_WEIGHT,
                )
            )
            is_full = len(page) >= ROWS_PER_PAGE
            opens_ms = [int(row[OPEN_TIME]) for row in in_milliseconds(page)]
            new_ms = [each for each in opens_ms if next_ms <= each < end_ms]
            # The gate checks what a first page has beyond the span; repeated rows are dropped here.
            if new_ms or not rows:
                rows += page
            if not new_ms:
                break
            # It grows with each page, so the loop ends even if a server ignores startTime.
            next_ms = max(new_ms) + interval.length_ms
        return rows

    def five_minute_price(self, symbol: str, minute: datetime) -> Decimal | None:
        """Return the exchange's own average of the five minutes that end with a minute (weight 2).

        It has no history: request it within the following minute.

        Returns:
            Quote asset per base asset; None where nothing traded in them, since the exchange then
            repeats an older price.
        """
        match self.transport.get("/api/v3/avgPrice", {"symbol": symbol}, AVERAGE_WEIGHT):
            case {"mins": 5, "price": str(text), "closeTime": int(closed_ms)}:
                if _moment(closed_ms) < minute - 4 * MINUTE:
                    return None
                try:
                    price = Decimal(text)
                except ArithmeticError as error:
                    raise InvalidAnswerError("avgPrice is not a number", text) from error
                if not price.is_finite() or price <= 0:
                    raise InvalidAnswerError("avgPrice is not a positive price", text)
                return price
            case other:
                raise InvalidAnswerError("avgPrice is not a five-minute average", other)

    def _learn_weight_limit(self, rate_limits: object) -> None:
        limit = weight_limit_of(rate_limits)
        if limit is not None:
            self._budget.learn_weight_limit(limit)


def _kline_rows(page: object) -> list[RawRow]:
    if not isinstance(page, list) or any(
        not isinstance(row, list)
        or len(row) != COLUMN_COUNT
        or not isinstance(row[0], int)
        or not all(_is_text(cell) or _is_count(cell) for cell in row)
        for row in page
    ):
        raise InvalidAnswerError("klines are not a list of rows of twelve columns", page)
    return page


def _is_text(cell: object) -> bool:
    return isinstance(cell, str) and len(cell) <= LONGEST_CELL


def _is_count(cell: object) -> bool:
    return type(cell) is int and 0 <= cell <= LARGEST_INTEGER


def _moment(epoch_ms: int) -> datetime:
    try:
        return from_ms(epoch_ms)
    except OverflowError as error:
        raise InvalidAnswerError("the exchange's time is out of range", epoch_ms) from error
