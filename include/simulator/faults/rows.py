"""Spoiling the rows of an answer: pure functions of the JSON content."""

from __future__ import annotations

from include.simulator.faults.faults import Rows, Status
from include.simulator.tapes.klines import Row, decimal_text
from include.simulator.tapes.tapes import ONE_E8

PRICES = (1, 2, 3, 4)
CLOSE, VOLUME, CLOSE_TIME, QUOTE_VOLUME, TRADE_COUNT = 4, 5, 6, 7, 8
# A tenth of a coin: enough to be seen in any average.
REVISION_E8 = ONE_E8 // 10
YEAR_MS = 365 * 86_400_000


def spoil_rows(rows: list[Row], effect: Rows, now_ms: int) -> list[Row]:
    """Return klines with a fault applied.

    Args:
        rows: As the exchange has them, times in milliseconds.
        effect: Which rows, and what is wrong with them.
        now_ms: The server's clock, milliseconds since the epoch.
    """
    if effect.change == "unsettled":
        since_ms = now_ms - effect.seconds * 1000
        return [row for row in rows if int(row[CLOSE_TIME]) < since_ms]
    return [
        spoiled
        for row in rows
        for spoiled in (
            _spoil(row, effect.change) if effect.from_ms <= int(row[0]) < effect.until_ms else [row]
        )
    ]


def spoil_statuses(content: dict[str, object], effect: Status) -> dict[str, object]:
    """Return exchangeInfo with another status of one symbol, or of all."""
    symbols = content.get("symbols")
    if not isinstance(symbols, list):
        return content
    return content | {
        "symbols": [
            entry | {"status": effect.status} if effect.symbol in {None, entry["symbol"]} else entry
            for entry in symbols
        ]
    }


def _spoil(row: Row, change: str) -> list[Row]:
    spoiled = list(row)
    if change == "missing":
        return []
    if change == "duplicated":
        return [row, spoiled]
    if change == "revised":
        _add_trade(spoiled)
    elif change == "off_grid":
        spoiled[0] = int(row[0]) + 1
    elif change == "unclosed":
        spoiled[CLOSE_TIME] = int(row[CLOSE_TIME]) + YEAR_MS
    elif change == "off_tick":
        for place in PRICES:
            spoiled[place] = decimal_text(_e8(row[place]) + 1)
    elif change == "not_a_number":
        spoiled[CLOSE] = "NaN"
    else:
        spoiled[CLOSE] = "123456789012345678901234567890.12345678"
    return [spoiled]


def _add_trade(row: Row) -> None:
    """Add a trade at the close, as a late one would: volume, quote volume and count agree."""
    value_e8 = _e8(row[CLOSE]) * REVISION_E8 // ONE_E8
    row[VOLUME] = decimal_text(_e8(row[VOLUME]) + REVISION_E8)
    row[QUOTE_VOLUME] = decimal_text(_e8(row[QUOTE_VOLUME]) + value_e8)
    row[TRADE_COUNT] = int(row[TRADE_COUNT]) + 1


def _e8(text: int | str) -> int:
    whole, _, decimals = str(text).partition(".")
    return int(whole) * ONE_E8 + int(decimals.ljust(8, "0"))
