"""Klines made of a tape's trades, by the exchange's rules."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from include.simulator.tapes.tapes import MINUTE_MS, ONE_E8, SECOND_MS, Tape, Trade

# The intervals whose rows are kept as text; long_klines.py has the others.
INTERVALS_MS = {"1s": SECOND_MS, "1m": MINUTE_MS}

Row = list[int | str]


class Kline(NamedTuple):
    """What was traded in one interval; every number but the count is in 1e-8."""

    open_e8: int
    high_e8: int
    low_e8: int
    close_e8: int
    volume_e8: int
    quote_volume_e8: int
    trade_count: int
    taker_volume_e8: int
    taker_quote_volume_e8: int


class RowText(NamedTuple):
    """A row's columns beside its times: before the close time, and after it."""

    before: tuple[str, ...]
    after: tuple[int | str, ...]


def build_kline(trades: Sequence[Trade], previous_close_e8: int) -> Kline:
    """Build one kline.

    Args:
        trades: The trades of the interval, in the order of their ids.
        previous_close_e8: Price of the last trade before, at which an interval
            without trades is flat.
    """
    if not trades:
        flat_e8 = previous_close_e8
        return Kline(flat_e8, flat_e8, flat_e8, flat_e8, 0, 0, 0, 0, 0)
    prices = [trade.price_e8 for trade in trades]
    taker_bought = [trade for trade in trades if not trade.is_buyer_maker]
    return Kline(
        open_e8=prices[0],
        high_e8=max(prices),
        low_e8=min(prices),
        close_e8=prices[-1],
        volume_e8=sum(trade.quantity_e8 for trade in trades),
        quote_volume_e8=sum(trade.value_e8 for trade in trades),
        trade_count=sum(trade.trade_count for trade in trades),
        taker_volume_e8=sum(trade.quantity_e8 for trade in taker_bought),
        taker_quote_volume_e8=sum(trade.value_e8 for trade in taker_bought),
    )


def join(pieces: Sequence[Kline]) -> Kline:
    """Return the kline of neighbouring spans, each with trades, in the order of time."""
    _, highs, lows, _, *sums = zip(*pieces, strict=True)
    return Kline(pieces[0].open_e8, max(highs), min(lows), pieces[-1].close_e8, *map(sum, sums))


def decimal_text(number_e8: int) -> str:
    """Write a number of 1e-8 as the exchange does, with eight decimals."""
    return f"{number_e8 // ONE_E8}.{number_e8 % ONE_E8:08d}"


def kline_text(kline: Kline) -> RowText:
    """Write a kline's numbers as the exchange does."""
    return RowText(
        before=tuple(map(decimal_text, kline[:5])),
        after=(
            decimal_text(kline.quote_volume_e8),
            kline.trade_count,
            decimal_text(kline.taker_volume_e8),
            decimal_text(kline.taker_quote_volume_e8),
            "0",
        ),
    )


class KlineHistory:
    """The klines of one tape, as of any moment.

    Whole minutes are computed once and kept: the minute's own row, and the rows of its seconds.
    """

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._minute = lru_cache(maxsize=4096)(self._build_minute)
        self._seconds = lru_cache(maxsize=64)(self._build_seconds)
        self._so_far = lru_cache(maxsize=2)(self._build_so_far)

    def rows(
        self, interval_ms: int, start_ms: int | None, end_ms: int, now_ms: int, limit: int
    ) -> list[Row]:
        """Return rows by open time, ascending.

        Args:
            interval_ms: One of INTERVALS_MS.
            start_ms: Open time from which the oldest rows are returned, inclusive; None for
                the most recent rows.
            end_ms: Last open time, inclusive.
            now_ms: The moment asked; the row it lies in is the running one, and holds the
                trades so far.
            limit: Most rows.
        """
        begin_ms, stop_ms = self._tape.span_ms()
        last_ms = min(end_ms, now_ms, stop_ms - 1) // interval_ms * interval_ms
        if start_ms is None:
            newest = islice(self._opens(range(last_ms, begin_ms - 1, -interval_ms)), limit)
            opens = reversed(list(newest))
        else:
            first_ms = max(-(-start_ms // interval_ms) * interval_ms, begin_ms)
            opens = islice(self._opens(range(first_ms, last_ms + 1, interval_ms)), limit)
        return [self._row(open_ms, interval_ms, now_ms) for open_ms in opens]

    def _opens(self, grid: range) -> Iterator[int]:
        return (open_ms for open_ms in grid if self._tape.is_running(open_ms // MINUTE_MS))

    def _row(self, open_ms: int, interval_ms: int, now_ms: int) -> Row:
        minute, offset_ms = divmod(open_ms, MINUTE_MS)
        key = self._tape.content_key(minute)
        close_ms = open_ms + interval_ms - 1
        if close_ms > now_ms and interval_ms == MINUTE_MS:
            text = self._running_minute(key, now_ms - open_ms)
        elif close_ms > now_ms:
            text = self._build(key, offset_ms, now_ms + 1 - minute * MINUTE_MS)
        elif interval_ms == MINUTE_MS:
            text = self._minute(key)
        else:
            text = self._seconds(key)[offset_ms // SECOND_MS]
        return [open_ms, *text.before, close_ms, *text.after]

    def _running_minute(self, key: int, last_offset_ms: int) -> RowText:
        trades = self._tape.trades_in(key)
        count = bisect_left(trades, last_offset_ms + 1, key=_offset_ms)
        if not count:
            return self._build(key, 0, 0)
        return kline_text(self._so_far(key)[count - 1])

    def _build_so_far(self, key: int) -> tuple[Kline, ...]:
        """Return the minute's kline as it stands after each of its trades."""
        trades = self._tape.trades_in(key)
        klines = [build_kline(trades[:1], 0)]
        for trade in trades[1:]:
            klines.append(join((klines[-1], build_kline((trade,), 0))))
        return tuple(klines)

    def _build_minute(self, key: int) -> RowText:
        return self._build(key, 0, MINUTE_MS)

    def _build_seconds(self, key: int) -> tuple[RowText, ...]:
        return tuple(
            self._build(key, offset_ms, offset_ms + SECOND_MS)
            for offset_ms in range(0, MINUTE_MS, SECOND_MS)
        )

    def _build(self, key: int, start_offset_ms: int, end_offset_ms: int) -> RowText:
        """Build the row of the half-open span of one minute, in ms since its start."""
        trades = self._tape.trades_in(key)
        first = bisect_left(trades, start_offset_ms, key=_offset_ms)
        end = bisect_left(trades, end_offset_ms, key=_offset_ms)
        before = trades[first - 1] if first else self._tape.last_before(key)
        # Before the first trade of all it stands at that trade's price.
        before = before or (trades[0] if trades else None)
        return kline_text(build_kline(trades[first:end], before.price_e8 if before else 0))


def _offset_ms(trade: Trade) -> int:
    return trade.offset_ms
