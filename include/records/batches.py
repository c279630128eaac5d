"""A batch, the result of one fetch of one symbol, and its entry in the batch log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from include.records.klines import CLOSE_TIME, OPEN_TIME, UNUSED, Interval, RawRow
from include.records.prices import TradedSpan
from include.records.windows import Window, to_ms

# How long the batch log keeps a line (include/sql/schema/007_batch_log.cql).
BATCH_LOG_DAYS = 90
# A symbol's stored seconds and minutes.
StoredSpans = Mapping[Interval, Sequence[TradedSpan]]


@dataclass(frozen=True)
class Batch:
    """The unchanged result of one fetch of one symbol and window.

    Attributes:
        symbol: Binance's pair id, upper case.
        window: The span requested; the klines of earlier minutes come with it as overlap.
        fetched_at: When the last answer was complete, by the exchange's clock, aware UTC.
        rows: Klines by interval, each the exchange's own list of strings and integers.
        spans: The span requested for each interval: the window and its overlap.
        tick_size: Smallest step of a price as the exchange states it now, quote asset per base
            asset; zero where it states none, or the rows are from another time.
        used_weight: The exchange's own count of request weight for this minute and address.
        fetch_ms: Time the requests took.
        five_minute_price: The exchange's own average of the five minutes that end with the
            window, where it was requested in time and something traded.
        source: Where the rows come from, like LIVE data-api.binance.vision or GENERATED
            (include/exchange/price_source.py); None where it was not noted.
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
    source: str | None = None

    @property
    def row_count(self) -> int:
        """Number of rows in all intervals."""
        return sum(len(rows) for rows in self.rows.values())


def unchanged_rows(batch: Batch, stored: StoredSpans) -> dict[Interval, list[int]]:
    """Return the places of a batch's rows that are stored already, digit for digit.

    Five of the six minutes that a fetch asks for overlap with the fetches before it.

    Args:
        batch: As landed.
        stored: Rows of its symbol, by interval.
    """
    return {
        interval: _held(
            rows, {to_ms(span.start): _cells(span) for span in stored.get(interval, ())}
        )
        for interval, rows in batch.rows.items()
    }


def _held(rows: Sequence[RawRow], stored: Mapping[int, RawRow]) -> list[int]:
    return [
        place
        for place, row in enumerate(rows)
        # A row of another shape may have anything there.
        if row and isinstance(start := row[OPEN_TIME], int) and stored.get(start) == _amounts(row)
    ]


def _cells(span: TradedSpan) -> RawRow:
    """Return a stored row's amounts as the exchange writes them in a kline."""
    prices = (span.open, span.high, span.low, span.close, span.volume, span.quote_volume)
    taker = (span.taker_volume, span.taker_quote_volume)
    return [
        *(format(amount, "f") for amount in prices),
        span.trade_count,
        *(format(amount, "f") for amount in taker),
    ]


def _amounts(row: RawRow) -> RawRow:
    return [*row[OPEN_TIME + 1 : CLOSE_TIME], *row[CLOSE_TIME + 1 : UNUSED]]


class Run(NamedTuple):
    """An Airflow run, identified by its DAG and run ids."""

    dag_id: str
    run_id: str


@dataclass(frozen=True)
class BatchRecord:
    """One entry of the batch log.

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
        fetch_ms: Time the requests took.
        check_ms: Time the checkpoint took.
        dag_id: Of the Airflow run that fetched it; None where no run did, or it was not noted.
        run_id: Of the same run.
        source: Where the rows come from; None where it was not noted.
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
    source: str | None = None
