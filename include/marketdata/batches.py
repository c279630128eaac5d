"""What one fetch of one symbol brought, and how it fared at the gate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from include.marketdata.windows import Window

RawRow = list[str | int]


class Interval(StrEnum):
    """The length of a kline, by Binance's name."""

    SECOND = "1s"
    MINUTE = "1m"

    @property
    def length_ms(self) -> int:
        """Length in milliseconds."""
        return 1_000 if self is Interval.SECOND else 60_000


@dataclass(frozen=True)
class Batch:
    """What one fetch of one symbol and window returned, as it came.

    Attributes:
        symbol: Binance's pair id, upper case.
        window: The span asked for; the klines of earlier minutes come with it as overlap.
        fetched_at: When the last answer was complete, by the exchange's clock, aware UTC.
        rows: Klines by interval, each the exchange's own list of strings and integers.
        spans: The span asked of each interval: the window and its overlap.
        tick_size: Smallest step of a price, quote asset per base asset.
        used_weight: The exchange's own count of request weight for this minute and address.
        fetch_ms: Time of the requests.
    """

    symbol: str
    window: Window
    fetched_at: datetime
    rows: dict[Interval, list[RawRow]]
    spans: dict[Interval, Window]
    tick_size: Decimal
    used_weight: int
    fetch_ms: int

    @property
    def row_count(self) -> int:
        """Rows of all intervals."""
        return sum(len(rows) for rows in self.rows.values())


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a batch.

    Attributes:
        bad_rows: By interval and row index, the expectations that the row fails.
        warnings: Expectations that failed without harm to any row.
        is_refused: Nothing of the batch may be stored.
        reason: Why it is refused; empty otherwise.
        check_ms: Time of the checkpoint.
    """

    bad_rows: dict[Interval, dict[int, tuple[str, ...]]]
    warnings: tuple[str, ...]
    is_refused: bool
    reason: str
    check_ms: int

    @property
    def bad_row_count(self) -> int:
        """Rows that fail at least one expectation."""
        return sum(len(rows) for rows in self.bad_rows.values())

    @property
    def failed(self) -> tuple[str, ...]:
        """Every expectation that failed, sorted, each once."""
        names = {name for rows in self.bad_rows.values() for row in rows.values() for name in row}
        return tuple(sorted(names | set(self.warnings)))


@dataclass(frozen=True)
class BatchRecord:
    """The line that the batch log keeps.

    Attributes:
        symbol: Binance's pair id, upper case.
        fetched_at: When the last answer was complete, aware UTC.
        window_start: Inclusive, aware UTC.
        window_end: Exclusive, aware UTC.
        row_count: Rows fetched.
        quarantined_count: Rows refused.
        is_refused: Nothing of the batch was stored.
        failed: Expectations that failed.
        used_weight: The exchange's own count of request weight at that moment.
        fetch_ms: Time of the requests.
        check_ms: Time of the checkpoint.
    """

    symbol: str
    fetched_at: datetime
    window_start: datetime
    window_end: datetime
    row_count: int
    quarantined_count: int
    is_refused: bool
    failed: tuple[str, ...]
    used_weight: int
    fetch_ms: int
    check_ms: int


@dataclass(frozen=True)
class QuarantinedRow:
    """One refused row.

    Attributes:
        symbol: Binance's pair id, upper case.
        interval: 1s or 1m.
        open_time: Of the row, as it came.
        payload: The exchange's row, JSON.
        expectations: Those it failed.
        detected_at: When it was refused, aware UTC.
        batch_url: Where the whole batch lies while the landing area keeps it.
    """

    symbol: str
    interval: str
    open_time: str
    payload: str
    expectations: tuple[str, ...]
    detected_at: datetime
    batch_url: str
