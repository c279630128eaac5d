"""The columns of the archive's files.

Files of today have no header; some collections add one, and leave columns out. The columns:
https://github.com/binance/binance-public-data
"""

from __future__ import annotations

from collections.abc import Callable

from include.simulator.tapes.files import AGG_TRADES, MINUTES, SECONDS, TRADES

COLUMNS = {
    TRADES: ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"),
    AGG_TRADES: (
        "id",
        "price",
        "qty",
        "first_trade_id",
        "last_trade_id",
        "time",
        "is_buyer_maker",
        "is_best_match",
    ),
}
COLUMNS[SECONDS] = COLUMNS[MINUTES] = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
)
# Other names of the same columns, in headers of the archive's futures files and of collections.
SAME = {
    "trade_id": "id",
    "agg_trade_id": "id",
    "quantity": "qty",
    "time_ms": "time",
    "transact_time": "time",
}
# What a header may leave out.
SPARE = {"quote_qty", "is_best_match", "ignore"}
# Without a header; older files of trades lack the last column, which is always true.
WIDTHS = {TRADES: (6, 7), AGG_TRADES: (7, 8), SECONDS: (12,), MINUTES: (12,)}


def is_header(cells: list[str]) -> bool:
    """Tell whether a line names columns."""
    return cells[0][:1].isalpha()


def arrangement(kind: str, first: list[str]) -> Callable[[list[str]], list[str]]:
    """Return a function that puts a line's cells into the archive's order; missing ones are empty.

    Args:
        kind: Of the file.
        first: Its first line, a header or a row.

    Raises:
        ValueError: It is neither; the function raises it for a line of another width.
    """
    names = COLUMNS[kind]
    header = [SAME.get(name, name) for name in first] if is_header(first) else None
    if header:
        unknown = [name for name in header if name not in names or header.count(name) > 1]
        missing = [name for name in names if name not in header and name not in SPARE]
        if unknown:
            raise ValueError(f"{unknown[0][:40]!r} is not a column of {kind}, or appears twice")
        if missing:
            raise ValueError(f"the column {missing[0]} is missing")
    elif len(first) not in (widths := WIDTHS[kind]):
        raise ValueError(f"{len(first)} columns, not {' or '.join(map(str, widths))}")
    present = header or names[: len(first)]
    places = [present.index(name) if name in present else -1 for name in names]

    def arranged(cells: list[str]) -> list[str]:
        if len(cells) != len(first):
            raise ValueError(f"{len(cells)} columns, not {len(first)} as in the first line")
        return [cells[place] if place >= 0 else "" for place in places]

    return arranged
