"""A day's quality in numbers for the pages, from the batch log and the quarantine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime

from include.records.verdicts import QuarantinedRow, State
from include.store.store import Store


@dataclass(frozen=True)
class QualityDay:
    """One symbol and UTC day.

    Attributes:
        symbol: Binance's pair id.
        batch_count: Batches fetched.
        refused_count: Of those, batches of which nothing was stored.
        warned_count: Of those, batches that failed an expectation and were not refused.
        row_count: Rows fetched, the overlap counted each time.
        quarantined: Rows in quarantine by state; a row that was found again counts once.
        rows: The quarantined rows, newest first.
        last_failed_at: When a batch last failed an expectation; None if none did.
        failed: How often each expectation was not met, most frequent first.
    """

    symbol: str
    batch_count: int
    refused_count: int
    warned_count: int
    row_count: int
    quarantined: dict[State, int]
    rows: tuple[QuarantinedRow, ...]
    last_failed_at: datetime | None
    failed: dict[str, int]

    @property
    def open_count(self) -> int:
        """Rows that nobody has settled."""
        return self.quarantined.get(State.OPEN, 0)


def quality_day(store: Store, symbol: str, day: date) -> QualityDay:
    """Return the quality of a symbol's UTC day."""
    batches = store.batch_log(symbol, day)
    rows = store.quarantine.on_day(symbol, day)
    failing = [batch for batch in batches if batch.failed or batch.is_refused]
    refused = [batch for batch in batches if batch.is_refused]
    return QualityDay(
        symbol=symbol,
        batch_count=len(batches),
        refused_count=len(refused),
        warned_count=len(failing) - len(refused),
        row_count=sum(batch.row_count for batch in batches),
        quarantined=dict(Counter(row.state for row in rows)),
        rows=tuple(sorted(rows, key=lambda row: row.detected_at, reverse=True)),
        last_failed_at=max((batch.fetched_at for batch in failing), default=None),
        failed=dict(Counter(name for batch in batches for name in batch.failed).most_common()),
    )
