"""Backfill a day of one symbol to published minutes, and describe what it still lacks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from include.exchange.days import DayRows
from include.gx.batches import check_batch
from include.gx.checkpoints import Checkpoints
from include.pipeline.publishing import Publication, Publisher
from include.pipeline.storing import as_record, store_batch
from include.records.batches import Batch, BatchRecord, Run
from include.records.errors import CheckFailedError
from include.records.klines import OPEN_TIME, TRADE_COUNT, Interval
from include.records.limits import QUARANTINE_ALERT_RATIO
from include.records.prices import Flag, MinutePrice, SecondPrice, TradedSpan
from include.records.revisions import BackfilledDay
from include.records.windows import DAY, MINUTE, Window, to_ms, whole_ms
from include.store.store import Store

# A batch for the gate: small enough to hold every cell as a number in memory.
BATCH = timedelta(hours=6)
# Flags of minutes that another fetch may still complete.
INCOMPLETE = frozenset({Flag.PARTIAL, Flag.SOURCE_GAP, Flag.INGEST_GAP})


@dataclass(frozen=True)
class Backfill:
    """The result of one day's backfill.

    Attributes:
        day: As recorded in the store.
        publication: Revisions written.
    """

    day: BackfilledDay
    publication: Publication

    @property
    def alarm(self) -> str:
        """The alert to send; empty if none is due."""
        return _many_quarantined(self.day)


def describe_missing(store: Store, symbol: str, window: Window) -> str:
    """Describe what another backfill of a day might find; empty if the day is complete.

    It is complete when every minute is published with a value, or with a cause that will not
    change, and the gate did not refuse many rows of the last backfill.
    """
    day = window.start.date()
    published = store.minute_prices.between(symbol, window)
    unpublished = window.minute_count - len(published)
    gaps = _gap_count(published)
    noted = store.days.backfilled(symbol, day, day)
    reasons = [
        f"{unpublished} minutes are not published" if unpublished else "",
        f"{gaps} minutes have no value or a partial one, without a final cause" if gaps else "",
        *map(_many_quarantined, noted),
    ]
    return "; ".join(reason for reason in reasons if reason)


def _gap_count(published: Sequence[MinutePrice]) -> int:
    return sum(1 for price in published if price.average.flag in INCOMPLETE)


def _many_quarantined(noted: BackfilledDay) -> str:
    if noted.quarantined_count <= QUARANTINE_ALERT_RATIO.value * noted.row_count:
        return ""
    return (
        f"{noted.symbol} {noted.day}: {noted.quarantined_count} of {noted.row_count} rows "
        "quarantined by the backfill; replay_quarantine lists them"
    )


def backfill(
    publisher: Publisher,
    checkpoints: Checkpoints,
    fetched: DayRows,
    on_progress: Callable[[BatchRecord], None] = lambda _record: None,
    run: Run | None = None,
) -> Backfill:
    """Validate, store, average and publish a day; repeating it changes nothing.

    Args:
        publisher: Holds the store.
        checkpoints: Keep the results for Data Docs.
        fetched: The day.
        on_progress: Called for each part of the day that is stored.
        run: The Airflow run to log with each part.

    Raises:
        CheckFailedError: The gate refuses a part of the day: nothing of that part is stored, and
            the day is not published.
    """
    store = publisher.store
    records = store_day(store, checkpoints, fetched, on_progress, run)
    publication = publisher.publish_windows({fetched.symbol: [fetched.window]}, are_fetched=True)
    published = store.minute_prices.between(fetched.symbol, fetched.window)
    noted = BackfilledDay(
        symbol=fetched.symbol,
        day=fetched.window.start.date(),
        finished_at=whole_ms(publisher.clock()),
        sources=fetched.source_names,
        second_count=len(fetched.rows[Interval.SECOND]),
        minute_count=len(fetched.rows[Interval.MINUTE]),
        gap_count=_gap_count(published),
        row_count=sum(record.row_count for record in records),
        quarantined_count=sum(record.quarantined_count for record in records),
    )
    if fetched.window.end - fetched.window.start == DAY:
        store.days.note_backfill(noted)
    return Backfill(noted, publication)


def store_day(
    store: Store,
    checkpoints: Checkpoints,
    fetched: DayRows,
    on_progress: Callable[[BatchRecord], None] = lambda _record: None,
    run: Run | None = None,
) -> list[BatchRecord]:
    """Validate and store a day in parts: one part is stored while the next is validated.

    Raises:
        CheckFailedError: The gate refuses a part; those before it are stored.
    """
    records: list[BatchRecord] = []
    storing: deque[Future[BatchRecord]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for batch in batches(fetched):
            stored = {each: _stored(store, batch, fetched, each) for each in batch.rows}
            verdict = check_batch(checkpoints, batch, symbol=batch.symbol, stored=stored)
            if verdict.is_refused:
                raise CheckFailedError(f"{batch.symbol} {batch.window}: {verdict.reason}")
            storing.append(pool.submit(store_batch, store, batch, verdict, "", run))
            while storing and (len(storing) > 1 or storing[0].done()):
                records.append(storing.popleft().result())
                on_progress(records[-1])
        for last in storing:
            records.append(last.result())
            on_progress(records[-1])
    return records


def batches(fetched: DayRows) -> list[Batch]:
    """Cut a day into batches for the gate, ascending."""
    starts = [fetched.window.start]
    while starts[-1] + BATCH < fetched.window.end:
        starts.append(starts[-1] + BATCH)
    return [
        _batch(fetched, Window(start, min(start + BATCH, fetched.window.end)), number)
        for number, start in enumerate(starts)
    ]


def _batch(fetched: DayRows, window: Window, number: int) -> Batch:
    first_ms, end_ms = to_ms(window.start), to_ms(window.end)
    return Batch(
        symbol=fetched.symbol,
        window=window,
        # The log keeps one batch of a symbol a moment.
        fetched_at=fetched.fetched_at + number * timedelta(milliseconds=1),
        rows={
            interval: [row for row in rows if first_ms <= int(row[OPEN_TIME]) < end_ms]
            for interval, rows in fetched.rows.items()
            if rows
        },
        spans=dict.fromkeys(fetched.rows, window),
        # The day's tick is unknown.
        tick_size=Decimal(0),
        used_weight=0,
        fetch_ms=0,
        source=fetched.source,
    )


def _stored(store: Store, batch: Batch, fetched: DayRows, interval: Interval) -> list[TradedSpan]:
    """Return the stored rows that a batch is compared with: in its window, and just before it.

    A row of the REST API may not have less than the stored row. The archive overrides stored rows,
    except where it has no trades: stored trades are then evidence against it.
    """
    table = store.second_prices if interval is Interval.SECOND else store.exchange_minutes
    window = batch.window
    stored: Sequence[TradedSpan] = table.between(
        batch.symbol, Window(window.start - MINUTE, window.end)
    )
    before = [span for span in stored if span.start < window.start]
    if window.start > fetched.window.start:
        before = _last_row(fetched, interval, window.start)
    at_stake = [span for span in stored if span.start >= window.start]
    if fetched.sources[interval] != "rest":
        silent_ms = {row[OPEN_TIME] for row in batch.rows[interval] if not row[TRADE_COUNT]}
        at_stake = [span for span in at_stake if to_ms(span.start) in silent_ms]
    return [*before, *at_stake]


def _last_row(fetched: DayRows, interval: Interval, moment: datetime) -> list[TradedSpan]:
    """Return the row just before a moment; the part that it belongs to may not be stored yet."""
    opens_ms = to_ms(moment) - interval.length_ms
    rows = [row for row in fetched.rows[interval] if row[OPEN_TIME] == opens_ms]
    try:
        return [as_record(SecondPrice, fetched.symbol, row) for row in rows[:1]]
    except (ArithmeticError, ValueError):
        return []
