"""Publish averages of stored prices: wait for the prices, average, append what changed."""

from __future__ import annotations

import functools
import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from include.pipeline.arrivals import Wait, arrivals
from include.pipeline.computing import compute
from include.pipeline.fetching import LOOKS
from include.pipeline.withholding import Check, withhold_failing
from include.records.errors import RetryableError
from include.records.isolation import run_each
from include.records.prices import Flag, MinutePrice
from include.records.revisions import PROVISIONAL_FOR, Restatement, restatement
from include.records.verdicts import QuarantinedRow
from include.records.windows import (
    MINUTE,
    Window,
    floor_minute,
    nearest_end,
    plan_window,
    whole_ms,
    windows_of,
)
from include.store.store import Store, Watermark

# How long after a minute's end its prices may arrive before it is published as a gap.
GRACE = timedelta(seconds=20)
# How long after a minute's end a run goes on looking for late prices; the next one is created 55 s
# after it.
LOOKS_FOR = timedelta(seconds=40)
POLL_SECONDS = 0.1
# Symbols that are stored together are published together: the second gate costs the same for all.
QUIET = timedelta(seconds=1)
LONGEST_GATHERING = timedelta(seconds=2)
# Symbols read, and appended, at the same time: each mostly waits for Cassandra.
AT_A_TIME = 4
LATE_POLL_SECONDS = 0.5
# The only one of many that has come is seen this soon.
SEEN_WITHIN = timedelta(seconds=0.5)
LONGEST_BACKLOG = timedelta(hours=6)


@dataclass(frozen=True)
class Publication:
    """The result of one publishing run.

    Attributes:
        closed_until: Exclusive end of the last minute it could publish, aware UTC.
        prices: Revisions written, by symbol and minute.
        withheld: Minutes that failed the second gate, and wait in quarantine.
        restated: Final minutes whose value changed in this run.
        failed: Errors of the symbols that could not be averaged or published; others are.
    """

    closed_until: datetime
    prices: tuple[MinutePrice, ...]
    withheld: tuple[QuarantinedRow, ...]
    restated: tuple[Restatement, ...]
    failed: Mapping[str, Exception] = field(default_factory=dict)

    @property
    def window(self) -> Window | None:
        """The span of the minutes written; None if none were."""
        minutes = [price.average.minute for price in self.prices]
        return Window(min(minutes), max(minutes) + MINUTE) if minutes else None

    def counts_by_flag(self) -> dict[str, int]:
        """Return how many revisions carry each flag."""
        return dict(Counter(price.average.flag.value for price in self.prices))


