"""From the store to the published averages: wait, average, append what changed."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from include.marketdata.averages import average_minutes
from include.marketdata.batches import WITHHELD, QuarantinedRow
from include.marketdata.prices import MinuteAverage, MinutePrice
from include.marketdata.store import Store
from include.marketdata.windows import Window, floor_minute, plan_window, whole_ms

# How long after a minute's end its prices may arrive before it is published as a gap.
GRACE = timedelta(seconds=20)
POLL_SECONDS = 0.25
# As long as the fetch looks back for the exchange's own minutes: what it repairs is averaged again.
OVERLAP = timedelta(minutes=15)
LONGEST = timedelta(hours=6)


@dataclass(frozen=True)
class AskedFor:
    """What a set of averages should be.

    Attributes:
        symbols: Whose.
        minute_count: One for each symbol and minute.
        known_at: When they were made, aware UTC.
    """

    symbols: tuple[str, ...]
    minute_count: int
    known_at: datetime


# Judges averages: by place, those that must not be published, with what they fail.
Check = Callable[[Sequence[MinuteAverage], AskedFor], dict[int, dict[str, str]]]


@dataclass(frozen=True)
class Publication:
    """What one run published.

    Attributes:
        closed_until: Exclusive end of the last minute it could publish, aware UTC.
        prices: Revisions written, by symbol and minute.
        withheld: Minutes that failed the second gate, and wait in quarantine.
    """

    closed_until: datetime
    prices: tuple[MinutePrice, ...]
    withheld: tuple[QuarantinedRow, ...]

    def counts_by_flag(self) -> dict[str, int]:
        """Return how many revisions carry each flag."""
        return dict(Counter(price.average.flag.value for price in self.prices))


def publish_closed_minutes(
    store: Store,
    symbols: Sequence[str],
    clock: Callable[[], datetime],
    check: Check,
    sleep: Callable[[float], None] = time.sleep,
) -> Publication:
    """Publish every closed minute of each symbol, as soon as its prices are stored.

    A symbol whose prices do not arrive within the grace period is published all the same,
    its missing minutes as gaps; when they arrive later, the next run revises them.
    """
    closed_until = floor_minute(clock())
    pending = list(symbols)
    written: list[MinutePrice] = []
    withheld: list[QuarantinedRow] = []
    while pending:
        is_over = clock() >= closed_until + GRACE
        ready = [symbol for symbol in pending if is_over or _is_stored(store, symbol, closed_until)]
        pending = [symbol for symbol in pending if symbol not in ready]
        published = publish_symbols(store, ready, closed_until, clock, check)
        written += published.prices
        withheld += published.withheld
        if pending:
            sleep(POLL_SECONDS)
    return Publication(closed_until, tuple(written), tuple(withheld))


def publish_symbols(
    store: Store,
    symbols: Sequence[str],
    closed_until: datetime,
    clock: Callable[[], datetime],
    check: Check,
) -> Publication:
    """Average minutes again from behind each symbol's mark and append what changed.

    A symbol that was never stored has nothing to publish.
    """
    windows: dict[str, list[Window]] = {}
    marks: dict[str, datetime] = {}
    for symbol in symbols:
        mark = store.watermark(symbol)
        if mark.stored_from is None or mark.stored_until is None:
            continue
        backlog = plan_window(
            mark.averaged_until or mark.stored_from,
            closed_until,
            overlap=OVERLAP,
            first_look_back=OVERLAP,
            longest=LONGEST,
        )
        # While the backlog is longer than a run takes, the newest minutes are not left out.
        newest = Window(max(backlog.end, closed_until - OVERLAP), max(backlog.end, closed_until))
        windows[symbol] = [_not_before(mark.stored_from, window) for window in (backlog, newest)]
        marks[symbol] = min(mark.stored_until, backlog.end)
    publication = publish_windows(store, windows, closed_until, clock, check)
    for symbol, moment in marks.items():
        store.set_averaged_until(symbol, moment)
    return publication


def publish_windows(
    store: Store,
    windows: Mapping[str, Sequence[Window]],
    closed_until: datetime,
    clock: Callable[[], datetime],
    check: Check,
) -> Publication:
    """Average the minutes of some windows, and append what changed and passes the check.

    Args:
        store: Holds the prices.
        windows: By symbol; they do not overlap.
        closed_until: Of what is returned.
        clock: Aware UTC.
        check: What must not be published is quarantined instead.
    """
    known_at = whole_ms(clock())
    averages = [
        average
        for symbol, spans in windows.items()
        for window in spans
        for average in _averages(store, symbol, window)
    ]
    count = sum(window.minute_count for spans in windows.values() for window in spans)
    bad = check(averages, AskedFor(tuple(windows), count, known_at)) if averages else {}
    withheld = [_withheld(averages[place], observed, known_at) for place, observed in bad.items()]
    store.quarantine.keep(withheld)
    good = [average for place, average in enumerate(averages) if place not in bad]
    return Publication(
        closed_until, tuple(store.minute_prices.append(good, known_at)), tuple(withheld)
    )


def _averages(store: Store, symbol: str, window: Window) -> list[MinuteAverage]:
    if not window.minute_count:
        return []
    # Before the prices: those that arrive in between must not look as if they were missing.
    stored_until = store.watermark(symbol).stored_until
    return average_minutes(
        symbol,
        window,
        store.second_prices.between(symbol, window),
        store.exchange_minutes.between(symbol, window),
        stored_until,
    )


def _withheld(
    average: MinuteAverage, observed: dict[str, str], detected_at: datetime
) -> QuarantinedRow:
    cells = {
        field.name: str(value)
        for field in fields(MinuteAverage)
        if (value := getattr(average, field.name)) is not None
    }
    return QuarantinedRow(
        symbol=average.symbol,
        interval=WITHHELD,
        open_time=average.minute.isoformat(),
        payload=json.dumps(cells),
        observed=observed,
        detected_at=detected_at,
        batch_url="",
    )


def _not_before(moment: datetime, window: Window) -> Window:
    """Leave out what lies before the first stored price: it is no gap."""
    return Window(max(moment, window.start), max(moment, window.end))


def _is_stored(store: Store, symbol: str, closed_until: datetime) -> bool:
    stored_until = store.watermark(symbol).stored_until
    return stored_until is not None and stored_until >= closed_until
