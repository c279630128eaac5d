"""Klines longer than a minute.

Their history begins at 00:00 UTC on the Monday of last week, because a generated month takes
about eight seconds to make, and everyone else waits. It is a rule of the clock alone, as
everything here. A row that opens earlier (1M, 3d, weeks of other time zones) holds what was traded
since, so it loses a week when the next one begins.
"""

from __future__ import annotations

from include.simulator.market.intervals import DAY_MS, FIRST_MONDAY_MS, Interval
from include.simulator.market.spans import SpanSums
from include.simulator.tapes.klines import Row, kline_text

WEEK_MS = 7 * DAY_MS


def history_start_ms(now_ms: int) -> int:
    """Return the first moment of long klines, inclusive, milliseconds since the epoch."""
    return ((now_ms - FIRST_MONDAY_MS) // WEEK_MS - 1) * WEEK_MS + FIRST_MONDAY_MS


def long_rows(  # noqa: PLR0913 - they are the parameters of the request and the clock
    sums: SpanSums,
    interval: Interval,
    *,
    offset_ms: int,
    start_ms: int | None,
    end_ms: int,
    now_ms: int,
    limit: int,
) -> list[Row]:
    """Return rows by open time, ascending.

    Args:
        sums: What was traded.
        interval: One of LONG_INTERVALS.
        offset_ms: How far the time zone of the grid is ahead of UTC.
        start_ms: Open time from which the oldest rows are returned, inclusive, UTC; None for
            the most recent rows.
        end_ms: Last open time, inclusive, UTC.
        now_ms: The moment asked; the row it lies in is the running one.
        limit: Most rows.
    """
    begin_ms = history_start_ms(now_ms)
    # The row that the history begins in is the first one; a bound before it changes nothing.
    first = interval.number_at(begin_ms + offset_ms)
    if min(end_ms, now_ms) < interval.start_of(first) - offset_ms:
        return []
    last = interval.number_at(min(end_ms, now_ms) + offset_ms)
    if start_ms is None:
        first = max(first, last - limit + 1)
    else:
        # A start after now asks for nothing, however large the number is.
        after = interval.number_at(min(start_ms, now_ms + 1) - 1 + offset_ms) + 1
        first = max(first, after)
        last = min(last, first + limit - 1)
    rows = []
    for number in range(first, last + 1):
        open_ms, next_ms = (interval.start_of(at) - offset_ms for at in (number, number + 1))
        text = kline_text(sums.kline(max(open_ms, begin_ms), min(next_ms, now_ms + 1)))
        rows.append([open_ms, *text.before, next_ms - 1, *text.after])
    return rows
