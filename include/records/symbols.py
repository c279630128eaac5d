"""What can be a symbol: the one definition, for every way in."""

from __future__ import annotations

import re
import unicodedata

# Binance's own rule, as its error -1100 states it: ^[\w\-._&&[^a-z]]{1,50}$, of any script. Symbols
# name files and folders too, so none may be hidden or mean the folder above.
_SYMBOL = re.compile(r"(?!\.)(?:(?![a-z])[\w.-]){1,50}")
_SHOWN = 60


def read_symbol(text: str) -> str:
    """Return the symbol that somebody wrote, as the exchange lists it.

    Whether it is listed only the exchange knows.

    Args:
        text: Blanks around it do not count; letters may be composed or not.

    Returns:
        In Unicode's composed form (NFC), so that two ways to type one symbol are one.

    Raises:
        ValueError: It can be none; the message says what to write.
    """
    symbol = unicodedata.normalize("NFC", text.strip())
    if not _SYMBOL.fullmatch(symbol):
        raise ValueError(f"{text[:_SHOWN]!r} can be no symbol: write it upper case, like BTCUSDT")
    return symbol
