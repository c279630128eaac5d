"""From the store to the published averages: wait, average, append what changed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from include.marketdata.averages import average_minutes
from include.marketdata.prices import MinutePrice
from include.marketdata.store import Store
from include.marketdata.windows import Window, floor_minute, plan_window

# How long after a minute's end its prices may arrive before it is published as a gap.
GRACE = timedelta(seconds=20)
POLL_SECONDS = 0.25
# As long as the fetch looks back for the exchange's own minutes: what it repairs is averaged again.
OVERLAP = timedelta(minutes=15)
LONGEST = timedelta(hours=6)


@dataclass(frozen=True)
class Publication:
    """What one run published.

    Attributes:
        closed_until: Exclusive end of the last minute it could publish, aware UTC.
        prices: Revisions written, by symbol and minute.
    """

    closed_until: datetime
    prices: tuple[MinutePrice, ...]

    def counts_by_flag(self) -> dict[str, int]:
        """Return how many revisions carry each flag."""
        return dict(Counter(price.average.flag.value for price in self.prices))


def publish_closed_minutes(
    store: Store,
    symbols: Sequence[str],
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
) -> Publication:
    """Publish every closed minute of each symbol, as soon as its prices are stored.

    A symbol whose prices do not arrive within the grace period is published all the same,
    its missing minutes as gaps; when they arrive later, the next run revises them.
    """
    closed_until = floor_minute(clock())
    pending = list(symbols)
    written: list[MinutePrice] = []
    while pending:
        is_over = clock() >= closed_until + GRACE
        ready = [symbol for symbol in pending if is_over or _is_stored(store, symbol, closed_until)]
        for symbol in ready:
            written += publish_symbol(store, symbol, closed_until, clock)
            pending.remove(symbol)
        if pending:
            sleep(POLL_SECONDS)
    return Publication(closed_until, tuple(written))


def publish_symbol(
    store: Store, symbol: str, closed_until: datetime, clock: Callable[[], datetime]
) -> list[MinutePrice]:
    """Average a symbol's minutes again from behind its mark and append what changed.

    Returns:
        The revisions written, by minute; none for a symbol that was never stored.
    """
    mark = store.watermark(symbol)
    if mark.stored_from is None or mark.stored_until is None:
        return []
    backlog = plan_window(
        mark.averaged_until or mark.stored_from,
        closed_until,
        overlap=OVERLAP,
        first_look_back=OVERLAP,
        longest=LONGEST,
    )
    # While the backlog is longer than a run takes, the newest minutes are not left out.
    newest = Window(max(backlog.end, closed_until - OVERLAP), max(backlog.end, closed_until))
    written = [
        price
        for window in (backlog, newest)
        for price in _publish_window(
            store, symbol, _not_before(mark.stored_from, window), mark.stored_until, clock
        )
    ]
    store.set_averaged_until(symbol, min(mark.stored_until, backlog.end))
    return written


def _publish_window(
    store: Store,
    symbol: str,
    window: Window,
    stored_until: datetime,
    clock: Callable[[], datetime],
) -> list[MinutePrice]:
    if not window.minute_count:
        return []
    known_at = _whole_ms(clock())
    averages = average_minutes(
        symbol,
        window,
        store.second_prices.between(symbol, window),
        store.exchange_minutes.between(symbol, window),
        stored_until,
    )
    return store.minute_prices.append(averages, known_at)


def _not_before(moment: datetime, window: Window) -> Window:
    """Leave out what lies before the first stored price: it is no gap."""
    return Window(max(moment, window.start), max(moment, window.end))


def _is_stored(store: Store, symbol: str, closed_until: datetime) -> bool:
    stored_until = store.watermark(symbol).stored_until
    return stored_until is not None and stored_until >= closed_until


def _whole_ms(moment: datetime) -> datetime:
    """Drop what Cassandra's timestamp cannot hold."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
