"""Aggregate trades of a tape, paged by id or by time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count, islice, takewhile
from typing import TypedDict

from include.simulator.klines import decimal_text
from include.simulator.tapes import MINUTE_MS, Tape


class Row(TypedDict):
    """One aggregate trade in the exchange's letters.

    Attributes:
        a: Aggregate id.
        p: Price, quote asset per base asset.
        q: Quantity, base asset.
        f: Id of its first trade.
        l: Id of its last trade, inclusive.
        T: When it traded, milliseconds since the epoch.
        m: True where the taker sold.
        M: Always true; the exchange keeps it for old clients.
    """

    a: int
    p: str
    q: str
    f: int
    l: int  # noqa: E741 - the exchange's name
    T: int
    m: bool
    M: bool


def rows_from_id(tape: Tape, from_id: int, end_ms: int, limit: int) -> list[Row]:
    """Return aggregate trades from an id on, inclusive, up to a moment, inclusive."""
    rows = _rows_until(tape, tape.agg_trade_ids.minute_of(from_id), end_ms)
    return list(islice((row for row in rows if row["a"] >= from_id), limit))


def oldest_rows(tape: Tape, start_ms: int, end_ms: int, limit: int) -> list[Row]:
    """Return the oldest aggregate trades of a span of time, both ends inclusive."""
    rows = _rows_until(tape, start_ms // MINUTE_MS, end_ms)
    return list(islice((row for row in rows if row["T"] >= start_ms), limit))


def newest_rows(tape: Tape, end_ms: int, limit: int) -> list[Row]:
    """Return the most recent aggregate trades up to a moment, inclusive, oldest first."""
    minute = end_ms // MINUTE_MS
    rows = list(_rows_until(tape, minute, end_ms))
    while len(rows) < limit and minute > 0:
        minute -= 1
        rows = [*_rows_in(tape, minute), *rows]
    return rows[-limit:]


def _rows_until(tape: Tape, first_minute: int, end_ms: int) -> Iterator[Row]:
    minutes = takewhile(lambda minute: minute * MINUTE_MS <= end_ms, count(first_minute))
    rows = chain.from_iterable(_rows_in(tape, minute) for minute in minutes)
    return takewhile(lambda row: row["T"] <= end_ms, rows)


def _rows_in(tape: Tape, minute: int) -> Iterator[Row]:
    first_trade_id = tape.trade_ids.first_of(minute)
    for agg_id, trade in enumerate(tape.agg_trades_in(minute), tape.agg_trade_ids.first_of(minute)):
        yield Row(
            a=agg_id,
            p=decimal_text(trade.price_e8),
            q=decimal_text(trade.quantity_e8),
            f=first_trade_id + trade.first,
            l=first_trade_id + trade.last,
            T=minute * MINUTE_MS + trade.offset_ms,
            m=trade.is_buyer_maker,
            M=True,
        )
