"""Rows of a tape as events, which the simulator plays one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from include.simulator.tapes.files import MINUTES
from include.simulator.tapes.klines import Kline
from include.simulator.tapes.minute_split import split_minute
from include.simulator.tapes.rows import Row, TradeRow
from include.simulator.tapes.tapes import SECOND_MS


class Event(NamedTuple):
    """A trade, fills of one order, or what a kline knows of its trades.

    Attributes:
        time_ms: When, milliseconds since the epoch.
        price_e8: Quote asset per base asset, in 1e-8.
        quantity_e8: Base asset, in 1e-8; 0 for a mere mark of a price.
        value_e8: Quote asset, in 1e-8.
        trade_count: Trades it stands for.
        is_buyer_maker: True where the taker sold.
    """

    time_ms: int
    price_e8: int
    quantity_e8: int
    value_e8: int
    trade_count: int
    is_buyer_maker: bool


def events_of(row: Row, kind: str, tick_e8: int) -> Iterator[Event]:
    """Yield a row's events; none for a kline without trades.

    Args:
        row: A line of a file.
        kind: Of the file.
        tick_e8: Smallest step of a price, in 1e-8, where a minute is split into seconds.
    """
    if isinstance(row, TradeRow):
        yield Event(*row[1:7])
    elif kind == MINUTES:
        for place, second in split_minute(row.kline, tick_e8):
            yield from _sums_and_marks(row.key + place * SECOND_MS, second)
    else:
        yield from _sums_and_marks(row.key, row.kline)


def _sums_and_marks(open_ms: int, kline: Kline) -> Iterator[Event]:
    """Yield events that add up to a kline: its sums at the open, then marks of its prices."""
    opens, high, low, close, volume, quote, trades, taker, taker_quote = kline
    if not trades:
        return
    # One order each way carries the sums; a count of one leaves the other none.
    has_bought, has_sold = taker or taker_quote, volume > taker or quote > taker_quote
    bought = max(1, trades // 2) if has_bought and has_sold else trades if has_bought else 0
    if has_bought:
        yield Event(open_ms, opens, taker, taker_quote, bought, is_buyer_maker=False)
    if has_sold or not has_bought:
        yield Event(open_ms, opens, volume - taker, quote - taker_quote, trades - bought, True)  # noqa: FBT003
    for place, price_e8 in enumerate((high, low, close), start=1):
        yield Event(open_ms + place, price_e8, 0, 0, 0, is_buyer_maker=False)
