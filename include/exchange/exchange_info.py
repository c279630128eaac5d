"""Read the symbols of exchangeInfo; a bad entry affects only its own symbol."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from include.records.errors import InvalidAnswerError, UnreadableSymbolError
from include.records.prices import SymbolInfo

# As the exchange writes steps: 0.00000100, and never 1e-6.
# Names of assets, of any script, and states such as TRADING.
NAME_TEXT = re.compile(r"[\w.-]{1,50}")
STEP_TEXT = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")


def read_infos(
    symbols: Sequence[str], entries: Sequence[object], checked_at: datetime
) -> dict[str, SymbolInfo | UnreadableSymbolError]:
    """Read the exchangeInfo entries of symbols, by name; an unreadable one becomes an error.

    Args:
        symbols: Those requested; one that is not listed has no entry, and is omitted.
        entries: Untrusted.
        checked_at: When the exchange stated them, aware UTC.
    """
    found: dict[str, SymbolInfo | UnreadableSymbolError] = {}
    nameless = None
    for entry in entries:
        match entry:
            # Nobody stores what was not asked for.
            case {"symbol": str(symbol)} if symbol not in symbols:
                continue
            case {"symbol": str(symbol), **fields}:
                try:
                    found[symbol] = _info(symbol, fields, checked_at)
                except InvalidAnswerError as error:
                    found[symbol] = UnreadableSymbolError(symbol, str(error))
            case other:
                nameless = InvalidAnswerError("an entry of exchangeInfo names no symbol", other)
    if nameless:
        # It may be the entry of any missing symbol.
        absent = [symbol for symbol in symbols if symbol not in found]
        found |= {symbol: UnreadableSymbolError(symbol, str(nameless)) for symbol in absent}
    return found


def _info(symbol: str, fields: Mapping[object, object], checked_at: datetime) -> SymbolInfo:
    match fields:
        case {
            "status": str(status),
            "baseAsset": str(base_asset),
            "quoteAsset": str(quote_asset),
            "filters": list(filters),
        } if all(map(NAME_TEXT.fullmatch, (status, base_asset, quote_asset))):
            return SymbolInfo(
                symbol=symbol,
                status=status,
                base_asset=base_asset,
                quote_asset=quote_asset,
                tick_size=_step(filters, "PRICE_FILTER", "tickSize"),
                step_size=_step(filters, "LOT_SIZE", "stepSize"),
                checked_at=checked_at,
            )
        case _:
            wanted = ("status", "baseAsset", "quoteAsset", "filters")
            lacking = [name for name in wanted if not _is_readable(fields.get(name))]
            raise InvalidAnswerError(
                f"its entry in exchangeInfo has no readable {' and no '.join(lacking or wanted)}",
                fields,
            )


def _is_readable(value: object) -> bool:
    return isinstance(value, list) or (isinstance(value, str) and bool(NAME_TEXT.fullmatch(value)))


def _step(filters: Sequence[object], kind: str, name: str) -> Decimal:
    """Return a step size from a symbol's filters; zero means there is no such rule."""
    for each in filters:
        match each:
            case {"filterType": str(found), **fields} if found == kind:
                return _step_size(kind, name, fields.get(name))
    raise InvalidAnswerError(f"its entry in exchangeInfo has no {kind}", filters)


def _step_size(kind: str, name: str, sent: object) -> Decimal:
    if not isinstance(sent, str) or not STEP_TEXT.fullmatch(sent):
        raise InvalidAnswerError(f"the {name} of its {kind} in exchangeInfo is not a step", sent)
    return Decimal(sent)
