"""The one definition of a valid symbol, for every input."""

from __future__ import annotations

import re
import unicodedata

# Binance's own rule, as its error -1100 states it: ^[\w\-._&&[^a-z]]{1,50}$, of any script. Symbols
# name files and folders too, so none may be hidden or mean the folder above; and they are cells of
# tables, where a spreadsheet calculates what begins with a minus.
_SYMBOL = re.compile(r"(?![.-])(?:(?![a-z])[\w.-]){1,50}")
_SHOWN = 60


def read_symbol(text: str) -> str:
    """Normalise user input to a symbol as the exchange lists it.

    Only the exchange knows whether it is listed.

    Args:
        text: Surrounding blanks do not count; letters may be composed or not.

    Returns:
        In Unicode's composed form (NFC), so that two ways to type a symbol give the same one.

    Raises:
        ValueError: It is not a valid symbol; the message says what to write.
    """
    symbol = unicodedata.normalize("NFC", text.strip())
    if not _SYMBOL.fullmatch(symbol):
        raise ValueError(
            f"{text[:_SHOWN]!r} is not a valid symbol: write it in upper case, like BTCUSDT"
        )
    return symbol
