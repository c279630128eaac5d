"""A batch: what one fetch of one symbol returned, and its line in the batch log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from include.records.klines import Interval, RawRow
from include.records.prices import TradedSpan
from include.records.windows import Window

# Seconds and minutes of one symbol that the store holds.
StoredSpans = Mapping[Interval, Sequence[TradedSpan]]


@dataclass(frozen=True)
class Batch:
    """What one fetch of one symbol and window returned, as it came.

    Attributes:
        symbol: Binance's pair id, upper case.
        window: The span asked for; the klines of earlier minutes come with it as overlap.
        fetched_at: When the last answer was complete, by the exchange's clock, aware UTC.
        rows: Klines by interval, each the exchange's own list of strings and integers.
        spans: The span asked of each interval: the window and its overlap.
        tick_size: Smallest step of a price by what the exchange says now, quote asset per base
            asset; zero where it says nothing, or the rows are of another time.
        used_weight: The exchange's own count of request weight for this minute and address.
        fetch_ms: Time of the requests.
        five_minute_price: The exchange's own average of the five minutes that end with the
            window, where it was asked in time and something traded.
    """

    symbol: str
    window: Window
    fetched_at: datetime
    rows: dict[Interval, list[RawRow]]
    spans: dict[Interval, Window]
    tick_size: Decimal
    used_weight: int
    fetch_ms: int
    five_minute_price: Decimal | None = None

    @property
    def row_count(self) -> int:
        """Rows of all intervals."""
        return sum(len(rows) for rows in self.rows.values())


class Run(NamedTuple):
    """A run of Airflow, by its names there."""

    dag_id: str
    run_id: str


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
        dag_id: Of the Airflow run that fetched it; None where it was none, or nobody noted it.
        run_id: Of the same run.
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
    dag_id: str | None = None
    run_id: str | None = None
