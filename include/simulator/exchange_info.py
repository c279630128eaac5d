"""The exchangeInfo payload: limits, and the grids of price and quantity per symbol."""

from __future__ import annotations

import json

from include.simulator import errors
from include.simulator.exchange import Exchange
from include.simulator.markets import QUOTE_ASSET, Market
from include.simulator.parameters import Parameters

MOST_SYMBOLS = 100


def exchange_info(exchange: Exchange, query: Parameters, now_ms: int) -> dict[str, object]:
    """Tell the limits and the symbols asked for, all of them by default."""
    permission_sets = query.text("showPermissionSets", "true")
    if permission_sets not in {"true", "false"}:
        raise errors.invalid_value("showPermissionSets")
    symbols = [
        _symbol(exchange.listing(symbol).market, with_permission_sets=permission_sets == "true")
        for symbol in _wanted_symbols(exchange, query)
    ]
    return {
        "timezone": "UTC",
        "serverTime": query.time_unit.time(now_ms),
        "rateLimits": [
            _rate_limit("REQUEST_WEIGHT", "MINUTE", 1, exchange.weight_limit),
            _rate_limit("ORDERS", "SECOND", 10, 100),
            _rate_limit("ORDERS", "DAY", 1, 200_000),
            _rate_limit("RAW_REQUESTS", "MINUTE", 5, 300_000),
        ],
        "exchangeFilters": [],
        "symbols": symbols,
    }


def _wanted_symbols(exchange: Exchange, query: Parameters) -> list[str]:
    if "symbol" in query and "symbols" in query:
        raise errors.invalid_combination()
    if "symbol" in query:
        return [query.text("symbol")]
    if "symbols" not in query:
        return list(exchange.listings)
    symbols: list[str] = json.loads(query.text("symbols"))
    if len(symbols) > MOST_SYMBOLS:
        raise errors.too_many_values("symbols", MOST_SYMBOLS)
    if len(set(symbols)) < len(symbols):
        raise errors.repeated_symbol()
    return symbols


def _symbol(market: Market, *, with_permission_sets: bool) -> dict[str, object]:
    return {
        "symbol": market.symbol,
        "status": "TRADING",
        "baseAsset": market.base_asset,
        "baseAssetPrecision": 8,
        "quoteAsset": QUOTE_ASSET,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "isSpotTradingAllowed": True,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": f"{market.tick_size:.8f}",
                "maxPrice": "1000000.00000000",
                "tickSize": f"{market.tick_size:.8f}",
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": f"{market.step_size:.8f}",
                "maxQty": "9000000.00000000",
                "stepSize": f"{market.step_size:.8f}",
            },
        ],
        "permissions": [],
    } | ({"permissionSets": [["SPOT", "MARGIN"]]} if with_permission_sets else {})


def _rate_limit(kind: str, interval: str, interval_count: int, limit: int) -> dict[str, object]:
    return {
        "rateLimitType": kind,
        "interval": interval,
        "intervalNum": interval_count,
        "limit": limit,
    }
