"""A cache of the last day's minutes in this process, kept fresh through the change log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from include.records.windows import (
    HOUR,
    MINUTE,
    MINUTE_MS,
    Window,
    floor_minute,
    from_ms,
    to_ms,
    windows_of,
)
from include.store.candles import CandleRow, CauseRow, MinuteRowTable

KEPT_FOR = timedelta(hours=25)
# Longer than it takes from reading a minute's sources to writing it: by its sources it is noted.
OVERLAP = timedelta(minutes=10)
# The change log is not read again within this time, however many pages ask.
FRESH = timedelta(seconds=1)
# A symbol nobody asked for in this time is read anew: its log would be longer than its minutes.
FORGOTTEN = HOUR
# A backfill logs more changes; then reading everything anew is less.
MOST_CHANGES = 2_000


@dataclass
class _Held:
    """Revisions of one symbol, ascending, by the start of their minute in milliseconds."""

    lock: Lock = field(default_factory=Lock)
    rows: dict[int, list[CandleRow]] = field(default_factory=dict)
    asked_at: datetime | None = None


class RecentMinutes:
    """Published minutes for readers that come back each minute; safe for many threads.

    The last 25 hours are read from Cassandra once, then only their changes; older minutes are read
    each time. A revision that another process writes, even of an old minute, is seen at the next
    read, because its entry in the change log is written first.

    Args:
        table: Holds the published minutes.
        clock: Returns the current time, aware UTC.
    """

    def __init__(self, table: MinuteRowTable, clock: Callable[[], datetime]) -> None:
        self._table = table
        self._clock = clock
        self._symbols: dict[str, _Held] = defaultdict(_Held)

    def candles(self, symbol: str, window: Window) -> list[CandleRow]:
        """Return the chart's values of every revision, ascending by minute and revision."""
        if window.start < self._kept_from():
            return self._table.candles(symbol, window)
        return self._recent(symbol, window)

    def causes(self, symbol: str, window: Window) -> Sequence[CauseRow | CandleRow]:
        """Return the cause of every revision, ascending by minute and revision."""
        if window.start < self._kept_from():
            return self._table.causes(symbol, window)
        return self._recent(symbol, window)

    def _kept_from(self) -> datetime:
        return floor_minute(self._clock() - KEPT_FOR)

    def _recent(self, symbol: str, window: Window) -> list[CandleRow]:
        held = self._symbols[symbol]
        with held.lock:
            self._refresh(symbol, held)
            # Integers: datetimes would take half the time of a board.
            starts_ms = range(to_ms(window.start), to_ms(window.end), MINUTE_MS)
            return [row for start_ms in starts_ms for row in held.rows.get(start_ms, ())]

    def _refresh(self, symbol: str, held: _Held) -> None:
        now = self._clock()
        kept = Window(self._kept_from(), floor_minute(now) + MINUTE)
        if held.asked_at is None or now - held.asked_at > FORGOTTEN:
            held.rows = _by_minute(self._table.candles(symbol, kept))
        elif now - held.asked_at < FRESH:
            return
        else:
            since = held.asked_at - OVERLAP
            changes = self._table.changes(symbol, since, MOST_CHANGES)
            if len(changes) >= MOST_CHANGES:
                held.rows = _by_minute(self._table.candles(symbol, kept))
            else:
                for window in _unseen(changes, held, kept):
                    held.rows |= _by_minute(self._table.candles(symbol, window))
                first_ms = to_ms(kept.start)
                for gone in [minute_ms for minute_ms in held.rows if minute_ms < first_ms]:
                    del held.rows[gone]
        held.asked_at = now


def _unseen(changes: Iterable[tuple[int, int]], held: _Held, kept: Window) -> list[Window]:
    """Return the windows with logged revisions that are not held yet."""
    return windows_of(
        from_ms(minute_ms)
        for known_ms, minute_ms in changes
        if from_ms(minute_ms) in kept
        and all(row.known_ms != known_ms for row in held.rows.get(minute_ms, ()))
    )


def _by_minute(rows: Iterable[CandleRow]) -> dict[int, list[CandleRow]]:
    found: dict[int, list[CandleRow]] = defaultdict(list)
    for row in rows:
        found[row.minute_ms].append(row)
    return dict(found)
