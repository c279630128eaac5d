"""From the store to the published averages: wait, average, append what changed."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from include.marketdata.averages import UNEXPLAINED, average_minutes, explain
from include.marketdata.batches import WITHHELD, QuarantinedRow
from include.marketdata.causes import causes
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


@dataclass(frozen=True)
class Publisher:
    """Publishes averages.

    Attributes:
        store: Holds the prices; averages are appended to it.
        symbols: All that are fetched: their data tell a gap from an outage.
        clock: Aware UTC.
        check: The second gate; what it withholds is quarantined.
    """

    store: Store
    symbols: Sequence[str]
    clock: Callable[[], datetime]
    check: Check

    def publish_closed_minutes(self, sleep: Callable[[float], None] = time.sleep) -> Publication:
        """Publish every closed minute of each symbol, as soon as its prices are stored.

        A symbol whose prices do not arrive within the grace period is published all the same,
        its missing minutes as gaps; when they arrive later, the next run revises them.
        """
        closed_until = floor_minute(self.clock())
        pending = list(self.symbols)
        written: list[MinutePrice] = []
        withheld: list[QuarantinedRow] = []
        while pending:
            is_over = self.clock() >= closed_until + GRACE
            ready = [each for each in pending if is_over or self._is_stored(each, closed_until)]
            pending = [each for each in pending if each not in ready]
            published = self._publish_ready(ready, closed_until)
            written += published.prices
            withheld += published.withheld
            if pending:
                sleep(POLL_SECONDS)
        return Publication(closed_until, tuple(written), tuple(withheld))

    def publish_windows(self, windows: Mapping[str, Sequence[Window]]) -> Publication:
        """Average the minutes of some windows, and append what changed and passes the check.

        Args:
            windows: By symbol; they do not overlap.
        """
        known_at = whole_ms(self.clock())
        averages = [
            average
            for symbol, spans in windows.items()
            for window in spans
            if window.minute_count
            for average in self._averages(symbol, window)
        ]
        count = sum(window.minute_count for spans in windows.values() for window in spans)
        bad = self.check(averages, AskedFor(tuple(windows), count, known_at)) if averages else {}
        withheld = [
            _withheld(averages[place], observed, known_at) for place, observed in bad.items()
        ]
        self.store.quarantine.keep(withheld)
        good = [average for place, average in enumerate(averages) if place not in bad]
        written = self.store.minute_prices.append(good, known_at)
        return Publication(floor_minute(known_at), tuple(written), tuple(withheld))

    def _publish_ready(self, ready: Sequence[str], closed_until: datetime) -> Publication:
        """Average again from behind each symbol's mark; one never stored has nothing to publish."""
        windows: dict[str, list[Window]] = {}
        marks: dict[str, datetime] = {}
        for symbol in ready:
            mark = self.store.watermark(symbol)
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
            newest = Window(
                max(backlog.end, closed_until - OVERLAP), max(backlog.end, closed_until)
            )
            windows[symbol] = [
                _not_before(mark.stored_from, window) for window in (backlog, newest)
            ]
            marks[symbol] = min(mark.stored_until, backlog.end)
        publication = self.publish_windows(windows)
        for symbol, moment in marks.items():
            self.store.set_averaged_until(symbol, moment)
        return publication

    def _averages(self, symbol: str, window: Window) -> list[MinuteAverage]:
        # Before the prices: those that arrive in between must not look as if they were missing.
        stored_until = self.store.watermark(symbol).stored_until
        averages = average_minutes(
            symbol,
            window,
            self.store.second_prices.between(symbol, window),
            self.store.exchange_minutes.between(symbol, window),
            stored_until,
        )
        unexplained = [each.minute for each in averages if each.flag in UNEXPLAINED]
        if not unexplained:
            return averages
        return explain(averages, causes(self.store, self.symbols, symbol, unexplained))

    def _is_stored(self, symbol: str, closed_until: datetime) -> bool:
        stored_until = self.store.watermark(symbol).stored_until
        return stored_until is not None and stored_until >= closed_until


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
