"""The exchangeInfo payload: limits, and the grids of price and quantity per symbol."""

from __future__ import annotations

import re

from include.simulator.market.exchange import Exchange, Listing
from include.simulator.market.markets import Market
from include.simulator.market.selection import STATUS, selected
from include.simulator.requests import errors
from include.simulator.requests.parameters import Parameters
from include.simulator.requests.rate_limit import RAW_REQUESTS_MINUTES

MOST_SYMBOLS = 100
# Of every listing; other known ones match none.
PERMISSIONS = ["SPOT", "MARGIN"]
KNOWN_PERMISSION = "SPOT|MARGIN|LEVERAGED|TRD_GRP_[0-9]{3}"


def exchange_info(exchange: Exchange, query: Parameters, now_ms: int) -> dict[str, object]:
    """Return the limits and the symbols asked for, all of them by default."""
    permission_sets = query.text("showPermissionSets", "true")
    if permission_sets not in {"true", "false"}:
        raise errors.invalid_value("showPermissionSets")
    symbols = [
        _symbol(listing.market, with_permission_sets=permission_sets == "true")
        for listing in _wanted(exchange, query)
    ]
    return {
        "timezone": "UTC",
        "serverTime": query.time_unit.time(now_ms),
        "rateLimits": [
            _rate_limit("REQUEST_WEIGHT", "MINUTE", 1, exchange.weight_limit),
            _rate_limit("ORDERS", "SECOND", 10, 100),
            _rate_limit("ORDERS", "DAY", 1, 200_000),
            _rate_limit("RAW_REQUESTS", "MINUTE", RAW_REQUESTS_MINUTES, exchange.requests_limit),
        ],
        "exchangeFilters": [],
        "symbols": symbols,
    }


def _wanted(exchange: Exchange, query: Parameters) -> list[Listing]:
    named = "symbol" in query or "symbols" in query
    if named and ("permissions" in query or "symbolStatus" in query):
        raise errors.invalid_combination()
    listings = selected(exchange, query, MOST_SYMBOLS)
    permissions = set(re.findall("[A-Z0-9_]+", query.text("permissions")))
    if not all(re.fullmatch(KNOWN_PERMISSION, permission) for permission in permissions):
        raise errors.invalid_value("permissions")
    if permissions and permissions.isdisjoint(PERMISSIONS):
        return []
    return listings


def _symbol(market: Market, *, with_permission_sets: bool) -> dict[str, object]:
    return {
        "symbol": market.symbol,
        "status": STATUS,
        "baseAsset": market.base_asset,
        "baseAssetPrecision": 8,
        "quoteAsset": market.quote_asset,
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
    } | ({"permissionSets": [PERMISSIONS]} if with_permission_sets else {})


def _rate_limit(kind: str, interval: str, interval_count: int, limit: int) -> dict[str, object]:
    return {
        "rateLimitType": kind,
        "interval": interval,
        "intervalNum": interval_count,
        "limit": limit,
    }
