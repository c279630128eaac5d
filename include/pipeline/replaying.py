"""Replay quarantined rows: send them through the gate again, store and publish those that pass."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from include.gx.checkpoints import Checkpoints
from include.pipeline.publishing import Publisher
from include.pipeline.refused_rows import revalidate_rows
from include.records.errors import SettingsError
from include.records.klines import OPEN_TIME
from include.records.verdicts import WITHHELD, QuarantinedRow, State
from include.records.windows import floor_minute, from_ms, windows_of
from include.store.store import Store

# A row that cannot be read as a price cannot be stored, even if a person accepts it.
NEVER_ACCEPTED = frozenset({"expect_rows_to_be_well_formed", "expect_times_to_be_milliseconds"})


@dataclass(frozen=True)
class Selection:
    """A person's decision: which refused rows to settle, and what to accept.

    Attributes:
        since: First UTC day of detection.
        until: Last one, inclusive.
        expectations: Only rows that fail one of these; all when empty.
        accepted: Expectations that a row may fail and still be stored.
        note: Why; kept with the rows.
        rows: Only rows whose digest begins with one of these; all when empty.
    """

    since: date
    until: date
    expectations: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()
    note: str = ""
    rows: tuple[str, ...] = ()

    def days(self) -> Iterator[date]:
        """Yield each day, ascending."""
        for count in range((self.until - self.since).days + 1):
            yield self.since + timedelta(days=count)

    def includes(self, row: QuarantinedRow) -> bool:
        """Tell whether a refused row is selected."""
        return (
            row.state is State.OPEN
            and (not self.expectations or bool(self.expectations & set(row.observed)))
            and (not self.rows or row.digest.startswith(self.rows))
        )


@dataclass(frozen=True)
class Settled:
    """The result of a replay or a close.

    Attributes:
        rows: Each as it is now; those still open list what they fail now.
        published_count: Minutes revised.
    """

    rows: tuple[QuarantinedRow, ...]
    published_count: int

    def counts(self) -> dict[str, int]:
        """Return how many rows are in each state."""
        return dict(Counter(row.state.value for row in self.rows))


def open_rows(store: Store, symbol: str, choice: Selection) -> list[QuarantinedRow]:
    """Return the chosen rows of a symbol that nobody has settled, by day of detection."""
    return [row for row in _held(store, symbol, choice) if choice.includes(row)]


def close(store: Store, symbol: str, choice: Selection, clock: Callable[[], datetime]) -> Settled:
    """Close rows permanently, with a note; they stay in quarantine for reference."""
    rows = open_rows(store, symbol, choice)
    return Settled(
        tuple(store.quarantine.settle(row, State.CLOSED, clock(), choice.note) for row in rows), 0
    )


def replay(
    publisher: Publisher, checkpoints: Checkpoints, symbol: str, choice: Selection
) -> Settled:
    """Send a symbol's open rows through the current gate.

    Rows that pass are stored under the time of their fetch, so that nothing fetched later is
    overwritten; their minutes are averaged and published again. A row that still fails is
    superseded if a good row for its moment is stored, and stays open otherwise. Of several
    different rows for one moment at most one is accepted: none if the choice names more.

    Args:
        publisher: Publishes the minutes; its store holds the rows.
        checkpoints: The gate.
        symbol: Binance's pair id.
        choice: Which rows, and which failures to accept.

    Raises:
        SettingsError: An expectation cannot be accepted.
    """
    if forbidden := NEVER_ACCEPTED & choice.accepted:
        raise SettingsError(
            f"{', '.join(sorted(forbidden))} cannot be accepted: such a row is not a price"
        )
    store, clock = publisher.store, publisher.clock
    held = _held(store, symbol, choice)
    chosen = [row for row in held if choice.includes(row)]
    withheld = [row for row in chosen if row.interval == WITHHELD]
    judged = revalidate_rows(store, checkpoints, chosen, held, choice.accepted)
    minutes = {datetime.fromisoformat(row.open_time) for row in withheld} | {
        floor_minute(from_ms(json.loads(row.payload)[OPEN_TIME]))
        for row in judged
        if row.state in (State.REPLAYED, State.ACCEPTED)
    }
    published = publisher.publish_windows({symbol: windows_of(minutes)})
    still_bad = {row.open_time for row in published.withheld}
    judged += [
        row if row.open_time in still_bad else replace(row, state=State.REPLAYED)
        for row in withheld
    ]
    # Last of all: if this is interrupted, a settled row would not be replayed again.
    return Settled(
        tuple(_settle(store, row, clock(), choice.note) for row in judged), len(published.prices)
    )


def _held(store: Store, symbol: str, choice: Selection) -> list[QuarantinedRow]:
    return [row for day in choice.days() for row in store.quarantine.on_day(symbol, day)]


def _settle(store: Store, row: QuarantinedRow, moment: datetime, note: str) -> QuarantinedRow:
    if row.state is State.OPEN:
        return row
    return store.quarantine.settle(row, row.state, moment, note)
