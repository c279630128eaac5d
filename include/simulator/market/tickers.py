"""Tickers: last prices, best offers, and statistics of a rolling span."""

from __future__ import annotations

import re
from collections.abc import Callable

from include.simulator.market.exchange import Exchange, Listing
from include.simulator.market.intervals import DAY_MS, HOUR_MS
from include.simulator.market.selection import selected
from include.simulator.market.spans import Span
from include.simulator.requests import errors
from include.simulator.requests.parameters import Parameters
from include.simulator.requests.time_units import TimeUnit
from include.simulator.tapes.klines import decimal_text
from include.simulator.tapes.tapes import MINUTE_MS, ONE_E8

Fields = dict[str, object]
MOST_SYMBOLS = 100
TYPES = {"FULL", "MINI"}
# What the short form leaves out.
_FULL_ONLY = {"priceChange", "priceChangePercent", "weightedAvgPrice"}
_WINDOW_UNITS = {"m": (MINUTE_MS, 59), "h": (HOUR_MS, 23), "d": (DAY_MS, 7)}


def prices(exchange: Exchange, query: Parameters, now_ms: int) -> object:
    """Return the price of the last trade of each symbol."""

    def ticker(listing: Listing) -> Fields:
        price_e8 = listing.sums.last_trade(now_ms).price_e8
        return {"symbol": listing.market.symbol, "price": decimal_text(price_e8)}

    return _one_or_many(exchange, query, ticker)


def book_tickers(exchange: Exchange, query: Parameters, now_ms: int) -> object:
    """Return the best offers of each symbol, one tick apart."""
    return _one_or_many(
        exchange, query, lambda listing: {"symbol": listing.market.symbol} | _book(listing, now_ms)
    )


def day_tickers(exchange: Exchange, query: Parameters, now_ms: int) -> object:
    """Return statistics of the last 24 hours up to the millisecond, both ends inclusive."""
    full = _is_full(query)

    def ticker(listing: Listing) -> Fields:
        start_ms = now_ms - DAY_MS
        span = listing.sums.span(start_ms, now_ms + 1)
        fields = _statistics(listing, span, start_ms, now_ms, query.time_unit)
        if not full:
            return _short(fields)
        return fields | {
            "prevClosePrice": decimal_text(span.previous_close_e8),
            "lastQty": decimal_text(span.last_trade.quantity_e8),
            **_book(listing, now_ms),
        }

    return _one_or_many(exchange, query, ticker)


def rolling_tickers(exchange: Exchange, query: Parameters, now_ms: int) -> object:
    """Return statistics of a window that ends now and starts on a whole minute."""
    if "symbol" not in query and "symbols" not in query:
        raise errors.missing_parameter("symbol")
    full, window_ms = _is_full(query), _window_ms(query.text("windowSize", "1d"))
    start_ms = (now_ms - window_ms) // MINUTE_MS * MINUTE_MS

    def ticker(listing: Listing) -> Fields:
        span = listing.sums.span(start_ms, now_ms + 1)
        fields = _statistics(listing, span, start_ms, now_ms, query.time_unit)
        return fields if full else _short(fields)

    return _one_or_many(exchange, query, ticker, MOST_SYMBOLS)


def _one_or_many(
    exchange: Exchange,
    query: Parameters,
    ticker: Callable[[Listing], Fields],
    most: int | None = None,
) -> object:
    """Return an object where one symbol was named by itself, and a list otherwise."""
    tickers = [ticker(listing) for listing in selected(exchange, query, most)]
    return tickers[0] if "symbol" in query else tickers


def _is_full(query: Parameters) -> bool:
    kind = query.text("type", "FULL")
    if kind not in TYPES:
        raise errors.invalid_ticker_type()
    return kind == "FULL"


def _window_ms(text: str) -> int:
    match = re.fullmatch("([1-9][0-9]?)([mhd])", text)
    if match:
        count, (unit_ms, most) = int(match[1]), _WINDOW_UNITS[match[2]]
        if count <= most:
            return count * unit_ms
    raise errors.invalid_value("windowSize")


def _book(listing: Listing, now_ms: int) -> Fields:
    """Return offers that fit the last trade: its maker's price stands, the other is a tick off."""
    last = listing.sums.last_trade(now_ms)
    tick_e8 = int(listing.market.tick_size * ONE_E8)
    bid_e8 = last.price_e8 if last.is_buyer_maker else last.price_e8 - tick_e8
    return {
        "bidPrice": decimal_text(bid_e8),
        "bidQty": decimal_text(last.quantity_e8),
        "askPrice": decimal_text(bid_e8 + tick_e8),
        "askQty": decimal_text(last.quantity_e8),
    }


def _statistics(listing: Listing, span: Span, start_ms: int, now_ms: int, unit: TimeUnit) -> Fields:
    kline = span.kline
    change_e8 = kline.close_e8 - kline.open_e8
    percent_e3 = _divided(change_e8 * 100_000, kline.open_e8 or 1)
    average_e8 = _divided(kline.quote_volume_e8 * ONE_E8, kline.volume_e8 or 1)
    return {
        "symbol": listing.market.symbol,
        "priceChange": _signed(change_e8, 8),
        "priceChangePercent": _signed(percent_e3, 3),
        "weightedAvgPrice": decimal_text(average_e8),
        "openPrice": decimal_text(kline.open_e8),
        "highPrice": decimal_text(kline.high_e8),
        "lowPrice": decimal_text(kline.low_e8),
        "lastPrice": decimal_text(kline.close_e8),
        "volume": decimal_text(kline.volume_e8),
        "quoteVolume": decimal_text(kline.quote_volume_e8),
        "openTime": unit.time(start_ms),
        "closeTime": unit.time(now_ms),
        "firstId": span.first_trade_id,
        "lastId": span.first_trade_id + kline.trade_count - 1,
        "count": kline.trade_count,
    }


def _short(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if name not in _FULL_ONLY}


def _divided(number: int, divisor: int) -> int:
    """Return the nearest whole quotient; a half goes away from zero."""
    size = (2 * abs(number) + divisor) // (2 * divisor)
    return size if number >= 0 else -size


def _signed(number: int, places: int) -> str:
    """Write a whole number of the last of its decimal places."""
    whole, rest = divmod(abs(number), 10**places)
    return f"{'-' if number < 0 else ''}{whole}.{rest:0{places}d}"
