"""The symbols of a measurement: some that the simulator replays or generates, then made-up ones."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

LISTED = (
    *("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT"),
    *("DOGEUSDT", "ADAUSDT", "TRXUSDT", "AVAXUSDT", "LINKUSDT"),
)
# Half the exchange's weight limit of 6,000 a minute, by six for each: the plan takes the rest.
MOST_SYMBOLS = 490


def symbol_count(text: str) -> int:
    """Read an option that says how many symbols to measure, for argparse."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_SYMBOLS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST_SYMBOLS}")
    return int(text)


def first_symbols(count: int) -> tuple[str, ...]:
    """Return so many symbols, made-up ones after the ten that have names of their own."""
    made_up = (f"M{number:03}USDT" for number in range(1, count - len(LISTED) + 1))
    return (*LISTED, *made_up)[:count]


def simulator_options(symbols: Sequence[str]) -> tuple[str, ...]:
    """Return the simulator's options with which it lists these symbols."""
    made_up_count = len(set(symbols) - set(LISTED))
    return ("--made-up", str(made_up_count)) if made_up_count else ()
