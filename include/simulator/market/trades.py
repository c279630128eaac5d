"""Single trades of a tape: the most recent ones, or a page of history from an id."""

from __future__ import annotations

from include.simulator.market.exchange import Exchange
from include.simulator.market.paging import Numbered, Pages
from include.simulator.requests.parameters import Parameters
from include.simulator.requests.time_units import TimeUnit
from include.simulator.tapes.klines import decimal_text
from include.simulator.tapes.tapes import Tape, Trade


def trades(exchange: Exchange, query: Parameters, now_ms: int) -> object:
    """Return the most recent trades, by id, ascending.

    One row, as in the exchange's documentation:
    {"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012",
    "time":1499865549590,"isBuyerMaker":true,"isBestMatch":true}
    """
    pages = _pages(exchange.listing(query.text("symbol")).tape)
    return [_row(trade, query.time_unit) for trade in pages.newest(now_ms, query.limit())]


def historical_trades(exchange: Exchange, query: Parameters, now_ms: int) -> object:
    """Return trades from an id on, inclusive, or the most recent ones without an id."""
    from_id = query.integer("fromId")
    if from_id is None:
        return trades(exchange, query, now_ms)
    pages = _pages(exchange.listing(query.text("symbol")).tape)
    page = pages.from_id(from_id, now_ms, query.limit())
    return [_row(trade, query.time_unit) for trade in page]


def _pages(tape: Tape) -> Pages[Trade]:
    return Pages(tape, tape.trade_ids, tape.trades_in if tape.has_trades else _none)


def _none(_minute: int) -> tuple[Trade, ...]:
    return ()


def _row(numbered: Numbered[Trade], unit: TimeUnit) -> dict[str, object]:
    trade = numbered.trade
    return {
        "id": numbered.id,
        "price": decimal_text(trade.price_e8),
        "qty": decimal_text(trade.quantity_e8),
        "quoteQty": decimal_text(trade.value_e8),
        "time": unit.time(numbered.time_ms),
        "isBuyerMaker": trade.is_buyer_maker,
        "isBestMatch": True,
    }
