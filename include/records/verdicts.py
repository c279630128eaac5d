"""The gate's decision about a batch or a minute, and the rows it refused."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from include.records.klines import Interval

# The interval of a minute of ours in quarantine.
WITHHELD = "average"
SHOWN_OPEN_TIME = 64


@dataclass(frozen=True)
class ExpectedMinutes:
    """The symbols and number of minutes that a set of averages should have.

    Attributes:
        symbols: The expected symbols.
        minute_count: One for each symbol and minute.
        known_at: When they were made, aware UTC.
    """

    symbols: tuple[str, ...]
    minute_count: int
    known_at: datetime


@dataclass(frozen=True)
class Verdict:
    """The gate's decision about a batch.

    Attributes:
        bad_rows: By interval and row index, the expectations that the row fails, each with what
            was observed there.
        warnings: Expectations that failed without refusing a row, each with its number of rows,
            or of intervals where it concerns all rows of one.
        is_refused: Nothing of the batch may be stored.
        reason: Why it is refused; empty otherwise.
        check_ms: Time the checkpoint took.
        evaluated_count: Expectations judged.
        met_count: Of those, the expectations that were met.
        unchanged: Places of the rows that are stored already, exactly so: they need not be
            written again.
    """

    bad_rows: dict[Interval, dict[int, dict[str, str]]]
    warnings: dict[str, int]
    is_refused: bool
    reason: str
    check_ms: int
    evaluated_count: int
    met_count: int
    unchanged: dict[Interval, list[int]] = field(default_factory=dict)

    @property
    def bad_row_count(self) -> int:
        """Rows that fail at least one expectation."""
        return sum(len(rows) for rows in self.bad_rows.values())

    @property
    def failed(self) -> tuple[str, ...]:
        """Every expectation that failed, sorted, each once."""
        names = {name for rows in self.bad_rows.values() for row in rows.values() for name in row}
        return tuple(sorted(names | set(self.warnings)))


class State(StrEnum):
    """How a refused row was settled, if it was."""

    OPEN = "OPEN"
    """Not settled yet."""
    REPLAYED = "REPLAYED"
    """Passed the gate later, and was stored."""
    ACCEPTED = "ACCEPTED"
    """A person accepted it despite its failures, and it was stored."""
    SUPERSEDED = "SUPERSEDED"
    """A later fetch brought a good row for the same moment."""
    CLOSED = "CLOSED"
    """A person decided that it is bad; it is not stored."""


@dataclass(frozen=True)
class QuarantinedRow:
    """One refused row.

    Attributes:
        symbol: Binance's pair id, upper case.
        interval: 1s or 1m; WITHHELD for a minute that was averaged and not published.
        open_time: Of the row as received, its first characters.
        payload: The row, JSON.
        observed: The expectations it failed, each with what was observed.
        detected_at: When it was refused, aware UTC, whole milliseconds.
        batch_url: Where the whole batch is while the landing area keeps it.
        state: How it was settled.
        settled_at: When it got that state, aware UTC; None while it is open.
        note: Why it got that state.
    """

    symbol: str
    interval: str
    open_time: str
    payload: str
    observed: dict[str, str]
    detected_at: datetime
    batch_url: str
    state: State = State.OPEN
    settled_at: datetime | None = None
    note: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the payload, hexadecimal."""
        return hashlib.sha256(self.payload.encode()).hexdigest()
