"""Where published minutes come from, looked up in the batch log; and the newest of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from include.reading.first_values import newest_valued
from include.records.batches import BatchRecord
from include.records.errors import RetryableError
from include.records.isolation import run_each
from include.records.price_strip import PriceStrip, source_text
from include.records.windows import (
    DAY,
    HOUR,
    MINUTE,
    Window,
    floor_minute,
    from_ms,
    windows_of,
)
from include.store.store import Store

# A minute is published soon after its batch is stored; a day of a backfill takes longest.
FETCHED_BEFORE = 15 * MINUTE
# Symbols whose newest price is looked up for a page; each mostly waits for Cassandra.
MOST_SYMBOLS, AT_A_TIME = 20, 4

log = logging.getLogger(__name__)


def sources_of(
    store: Store, symbol: str, published: Iterable[tuple[datetime, datetime]]
) -> dict[datetime, str]:
    """Return the sources of a symbol's published minutes.

    Args:
        store: Holds the batch log.
        symbol: Binance's pair id, upper case.
        published: The start of a minute and when a revision of it became known, aware UTC; of
            several revisions each leads to batches, and the newest of those counts.

    Returns:
        By minute; without those whose batch is not in the log, or has no source there: a gap, a
        replay of the quarantine, a batch of long ago.
    """
    revisions = [*published]
    known: dict[datetime, datetime] = {}
    for minute, known_at in revisions:
        known[minute] = max(known_at, known.get(minute, known_at))
    reach = FETCHED_BEFORE // MINUTE
    looked = windows_of(
        looked_at - back * MINUTE
        for looked_at in {floor_minute(known_at) for _, known_at in revisions}
        for back in range(reach + 1)
    )
    batches = [batch for window in looked for batch in store.batches_between(symbol, window)]
    # The newest comes last.
    batches.sort(key=lambda batch: batch.fetched_at)
    found: dict[datetime, str] = {}
    for batch in batches:
        for minute in _minutes(batch):
            is_before = minute in known and batch.fetched_at <= known[minute]
            if is_before and batch.source and not batch.is_refused:
                found[minute] = batch.source
    return found


def _minutes(batch: BatchRecord) -> Iterable[datetime]:
    return Window(batch.window_start, batch.window_end).minutes()


def source_of(store: Store, symbol: str, minute: datetime, known_at: datetime) -> str | None:
    """Return the source of one published minute; None where the batch log does not tell."""
    return sources_of(store, symbol, [(minute, known_at)]).get(minute)


def strip_of(store: Store, symbols: Sequence[str], now: datetime) -> PriceStrip:
    """Return the newest price of some symbols, and the sources of each one's newest.

    Args:
        store: Holds the minutes and the batch log.
        symbols: Those shown; of more than MOST_SYMBOLS the first.
        now: Aware UTC.

    Raises:
        RetryableError: Cassandra does not answer.
    """
    read = run_each(
        symbols[:MOST_SYMBOLS],
        lambda symbol: newest_price(store, symbol, now),
        at_a_time=AT_A_TIME,
        stop_on=RetryableError,
    )
    for symbol, error in read.failed.items():
        log.error("cannot look up the newest price of %s", symbol, exc_info=error)
    found = {symbol: each for symbol, each in read.done.items() if each}
    return PriceStrip(
        source=source_text({symbol: source for symbol, (_, source) in found.items()}),
        minute=max((minute for minute, _ in found.values()), default=None),
        moment=now,
    )


def newest_price(store: Store, symbol: str, now: datetime) -> tuple[datetime, str | None] | None:
    """Return a symbol's newest minute with a value and its source; None without one in a day."""
    end = floor_minute(now) + MINUTE
    for span in (timedelta(minutes=10), HOUR, DAY):
        newest = newest_valued(store.minute_rows.causes(symbol, Window(end - span, end)))
        if newest:
            minute = from_ms(newest.minute_ms)
            return minute, source_of(store, symbol, minute, from_ms(newest.known_ms))
    return None
