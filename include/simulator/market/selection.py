"""Selection of listings by a request's symbol, symbols and symbolStatus."""

from __future__ import annotations

import json

from include.simulator.market.exchange import Exchange, Listing
from include.simulator.requests import errors
from include.simulator.requests.parameters import Parameters

# Every listing trades all the time.
STATUS = "TRADING"
STATUSES = {STATUS, "HALT", "BREAK"}


def selected(exchange: Exchange, query: Parameters, most: int | None = None) -> list[Listing]:
    """Return the listings that a request asks for, in its order; all where it names none.

    Args:
        exchange: What is listed.
        query: The request.
        most: Most symbols in its list; None for no bound.

    Raises:
        ApiError: If a symbol is unknown or repeated, there are too many, symbol and symbols are
            both sent, the status is unknown, or a single symbol has another status.
    """
    listings = [exchange.listing(symbol) for symbol in _symbols(exchange, query, most)]
    status = query.text("symbolStatus", STATUS)
    if status not in STATUSES:
        raise errors.invalid_symbol_status()
    if status == STATUS:
        return listings
    if "symbol" in query:
        raise errors.other_symbol_status()
    return []


def _symbols(exchange: Exchange, query: Parameters, most: int | None) -> list[str]:
    if "symbol" in query and "symbols" in query:
        raise errors.invalid_combination()
    if "symbol" in query:
        return [query.text("symbol")]
    if "symbols" not in query:
        return list(exchange.listings)
    symbols: list[str] = json.loads(query.text("symbols"))
    if most is not None and len(symbols) > most:
        raise errors.too_many_values("symbols", most)
    if len(set(symbols)) < len(symbols):
        raise errors.repeated_symbol()
    return symbols
