"""Quarantined rows through the gate again: what passes is stored and its minutes published."""

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

# A row that cannot be read as a price cannot be stored, whatever anybody thinks of it.
NEVER_ACCEPTED = frozenset({"expect_rows_to_be_well_formed", "expect_times_to_be_milliseconds"})


@dataclass(frozen=True)
class Selection:
    """What a person decided: which refused rows are meant, and what is to become of them.

    Attributes:
        since: First UTC day of detection.
        until: Last one, inclusive.
        expectations: Only rows that fail one of these; all when empty.
        accepted: Expectations that a row may fail and be stored all the same.
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
        """Tell whether a refused row is meant."""
        return (
            row.state is State.OPEN
            and (not self.expectations or bool(self.expectations & set(row.observed)))
            and (not self.rows or row.digest.startswith(self.rows))
        )


@dataclass(frozen=True)
class Settled:
    """What became of the rows that were open.

    Attributes:
        rows: Each as it is now; those still open say what they fail today.
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
    """Leave rows out for good, and say why; they stay in quarantine to be looked at."""
    rows = open_rows(store, symbol, choice)
    return Settled(
        tuple(store.quarantine.settle(row, State.CLOSED, clock(), choice.note) for row in rows), 0
    )


def replay(
    publisher: Publisher, checkpoints: Checkpoints, symbol: str, choice: Selection
) -> Settled:
    """Send a symbol's open rows through the gate as it is today.

    Rows that pass are stored, under the time of their fetch, so that nothing fetched later is
    overwritten; the minutes they belong to are averaged and published again. A row that still
    fails is superseded when a good row for its moment is stored, and stays open otherwise. Of
    several that differ for one moment at most one is accepted: none where the choice names more.

    Args:
        publisher: Publishes the minutes; its store holds the rows.
        checkpoints: The gate.
        symbol: Binance's pair id.
        choice: Which rows, and what of them is accepted.

    Raises:
        SettingsError: An expectation cannot be accepted.
    """
    if forbidden := NEVER_ACCEPTED & choice.accepted:
        raise SettingsError(
            f"{', '.join(sorted(forbidden))} cannot be accepted: such a row is no price"
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
    # Last of all: a row that is settled is not taken up again when this ends half way.
    return Settled(
        tuple(_settle(store, row, clock(), choice.note) for row in judged), len(published.prices)
    )


def _held(store: Store, symbol: str, choice: Selection) -> list[QuarantinedRow]:
    return [row for day in choice.days() for row in store.quarantine.on_day(symbol, day)]


def _settle(store: Store, row: QuarantinedRow, moment: datetime, note: str) -> QuarantinedRow:
    if row.state is State.OPEN:
        return row
    return store.quarantine.settle(row, row.state, moment, note)
