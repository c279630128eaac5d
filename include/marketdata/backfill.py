"""A day of one symbol, from wherever it is to published minutes; skipped where it is complete."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from include.gx.checkpoints import Checkpoints
from include.marketdata.batches import OPEN_TIME, Batch, BatchRecord, Interval, Run
from include.marketdata.day_files import DayRows
from include.marketdata.errors import CheckFailedError
from include.marketdata.history import BackfilledDay
from include.marketdata.prices import Flag, TradedSpan
from include.marketdata.publication import Publication, Publisher
from include.marketdata.quality import StoredSpans, check_batch
from include.marketdata.store import Store
from include.marketdata.storing import store_batch
from include.marketdata.windows import Window, to_ms, whole_ms

# A batch for the gate: small enough to hold its every cell as a number.
BATCH = timedelta(hours=6)
# Flags of minutes that another fetch may still complete.
INCOMPLETE = frozenset({Flag.PARTIAL, Flag.SOURCE_GAP, Flag.INGEST_GAP})
A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Backfill:
    """What became of one day.

    Attributes:
        day: As noted in the store.
        quarantined_count: Rows that the gate refused.
        publication: Revisions written.
    """

    day: BackfilledDay
    quarantined_count: int
    publication: Publication


def is_complete(store: Store, symbol: str, day: date) -> bool:
    """Tell whether a day needs no backfill.

    It does not where one has fetched it whole, or where each of its minutes is published with
    nothing missing that a fetch might find.
    """
    if store.days.backfilled(symbol, day, day):
        return True
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    window = Window(start, start + A_DAY)
    published = store.minute_prices.between(symbol, window)
    return len(published) == window.minute_count and not any(
        price.average.flag in INCOMPLETE for price in published
    )


def backfill(
    publisher: Publisher,
    checkpoints: Checkpoints,
    fetched: DayRows,
    on_progress: Callable[[BatchRecord], None] = lambda _record: None,
    run: Run | None = None,
) -> Backfill:
    """Judge, store, average and publish a day; doing it again changes nothing.

    Args:
        publisher: Holds the store.
        checkpoints: Keep the results for Data Docs.
        fetched: The day.
        on_progress: Told of each part of the day that is stored.
        run: The run of Airflow to note with each part.

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
        gap_count=sum(1 for price in published if price.average.flag in INCOMPLETE),
    )
    if fetched.window.end - fetched.window.start == A_DAY:
        store.days.note_backfill(noted)
    return Backfill(noted, sum(record.quarantined_count for record in records), publication)


def store_day(
    store: Store,
    checkpoints: Checkpoints,
    fetched: DayRows,
    on_progress: Callable[[BatchRecord], None] = lambda _record: None,
    run: Run | None = None,
) -> list[BatchRecord]:
    """Judge and store a day in parts: one part is stored while the next is judged.

    Raises:
        CheckFailedError: The gate refuses a part; those before it are stored.
    """
    records: list[BatchRecord] = []
    storing: deque[Future[BatchRecord]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for batch in batches(fetched):
            stored = _stored(store, batch, fetched)
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
        tick_size=fetched.tick_size,
        used_weight=0,
        fetch_ms=0,
    )


def _stored(store: Store, batch: Batch, fetched: DayRows) -> StoredSpans:
    """Return what rows may not have less than; the archive has the last word on its rows."""
    stored: dict[Interval, Sequence[TradedSpan]] = {}
    if fetched.sources[Interval.SECOND] == "rest":
        stored[Interval.SECOND] = store.second_prices.between(batch.symbol, batch.window)
    if fetched.sources[Interval.MINUTE] == "rest":
        stored[Interval.MINUTE] = store.exchange_minutes.between(batch.symbol, batch.window)
    return stored
