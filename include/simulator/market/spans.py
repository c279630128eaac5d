"""What was traded in any span of a tape, added up from whole minutes that are computed once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from include.simulator.tapes.klines import Kline, build_kline, join
from include.simulator.tapes.tapes import MINUTE_MS, Tape, Trade

# Where a tape has no trade at all yet.
NO_TRADE = Trade(0, 0, 0, is_buyer_maker=False, trade_count=0)
# Two weeks: no span that is asked for reaches further back (long_klines.py).
KEPT_MINUTES = 14 * 24 * 60


class Span(NamedTuple):
    """What was traded in a span.

    Attributes:
        kline: The span's prices, sums and trade count.
        first_trade_id: Id of its first trade; its others follow without a gap.
        previous_close_e8: Price of the last trade before it, in 1e-8.
        last_trade: The last trade up to its end.
    """

    kline: Kline
    first_trade_id: int
    previous_close_e8: int
    last_trade: Trade


class SpanSums:
    """Sums over the trades of one tape."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._minute_kline = lru_cache(maxsize=KEPT_MINUTES)(self._build_minute)

    def kline(self, start_ms: int, end_ms: int) -> Kline:
        """Return the kline of a half-open span, milliseconds since the epoch.

        A span without trades is flat at the price of the last trade before it.
        """
        pieces = [piece for piece in self._pieces(start_ms, end_ms) if piece.trade_count]
        return join(pieces) if pieces else build_kline((), self._trade_before(start_ms).price_e8)

    def span(self, start_ms: int, end_ms: int) -> Span:
        """Return all that tickers report on a half-open span of at least one whole minute."""
        minute, offset_ms = divmod(start_ms, MINUTE_MS)
        trades = self._tape.trades_in(minute)
        return Span(
            kline=self.kline(start_ms, end_ms),
            first_trade_id=self._tape.trade_ids.first_of(minute)
            + sum(trade.trade_count for trade in trades[: _place(trades, offset_ms)]),
            previous_close_e8=self._trade_before(start_ms).price_e8,
            last_trade=self._trade_before(end_ms),
        )

    def last_trade(self, now_ms: int) -> Trade:
        """Return the last trade up to a moment, inclusive."""
        return self._trade_before(now_ms + 1)

    def _trade_before(self, moment_ms: int) -> Trade:
        minute, offset_ms = divmod(moment_ms, MINUTE_MS)
        trades = self._tape.trades_in(minute)
        place = _place(trades, offset_ms)
        found = trades[place - 1] if place else self._tape.last_before(minute)
        return found or (trades[0] if trades else NO_TRADE)

    def _pieces(self, start_ms: int, end_ms: int) -> Iterator[Kline]:
        begin_ms, stop_ms = self._tape.span_ms()
        start_ms, end_ms = max(start_ms, begin_ms), min(end_ms, stop_ms)
        for minute in range(start_ms // MINUTE_MS, -(-end_ms // MINUTE_MS)):
            first_ms = max(start_ms - minute * MINUTE_MS, 0)
            last_ms = min(end_ms - minute * MINUTE_MS, MINUTE_MS)
            if last_ms - first_ms == MINUTE_MS:
                yield self._minute_kline(self._tape.content_key(minute))
            else:
                trades = self._tape.trades_in(minute)
                yield build_kline(trades[_place(trades, first_ms) : _place(trades, last_ms)], 0)

    def _build_minute(self, key: int) -> Kline:
        return build_kline(self._tape.trades_in(key), 0)


def _place(trades: Sequence[Trade], offset_ms: int) -> int:
    return bisect_left(trades, offset_ms, key=lambda trade: trade.offset_ms)
