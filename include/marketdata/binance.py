"""Reading Binance's public market data; the facts are in docs/method.md, section Sources."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self
from urllib.parse import urlsplit

import httpx
import stamina

from include.marketdata.answers import (
    SYMBOL_CODES,
    RejectedRequestError,
    error_of,
    parse_json,
)
from include.marketdata.batches import Interval, RawRow
from include.marketdata.errors import (
    ExchangeBusyError,
    InvalidAnswerError,
    RetryableError,
    SettingsError,
)
from include.marketdata.prices import SymbolInfo
from include.marketdata.windows import Window, from_ms, to_ms

# https://developers.binance.com/docs/binance-spot-api-docs/rest-api/general-api-information
HOSTS = frozenset(
    {"data-api.binance.vision", "api.binance.com", "api-gcp.binance.com"}
    | {f"api{number}.binance.com" for number in range(1, 5)}
)
ROWS_PER_PAGE = 1000
KLINE_COLUMNS = 12
# A page of 1,000 klines is about 170 kB of JSON; two symbols of exchangeInfo about 10 kB.
LONGEST_BODY_BYTES = 4_000_000


@dataclass(frozen=True)
class BinanceSettings:
    """Where the exchange answers and how long to wait for it.

    Attributes:
        base_url: Scheme, host and port; https, except on loopback.
        patience_seconds: How long a call is repeated while the exchange does not answer.
    """

    base_url: str
    patience_seconds: float = 8.0


def checked_base_url(text: str) -> str:
    """Return the URL without a final slash, if the client may talk to it.

    Raises:
        SettingsError: It is not https to a host of Binance, and not loopback either.
    """
    parts = urlsplit(text)
    host = parts.hostname or ""
    is_binance = parts.scheme == "https" and host in HOSTS
    is_local = parts.scheme in {"http", "https"} and _is_loopback(host)
    if not (is_binance or is_local) or parts.username or parts.query or parts.path.strip("/"):
        raise SettingsError(
            f"the exchange's address {text!r} is not allowed; set the connection "
            f"'binance_default' to https:// and one of {', '.join(sorted(HOSTS))}, "
            "or to a simulator on loopback"
        )
    return text.rstrip("/")


def describe_source(base_url: str) -> str:
    """Say in words for readers of a report whether its prices come from the exchange itself."""
    if _is_loopback(urlsplit(base_url).hostname or ""):
        return (
            "Replayed by an exchange simulator, not live: recorded trades of the past, or "
            "generated ones (its page /simulator says which)"
        )
    return f"Binance spot, from {base_url}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class BinanceClient:
    """One keep-alive connection to the exchange; a context manager that closes it.

    Attributes:
        used_weight: The exchange's own count of request weight for the current minute and
            address, from the last answer; 0 before the first.
    """

    def __init__(
        self, settings: BinanceSettings, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.used_weight = 0
        self._settings = settings
        self._base_url = checked_base_url(settings.base_url)
        self._http = httpx.Client(
            base_url=self._base_url,
            transport=transport,
            timeout=httpx.Timeout(5.0, read=11.0),
            follow_redirects=False,
            # A proxy or netrc of the machine must neither see nor change what is asked.
            trust_env=False,
            headers={"accept": "application/json", "user-agent": "minute-prices"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def server_time(self) -> datetime:
        """Return the exchange's clock, aware UTC, whole milliseconds (weight 1)."""
        match self._get("/api/v3/time", {}):
            case {"serverTime": int(server_time_ms)}:
                return from_ms(server_time_ms)
            case other:
                raise InvalidAnswerError("the exchange's time has no serverTime", other)

    def symbol_infos(self, symbols: Sequence[str]) -> dict[str, SymbolInfo]:
        """Return what the exchange says of symbols; those it does not list are left out.

        Weight 20, and 20 for each symbol again when it refuses them together: it then says
        only that one is unknown, not which.
        """
        listed = json.dumps(list(symbols), separators=(",", ":"))
        try:
            answer = self._get(
                "/api/v3/exchangeInfo", {"symbols": listed, "showPermissionSets": "false"}
            )
        except RejectedRequestError as error:
            if error.code not in SYMBOL_CODES:
                raise
            if len(symbols) == 1:
                return {}
            return {
                name: info
                for symbol in symbols
                for name, info in self.symbol_infos([symbol]).items()
            }
        match answer:
            case {"serverTime": int(server_time_ms), "symbols": list(entries)}:
                infos = (_info(entry, from_ms(server_time_ms)) for entry in entries)
                return {info.symbol: info for info in infos}
            case other:
                raise InvalidAnswerError("exchangeInfo has no symbols", other)

    def klines(self, symbol: str, interval: Interval, span: Window) -> list[RawRow]:
        """Return the klines that open in a span, ascending, as they came (weight 2 a page).

        Each row is Binance's list of twelve: open time, open, high, low, close, volume,
        close time, quote volume, trade count, taker volume, taker quote volume, unused.
        Its times are milliseconds, its prices strings; the last may still be running.

        Raises:
            InvalidAnswerError: The answer is not a list of such rows.
        """
        rows: list[RawRow] = []
        next_ms, end_ms = to_ms(span.start), to_ms(span.end)
        while next_ms < end_ms:
            page = self._get(
                "/api/v3/klines",
                {
                    "symbol": symbol,
                    "interval": interval.value,
                    "startTime": next_ms,
                    "endTime": end_ms - 1,
                    "limit": ROWS_PER_PAGE,
                },
            )
            rows += _kline_rows(page)
            if len(_kline_rows(page)) < ROWS_PER_PAGE:
                break
            next_ms = max(int(rows[-1][0]) + interval.length_ms, next_ms + interval.length_ms)
        return rows

    def _get(self, path: str, parameters: dict[str, str | int]) -> object:
        def is_worth_repeating(error: Exception) -> bool | timedelta:
            if isinstance(error, ExchangeBusyError):
                is_short = error.wait_seconds <= self._settings.patience_seconds
                return is_short and not error.is_ban and timedelta(seconds=error.wait_seconds)
            return isinstance(error, RetryableError)

        for attempt in stamina.retry_context(
            on=is_worth_repeating,
            attempts=None,
            timeout=self._settings.patience_seconds,
            wait_initial=0.2,
            wait_max=5.0,
        ):
            with attempt:
                return self._get_once(path, parameters)
        raise AssertionError("retry_context either returns the answer or raises")

    def _get_once(self, path: str, parameters: dict[str, str | int]) -> object:
        try:
            with self._http.stream("GET", path, params=parameters) as response:
                body = b""
                for part in response.iter_bytes():
                    body += part
                    if len(body) > LONGEST_BODY_BYTES:
                        raise InvalidAnswerError(
                            f"the exchange's answer is longer than {LONGEST_BODY_BYTES} bytes",
                            body[:200],
                        )
        except httpx.HTTPError as error:
            raise RetryableError(
                f"the exchange at {self._base_url} does not answer ({type(error).__name__}: "
                f"{error}); check the network and the connection 'binance_default'"
            ) from error
        weight = response.headers.get("x-mbx-used-weight-1m", "")
        if weight.isdecimal():
            self.used_weight = int(weight)
        refusal = error_of(response.status_code, response.headers, body)
        if refusal:
            raise refusal
        return parse_json(body)


def _kline_rows(page: object) -> list[RawRow]:
    if not isinstance(page, list) or any(
        not isinstance(row, list)
        or len(row) != KLINE_COLUMNS
        or not isinstance(row[0], int)
        or not all(isinstance(cell, str | int) for cell in row)
        for row in page
    ):
        raise InvalidAnswerError("klines are not a list of rows of twelve", page)
    return page


def _info(entry: object, checked_at: datetime) -> SymbolInfo:
    match entry:
        case {
            "symbol": str(symbol),
            "status": str(status),
            "baseAsset": str(base_asset),
            "quoteAsset": str(quote_asset),
            "filters": list(filters),
        }:
            steps = {step["filterType"]: step for step in filters}
            return SymbolInfo(
                symbol=symbol,
                status=status,
                base_asset=base_asset,
                quote_asset=quote_asset,
                tick_size=Decimal(steps["PRICE_FILTER"]["tickSize"]),
                step_size=Decimal(steps["LOT_SIZE"]["stepSize"]),
                checked_at=checked_at,
            )
        case other:
            raise InvalidAnswerError("exchangeInfo's symbol lacks a field", other)
