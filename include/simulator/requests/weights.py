"""The weight of a request, where it depends on what the request asks for."""

from __future__ import annotations

from collections.abc import Mapping


def price_weight(sent: Mapping[str, str]) -> int:
    """Return the weight of ticker/price and ticker/bookTicker: more for a list."""
    return 2 if "symbol" in sent else 4


def day_weight(sent: Mapping[str, str]) -> int:
    """Return the weight of ticker/24hr: by the number of symbols, most for all of them."""
    count = _symbol_count(sent)
    if not count or count > 100:  # noqa: PLR2004 - the exchange's table
        return 80
    return 2 if count <= 20 else 40  # noqa: PLR2004 - the exchange's table


def rolling_weight(sent: Mapping[str, str]) -> int:
    """Return the weight of the rolling ticker: by the number of symbols, up to a cap."""
    return min(4 * max(_symbol_count(sent), 1), 200)


def _symbol_count(sent: Mapping[str, str]) -> int:
    """Return how many symbols are named, also in a list that will be refused; 0 for none."""
    if "symbol" in sent:
        return 1
    return sent["symbols"].count(",") + 1 if "symbols" in sent else 0
