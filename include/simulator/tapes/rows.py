"""Rows of the archive's files as exact records, or the reason why a line is not one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from include.simulator.tapes.columns import arrangement, is_header
from include.simulator.tapes.files import (
    AGG_TRADES,
    MINUTES,
    SECONDS,
    TRADES,
    TapeError,
    TapeFile,
    lines,
    refusal,
)
from include.simulator.tapes.klines import Kline
from include.simulator.tapes.tapes import LEAST_MICROSECONDS, MINUTE_MS, ONE_E8, SECOND_MS

# A price or an amount: the exchange states twenty digits before the point, and eight after it.
NUMBER = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,8})0*)?")
WHOLE = re.compile(r"[0-9]{1,18}")
MOST_E8 = 10**28
# More matches than any row stands for, and few enough to be added up over any tape.
MOST_TRADES = 10**9
# 2000 and 2100: seconds and nanoseconds lie far outside.
EARLIEST_MS, LATEST_MS = 946_684_800_000, 4_102_444_800_000
FLAGS = {"True": True, "true": True, "TRUE": True, "False": False, "false": False, "FALSE": False}
# A fill that was taken back keeps its number and has no trades: the exchange's notice, 2022-04-12.
TAKEN_BACK = "-1"


class TradeRow(NamedTuple):
    """A trade, or the fills of one order.

    Attributes:
        key: The exchange's id of it.
        time_ms: When, milliseconds since the epoch.
        price_e8: Quote asset per base asset, in 1e-8; 0 where a fill was taken back.
        quantity_e8: Base asset, in 1e-8.
        value_e8: Quote asset, in 1e-8, truncated.
        trade_count: Trades it stands for.
        is_buyer_maker: True where the taker sold.
        stated: What else the line says of it: the quote amount, or the first trade's id.
    """

    key: int
    time_ms: int
    price_e8: int
    quantity_e8: int
    value_e8: int
    trade_count: int
    is_buyer_maker: bool
    stated: int | None


class KlineRow(NamedTuple):
    """A kline.

    Attributes:
        key: Its open time, milliseconds since the epoch.
        kline: What was traded in it.
    """

    key: int
    kline: Kline

    @property
    def time_ms(self) -> int:
        """Its open time, milliseconds since the epoch."""
        return self.key


Row = TradeRow | KlineRow


def read_rows(file: TapeFile) -> Iterator[tuple[int, Row]]:
    """Yield the number of each line of a file, from 1, and what it says.

    Raises:
        TapeError: The file is damaged, has no row, or has a line that is not such a row.
    """
    arranged: Callable[[list[str]], list[str]] | None = None
    has_rows = False
    for number, cells in lines(file):
        try:
            if arranged is None:
                arranged = arrangement(file.kind, cells)
                if is_header(cells):
                    continue
            row = _PARSED[file.kind](arranged(cells))
        except ValueError as error:
            raise refusal(file, number, str(error)) from error
        if file.span and not file.span[0] <= row.time_ms // MINUTE_MS < file.span[1]:
            raise refusal(
                file, number, f"{row.time_ms} ms is outside the day or month in the file's name"
            )
        has_rows = True
        yield number, row
    if not has_rows:
        raise TapeError(f"{file.path.name} has no row; fetch it again, or leave it out")


def e8(text: str) -> int:
    """Return a decimal of at most twenty places before the point and eight after it, in 1e-8.

    Raises:
        ValueError: It is none.
    """
    found = NUMBER.fullmatch(text)
    if not found:
        raise ValueError(
            f"{text[:40]!r} is not a price or quantity with up to twenty digits before the point "
            "and eight after it"
        )
    return int(found[1] + (found[2] or "").ljust(8, "0"))


def time_ms(text: str) -> int:
    """Return a time in milliseconds; microseconds, by their size, are cut off to them.

    Raises:
        ValueError: It is none.
    """
    number = _whole(text)
    found = number // 1000 if number >= LEAST_MICROSECONDS else number
    if not EARLIEST_MS <= found < LATEST_MS:
        raise ValueError(f"{text!r} is not a time in milliseconds or microseconds since 1970")
    return found


def _whole(text: str) -> int:
    if not WHOLE.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not an id, count or time")
    return int(text)


def _is_true(text: str) -> bool:
    if text not in FLAGS:
        raise ValueError(f"{text[:40]!r} is neither True nor False")
    return FLAGS[text]


def _trade(cells: list[str]) -> TradeRow:
    number, price, quantity, quote, at, is_buyer_maker, is_best_match = cells
    prices = _traded(price, quantity)
    if is_best_match:
        _is_true(is_best_match)
    return TradeRow(
        _whole(number),
        time_ms(at),
        *prices,
        1,
        _is_true(is_buyer_maker),
        e8(quote) if quote else None,
    )


def _agg_trade(cells: list[str]) -> TradeRow:
    number, price, quantity, first, last, at, is_buyer_maker, is_best_match = cells
    if is_best_match:
        _is_true(is_best_match)
    key, at_ms, is_maker = _whole(number), time_ms(at), _is_true(is_buyer_maker)
    if first == last == TAKEN_BACK and not e8(price) and not e8(quantity):
        return TradeRow(key, at_ms, 0, 0, 0, 0, is_maker, None)
    prices = _traded(price, quantity)
    first_id, last_id = _whole(first), _whole(last)
    if not 0 <= last_id - first_id < MOST_TRADES:
        raise ValueError(f"its last trade is {last_id}, its first {first_id}")
    return TradeRow(key, at_ms, *prices, last_id - first_id + 1, is_maker, first_id)


def _traded(price: str, quantity: str) -> tuple[int, int, int]:
    price_e8, quantity_e8 = e8(price), e8(quantity)
    if not (price_e8 and quantity_e8):
        raise ValueError(f"a price of {price} and a quantity of {quantity} are not a trade")
    value_e8 = price_e8 * quantity_e8 // ONE_E8
    if value_e8 >= MOST_E8:
        raise ValueError(f"{price} x {quantity} has more than twenty digits before the point")
    return price_e8, quantity_e8, value_e8


def _kline(cells: list[str], length_ms: int) -> KlineRow:
    opens_at, closes_at = _whole(cells[0]), _whole(cells[6])
    open_ms = time_ms(cells[0])
    length = length_ms * 1000 if opens_at >= LEAST_MICROSECONDS else length_ms
    if opens_at % length or closes_at - opens_at != length - 1:
        raise ValueError(f"{opens_at} to {closes_at} is not a whole interval of {length_ms} ms")
    trade_count = _whole(cells[8])
    if trade_count >= MOST_TRADES:
        raise ValueError(f"{trade_count} trades are more than possible")
    sums = (e8(cells[5]), e8(cells[7]), trade_count, e8(cells[9]), e8(cells[10]))
    opens, high, low, close = map(e8, cells[1:5])
    kline = Kline(opens, high, low, close, *sums)
    _judge(kline)
    return KlineRow(open_ms, kline)


def _judge(kline: Kline) -> None:
    """Refuse a kline that no trades add up to: played, it would come out as another."""
    opens, high, low, close, volume, quote, trade_count, taker, taker_quote = kline
    if not low <= min(opens, close) <= max(opens, close) <= high:
        raise ValueError("its open and close are not within its low and high")
    if not trade_count and (high > low or volume or quote or taker or taker_quote):
        raise ValueError("it has no trades, but volume or a price that moves")
    if trade_count and not low:
        raise ValueError("it has trades at a price of 0")
    if taker > volume or taker_quote > quote:
        raise ValueError("takers bought more than was traded")


_PARSED: dict[str, Callable[[list[str]], Row]] = {
    TRADES: _trade,
    AGG_TRADES: _agg_trade,
    SECONDS: lambda cells: _kline(cells, SECOND_MS),
    MINUTES: lambda cells: _kline(cells, MINUTE_MS),
}
