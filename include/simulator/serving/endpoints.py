"""What each endpoint answers: functions of the exchange, the parameters and the moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from include.simulator.market.agg_trades import aggregate_trades
from include.simulator.market.exchange import Exchange, Listing
from include.simulator.market.exchange_info import exchange_info
from include.simulator.market.intervals import LONG_INTERVALS, zone_offset_ms
from include.simulator.market.long_klines import long_rows
from include.simulator.market.tickers import book_tickers, day_tickers, prices, rolling_tickers
from include.simulator.market.trades import historical_trades, trades
from include.simulator.requests import errors
from include.simulator.requests.parameters import Parameters
from include.simulator.requests.time_units import TimeUnit
from include.simulator.requests.weights import day_weight, price_weight, rolling_weight
from include.simulator.tapes.klines import INTERVALS_MS, Row, decimal_text
from include.simulator.tapes.tapes import MINUTE_MS, ONE_E8

AVERAGE_MINUTES = 5
# Column of a kline's close time.
CLOSE_TIME = 6


def ping(_exchange: Exchange, _query: Parameters, _now_ms: int) -> object:
    """Return an empty object, to show that the exchange answers."""
    return {}


def server_time(_exchange: Exchange, query: Parameters, now_ms: int) -> object:
    """Return the exchange's time."""
    return {"serverTime": query.time_unit.time(now_ms)}


def klines(exchange: Exchange, query: Parameters, now_ms: int) -> object:
    """Return klines by open time; the last is the running one."""
    rows = _kline_rows(exchange.listing(query.text("symbol")), query, now_ms)
    if query.time_unit is TimeUnit.MILLISECOND:
        return rows
    return [_in_unit(row, query.time_unit) for row in rows]


def _kline_rows(listing: Listing, query: Parameters, now_ms: int) -> list[Row]:
    interval, offset_ms = query.text("interval"), zone_offset_ms(query.text("timeZone", "0"))
    start_ms, end_ms, limit = query.start_ms(), query.end_ms(now_ms), query.limit()
    # A time zone is whole minutes, so it moves neither seconds nor minutes.
    if interval in INTERVALS_MS:
        return listing.klines.rows(INTERVALS_MS[interval], start_ms, end_ms, now_ms, limit)
    if interval not in LONG_INTERVALS:
        raise errors.invalid_interval()
    return long_rows(
        listing.sums,
        LONG_INTERVALS[interval],
        offset_ms=offset_ms,
        start_ms=start_ms,
        end_ms=end_ms,
        now_ms=now_ms,
        limit=limit,
    )


def _in_unit(row: Row, unit: TimeUnit) -> Row:
    open_ms, close_ms = int(row[0]), int(row[CLOSE_TIME])
    return [unit.time(open_ms), *row[1:CLOSE_TIME], unit.last_of(close_ms), *row[CLOSE_TIME + 1 :]]


def average_price(exchange: Exchange, query: Parameters, now_ms: int) -> object:
    """Return the price of the last five minutes, weighted by quantity, rounded half up."""
    listing = exchange.listing(query.text("symbol"))
    tape, running_minute = listing.tape, now_ms // MINUTE_MS
    timed_trades = [
        (time_ms, trade)
        for minute in range(running_minute - AVERAGE_MINUTES, running_minute + 1)
        for trade in tape.trades_in(minute)
        if now_ms - AVERAGE_MINUTES * MINUTE_MS
        < (time_ms := minute * MINUTE_MS + trade.offset_ms)
        <= now_ms
    ]
    value_e8 = sum(trade.value_e8 for _, trade in timed_trades)
    quantity_e8 = sum(trade.quantity_e8 for _, trade in timed_trades)
    if not quantity_e8:
        price_e8 = listing.sums.last_trade(now_ms).price_e8
        return {
            "mins": AVERAGE_MINUTES,
            "price": decimal_text(price_e8),
            "closeTime": query.time_unit.time(now_ms),
        }
    price_e8 = (2 * value_e8 * ONE_E8 + quantity_e8) // (2 * quantity_e8)
    return {
        "mins": AVERAGE_MINUTES,
        "price": decimal_text(price_e8),
        "closeTime": query.time_unit.time(timed_trades[-1][0]),
    }


@dataclass(frozen=True)
class Endpoint:
    """One path of the API.

    Attributes:
        weight: What a request costs, refused ones included, or how that follows from what was
            sent.
        answer: Makes the JSON content.
        required: Parameters that must be sent.
        optional: Parameters that may be sent.
    """

    weight: int | Callable[[Mapping[str, str]], int]
    answer: Callable[[Exchange, Parameters, int], object]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    def weight_of(self, sent: Mapping[str, str]) -> int:
        """Return what a request costs, given its parameters as they were sent."""
        return self.weight if isinstance(self.weight, int) else self.weight(sent)


_LISTED = ("symbol", "symbols", "symbolStatus")
_SPAN = ("startTime", "endTime", "limit")
# The exchange modifies uiKlines for presentation and does not say how; here they are the klines.
_KLINES = Endpoint(2, klines, required=("symbol", "interval"), optional=(*_SPAN, "timeZone"))
ENDPOINTS = {
    "ping": Endpoint(1, ping),
    "time": Endpoint(1, server_time),
    "exchangeInfo": Endpoint(
        20,
        exchange_info,
        optional=("symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus"),
    ),
    "klines": _KLINES,
    "uiKlines": _KLINES,
    "avgPrice": Endpoint(2, average_price, required=("symbol",)),
    "trades": Endpoint(25, trades, required=("symbol",), optional=("limit",)),
    "historicalTrades": Endpoint(
        25, historical_trades, required=("symbol",), optional=("limit", "fromId")
    ),
    "aggTrades": Endpoint(4, aggregate_trades, required=("symbol",), optional=(*_SPAN, "fromId")),
    "ticker/price": Endpoint(price_weight, prices, optional=_LISTED),
    "ticker/bookTicker": Endpoint(price_weight, book_tickers, optional=_LISTED),
    "ticker/24hr": Endpoint(day_weight, day_tickers, optional=(*_LISTED, "type")),
    "ticker": Endpoint(rolling_weight, rolling_tickers, optional=(*_LISTED, "windowSize", "type")),
}