@dataclass(frozen=True)
class Publisher:
    """Publishes averages.

    Attributes:
        store: Holds the prices; averages are appended to it.
        symbols: All fetched symbols: their data distinguish a gap from an outage.
        clock: Aware UTC.
        check: The second gate; minutes it withholds are quarantined.
    """

    store: Store
    symbols: Sequence[str]
    clock: Callable[[], datetime]
    check: Check

    def publish_closed_minutes(self, sleep: Callable[[float], None] = time.sleep) -> Publication:
        """Publish every closed minute of each symbol, as soon as its prices are stored.

        It starts a little before a minute ends, and waits until the minute can be fetched.

        A symbol whose prices do not arrive within the grace period is published anyway, with its
        missing minutes as gaps; they are revised as soon as the prices arrive, by this run while
        it goes on looking for them, else by the next one. A symbol that cannot be averaged does
        not stop the others, and is named in the result.
        """
        closed_until = nearest_end(self.clock())
        first = Wait(
            closed_until + GRACE,
            QUIET,
            LONGEST_GATHERING,
            POLL_SECONDS,
            since=closed_until + LOOKS[0],
        )
        parts, missing = self._publish_as_stored(self.symbols, closed_until, first, sleep)
        if missing:
            marks = self.store.watermarks(missing)
            parts.append(self._publish_ready(marks, closed_until))
            late = [each for each, mark in marks.items() if _is_late(mark, closed_until)]
            last = Wait(closed_until + LOOKS_FOR, poll_seconds=LATE_POLL_SECONDS)
            parts += self._publish_as_stored(late, closed_until, last, sleep)[0]
        return Publication(
            closed_until,
            prices=tuple(each for part in parts for each in part.prices),
            withheld=tuple(each for part in parts for each in part.withheld),
            restated=tuple(each for part in parts for each in part.restated),
            failed={symbol: error for part in parts for symbol, error in part.failed.items()},
        )

    def publish_windows(
        self, windows: Mapping[str, Sequence[Window]], *, are_fetched: bool = False
    ) -> Publication:
        """Average the minutes of windows, and append those that changed and pass the check.

        Neighbouring published minutes are revised where the new averages change them.

        Args:
            windows: By symbol; they do not overlap.
            are_fetched: All of them were fetched, whatever the symbol's watermark says: missing
                minutes are the exchange's gaps.

        Raises:
            Exception: Of a symbol that could not be averaged, after the others are published.
        """

        def fetched_until(symbol: str, window: Window) -> datetime | None:
            return window.end if are_fetched else self.store.watermark(symbol).stored_until

        publication = self._publish(windows, fetched_until)
        for error in publication.failed.values():
            raise error
        return publication

    def _publish(
        self,
        windows: Mapping[str, Sequence[Window]],
        fetched_until: Callable[[str, Window], datetime | None],
    ) -> Publication:
        known_at = whole_ms(self.clock())
        asked = {
            symbol: [window for window in spans if window.minute_count]
            for symbol, spans in windows.items()
        }
        averaged = run_each(
            (symbol for symbol, spans in asked.items() if spans),
            lambda symbol: compute(
                self.store,
                self.symbols,
                symbol,
                asked[symbol],
                functools.partial(fetched_until, symbol),
            ),
            at_a_time=AT_A_TIME,
            stop_on=RetryableError,
        )
        computed = averaged.done
        count = sum(window.minute_count for symbol in computed for window in asked[symbol])
        good, withheld = withhold_failing(self.store, self.check, computed, count, known_at)
        self.store.quarantine.keep(withheld)
        by_symbol = {
            symbol: [average for average in good if average.symbol == symbol] for symbol in computed
        }
        appended = run_each(
            by_symbol,
            lambda symbol: self.store.minute_prices.append(by_symbol[symbol], known_at),
            at_a_time=AT_A_TIME,
            stop_on=RetryableError,
        )
        written = [price for prices in appended.done.values() for price in prices]
        restated = [
            each
            for price in written
            if (before := computed[price.average.symbol].published.get(price.average.minute))
            and (each := restatement(before, price))
        ]
        self.store.restatements.note(restated)
        return Publication(
            floor_minute(known_at),
            tuple(written),
            tuple(withheld),
            tuple(restated),
            averaged.failed | appended.failed,
        )

    def explain_again(self, window: Window) -> Publication:
        """Average again gaps without a known cause: other symbols' data may have arrived by now.

        A minute in which nothing traded has a row, and is not changed.
        """
        silent = {
            symbol: windows_of(
                price.average.minute
                for price in self.store.minute_prices.between(symbol, window)
                if price.average.flag is Flag.SOURCE_GAP
            )
            for symbol in self.symbols
        }
        return self.publish_windows(silent, are_fetched=True)

    def _publish_as_stored(
        self,
        symbols: Sequence[str],
        closed_until: datetime,
        wait: Wait,
        sleep: Callable[[float], None],
    ) -> tuple[list[Publication], list[str]]:
        """Publish symbols in groups as they are stored; return also those that did not come."""
        parts: list[Publication] = []
        marks: dict[str, Watermark] = {}
        missing = list(symbols)
        looks = itertools.count()
        most_looks = int(SEEN_WITHIN.total_seconds() / wait.poll_seconds)

        def stored_among(asked: Sequence[str]) -> list[str]:
            marks.update(self.store.watermarks(asked))
            return [each for each in asked if _is_stored(marks[each], closed_until)]

        def are_stored(awaited: Sequence[str]) -> dict[str, bool | None]:
            # Mostly all are stored within a moment: others each time tell when to ask for all.
            step = max(1, min(most_looks, len(awaited) // 2))
            found = stored_among(awaited[next(looks) % step :: step]) and stored_among(awaited)
            return {each: each in found or None for each in awaited}

        for stored in arrivals(symbols, are_stored, wait, self.clock, sleep):
            parts.append(self._publish_ready({each: marks[each] for each in stored}, closed_until))
            missing = [each for each in missing if each not in stored]
        return parts, missing

    def _publish_ready(self, marks: Mapping[str, Watermark], closed_until: datetime) -> Publication:
        """Publish each symbol from its mark, less the overlap; skip symbols never stored.

        The marks were read before the prices: those that arrive in between do not look missing.
        """
        windows: dict[str, list[Window]] = {}
        averaged_until: dict[str, datetime] = {}
        for symbol, mark in marks.items():
            if mark.stored_from is None or mark.stored_until is None:
                continue
            backlog = plan_window(
                mark.averaged_until or mark.stored_from,
                closed_until,
                overlap=PROVISIONAL_FOR,
                first_look_back=PROVISIONAL_FOR,
                longest=LONGEST_BACKLOG,
            )
            # Even while the backlog is too long for one run, the newest minutes are published.
            newest = Window(
                max(backlog.end, closed_until - PROVISIONAL_FOR), max(backlog.end, closed_until)
            )
            windows[symbol] = [
                _not_before(mark.stored_from, window) for window in (backlog, newest)
            ]
            averaged_until[symbol] = min(mark.stored_until, backlog.end)
        publication = self._publish(windows, lambda symbol, _: marks[symbol].stored_until)
        for symbol, moment in averaged_until.items():
            if symbol not in publication.failed:
                self.store.set_averaged_until(symbol, moment)
        return publication


def _is_stored(mark: Watermark, closed_until: datetime) -> bool:
    return mark.stored_until is not None and mark.stored_until >= closed_until


def _is_late(mark: Watermark, closed_until: datetime) -> bool:
    """Tell whether a symbol may still come: one that has long been absent holds up nothing."""
    return mark.stored_until is not None and mark.stored_until >= closed_until - PROVISIONAL_FOR


def _not_before(moment: datetime, window: Window) -> Window:
    """Cut a window at the first stored price: minutes before it are not gaps."""
    return Window(max(moment, window.start), max(moment, window.end))
