"""Pages of the trades of a tape, by id or by time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, count, islice, takewhile
from typing import Generic, NamedTuple, TypeVar

from include.simulator.tapes.tapes import MINUTE_MS, AggTrade, IdCycle, IdRange, Tape, Trade

TradeT = TypeVar("TradeT", bound=Trade | AggTrade)


class Numbered(NamedTuple, Generic[TradeT]):
    """A trade with its place in the history.

    Attributes:
        id: Its id, one more than that of the trade before.
        minute: Minutes since the epoch.
        time_ms: When it traded, milliseconds since the epoch.
        trade: The trade.
    """

    id: int
    minute: int
    time_ms: int
    trade: TradeT


class Pages(Generic[TradeT]):
    """The trades of a tape in the order of their ids.

    Args:
        tape: Where they begin and end.
        ids: Which ids a minute has.
        trades_in: The trades of a minute.
    """

    def __init__(
        self,
        tape: Tape,
        ids: IdCycle | IdRange,
        trades_in: Callable[[int], Sequence[TradeT]],
    ) -> None:
        self._first_minute, self._end_minute = tape.first_minute, tape.end_minute
        self._ids = ids
        self._trades_in = trades_in

    def from_id(self, from_id: int, end_ms: int, limit: int) -> list[Numbered[TradeT]]:
        """Return trades from an id on, inclusive, up to a moment, inclusive."""
        trades = self._until(self._ids.minute_of(from_id), end_ms)
        return list(islice((trade for trade in trades if trade.id >= from_id), limit))

    def oldest(self, start_ms: int, end_ms: int, limit: int) -> list[Numbered[TradeT]]:
        """Return the oldest trades of a span of time, both ends inclusive."""
        trades = self._until(start_ms // MINUTE_MS, end_ms)
        return list(islice((trade for trade in trades if trade.time_ms >= start_ms), limit))

    def newest(self, end_ms: int, limit: int) -> list[Numbered[TradeT]]:
        """Return the most recent trades up to a moment, inclusive, oldest first."""
        minute = min(end_ms // MINUTE_MS, self._end_minute - 1)
        trades = list(self._until(minute, end_ms))
        while len(trades) < limit and minute > self._first_minute:
            minute -= 1
            trades = [*self._minute(minute), *trades]
        return trades[-limit:]

    def _until(self, first_minute: int, end_ms: int) -> Iterator[Numbered[TradeT]]:
        end_ms = min(end_ms, self._end_minute * MINUTE_MS - 1)
        first_minute = max(first_minute, self._first_minute)
        minutes = takewhile(lambda minute: minute * MINUTE_MS <= end_ms, count(first_minute))
        trades = chain.from_iterable(map(self._minute, minutes))
        return takewhile(lambda trade: trade.time_ms <= end_ms, trades)

    def _minute(self, minute: int) -> Iterator[Numbered[TradeT]]:
        for trade_id, trade in enumerate(self._trades_in(minute), self._ids.first_of(minute)):
            yield Numbered(trade_id, minute, minute * MINUTE_MS + trade.offset_ms, trade)
