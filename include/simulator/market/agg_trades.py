"""Aggregate trades of a tape, paged by id or by time."""

from __future__ import annotations

from typing import TypedDict

from include.simulator.market.exchange import Exchange
from include.simulator.market.paging import Numbered, Pages
from include.simulator.requests import errors
from include.simulator.requests.parameters import Parameters
from include.simulator.requests.time_units import TimeUnit
from include.simulator.tapes.klines import decimal_text
from include.simulator.tapes.tapes import AggTrade, Tape


class Row(TypedDict):
    """One aggregate trade in the exchange's letters.

    Attributes:
        a: Aggregate id.
        p: Price, quote asset per base asset.
        q: Quantity, base asset.
        f: Id of its first trade.
        l: Id of its last trade, inclusive.
        T: When it traded, since the epoch, in the unit asked for.
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


def aggregate_trades(exchange: Exchange, query: Parameters, now_ms: int) -> object:
    """Return aggregate trades: from an id, from a time, or the most recent."""
    tape = exchange.listing(query.text("symbol")).tape
    page = _page(Pages(tape, tape.agg_trade_ids, tape.agg_trades_in), query, now_ms)
    return [_row(tape, agg_trade, query.time_unit) for agg_trade in page]


def _page(pages: Pages[AggTrade], query: Parameters, now_ms: int) -> list[Numbered[AggTrade]]:
    from_id, start_ms = query.integer("fromId"), query.start_ms()
    end_ms = min(query.end_ms(now_ms), now_ms)
    if from_id is not None:
        if "startTime" in query or "endTime" in query:
            raise errors.invalid_combination()
        return pages.from_id(from_id, end_ms, query.limit())
    if start_ms is not None:
        return pages.oldest(start_ms, end_ms, query.limit())
    return pages.newest(end_ms, query.limit())


def _row(tape: Tape, numbered: Numbered[AggTrade], unit: TimeUnit) -> Row:
    first_trade_id = tape.trade_ids.first_of(numbered.minute)
    trade = numbered.trade
    return Row(
        a=numbered.id,
        p=decimal_text(trade.price_e8),
        q=decimal_text(trade.quantity_e8),
        f=first_trade_id + trade.first,
        l=first_trade_id + trade.last,
        T=unit.time(numbered.time_ms),
        m=trade.is_buyer_maker,
        M=True,
    )
