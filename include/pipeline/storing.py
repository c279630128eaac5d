"""Store a validated batch: good rows, quarantined rows, watermark."""

from __future__ import annotations

import json
from collections.abc import Collection
from decimal import Decimal

from include.records.batches import Batch, BatchRecord, Run, StoredSpans
from include.records.klines import OPEN_TIME, Interval, RawRow
from include.records.limits import QUARANTINE_ALERT_RATIO
from include.records.prices import ExchangeMinute, SecondPrice, Span
from include.records.verdicts import SHOWN_OPEN_TIME, QuarantinedRow, Verdict
from include.records.windows import MINUTE, Window, from_ms, whole_ms
from include.store.store import Store


def load_batch(
    store: Store, batch: Batch, verdict: Verdict, batch_url: str, run: Run | None = None
) -> BatchRecord:
    """Store the good rows of a batch, quarantine the others, and move the watermark.

    A refused batch stores no prices and does not move the watermark: its window is fetched again.
    Safe to repeat.
    """
    record = store_batch(store, batch, verdict, batch_url, run)
    if not verdict.is_refused:
        if batch.five_minute_price is not None:
            last = batch.window.end - MINUTE
            store.five_minute_prices.keep(batch.symbol, last, batch.five_minute_price)
        _move_watermark(store, batch)
    return record


def store_batch(
    store: Store, batch: Batch, verdict: Verdict, batch_url: str, run: Run | None = None
) -> BatchRecord:
    """Store the good rows of a batch, quarantine the others, and log it. Safe to repeat."""
    bad = refused_rows(batch, verdict, batch_url)
    store.quarantine.keep(bad)
    if not verdict.is_refused:
        store_good_rows(store, batch, verdict)
    record = BatchRecord(
        symbol=batch.symbol,
        fetched_at=batch.fetched_at,
        window_start=batch.window.start,
        window_end=batch.window.end,
        row_count=batch.row_count,
        quarantined_count=len(bad),
        is_refused=verdict.is_refused,
        failed=verdict.failed,
        used_weight=batch.used_weight,
        fetch_ms=batch.fetch_ms,
        check_ms=verdict.check_ms,
        dag_id=run.dag_id if run else None,
        run_id=run.run_id if run else None,
        source=batch.source,
    )
    store.log_batch(record)
    return record


def stored_before(store: Store, batch: Batch) -> StoredSpans:
    """Return the stored rows in a batch's overlap, and just before it."""
    before = {
        interval: Window(span.start - MINUTE, batch.window.start)
        for interval, span in batch.spans.items()
    }
    return {
        Interval.SECOND: store.second_prices.between(batch.symbol, before[Interval.SECOND]),
        Interval.MINUTE: store.exchange_minutes.between(batch.symbol, before[Interval.MINUTE]),
    }


def alarm_of(store: Store, record: BatchRecord) -> str:
    """Return the alert for a batch that was just logged; empty if none is due.

    A batch that was refused or has too many bad rows is alarming when the previous one was not: a
    lasting fault is reported once.
    """
    if not _is_alarming(record):
        return ""
    logged = store.batch_log(record.symbol, record.fetched_at.date())
    before = next((each for each in logged if each.fetched_at < whole_ms(record.fetched_at)), None)
    if before and _is_alarming(before):
        return ""
    share = record.quarantined_count / max(record.row_count, 1)
    return (
        f"{record.symbol}: {record.quarantined_count} of {record.row_count} rows quarantined "
        f"({share:.1%}{', the batch refused' if record.is_refused else ''}), "
        f"by {', '.join(record.failed) or 'a check that could not run'}"
    )


def _is_alarming(record: BatchRecord) -> bool:
    limit = QUARANTINE_ALERT_RATIO.value * record.row_count
    return record.is_refused or record.quarantined_count > limit


def store_good_rows(store: Store, batch: Batch, verdict: Verdict) -> None:
    """Store the rows that passed the gate, as of the batch's fetch. Safe to repeat.

    Those that the gate saw stored already, unchanged, are not written again.

    Raises:
        ValueError: Two rows have the same moment. Written with one timestamp, Cassandra would
            merge them cell by cell into a row that nobody sent.
    """
    for interval in Interval:
        good = _good(batch, verdict, interval)
        if len({batch.rows[interval][place][OPEN_TIME] for place in good}) < len(good):
            raise ValueError(f"{batch.symbol} {batch.window}: two rows have the same moment")

    def new(interval: Interval, record: type[Span]) -> list[Span]:
        unchanged = {*verdict.unchanged.get(interval, ())}
        return good_rows(batch, verdict, interval, record, except_for=unchanged)

    store.second_prices.write(new(Interval.SECOND, SecondPrice), batch.fetched_at)
    store.exchange_minutes.write(new(Interval.MINUTE, ExchangeMinute), batch.fetched_at)


def refused_rows(batch: Batch, verdict: Verdict, batch_url: str) -> list[QuarantinedRow]:
    """Return the rows that the gate refused, as quarantine records."""
    return [
        QuarantinedRow(
            symbol=batch.symbol,
            interval=interval.value,
            open_time=str(batch.rows[interval][index][0])[:SHOWN_OPEN_TIME],
            payload=json.dumps(batch.rows[interval][index]),
            observed=observed,
            detected_at=whole_ms(batch.fetched_at),
            batch_url=batch_url,
        )
        for interval, rows in verdict.bad_rows.items()
        for index, observed in rows.items()
    ]


def good_rows(
    batch: Batch,
    verdict: Verdict,
    interval: Interval,
    record: type[Span],
    *,
    except_for: Collection[int] = (),
) -> list[Span]:
    """Return the rows that passed the gate, as records, in the order received.

    Args:
        batch: As landed.
        verdict: The gate's, on this batch.
        interval: Which rows.
        record: What to convert them to.
        except_for: Places of rows to leave out.
    """
    return [
        as_record(record, batch.symbol, batch.rows[interval][place])
        for place in _good(batch, verdict, interval)
        if place not in except_for
    ]


def _good(batch: Batch, verdict: Verdict, interval: Interval) -> list[int]:
    bad = verdict.bad_rows.get(interval, {})
    return [place for place in range(len(batch.rows.get(interval, ()))) if place not in bad]


def as_record(record: type[Span], symbol: str, row: RawRow) -> Span:
    """Convert a well-formed kline to a record."""
    opens_ms, open_, high, low, close, volume, _, quote_volume, trades, taker, taker_quote, _ = row
    return record(
        symbol=symbol,
        start=from_ms(int(opens_ms)),
        open=Decimal(open_),
        high=Decimal(high),
        low=Decimal(low),
        close=Decimal(close),
        volume=Decimal(volume),
        quote_volume=Decimal(quote_volume),
        trade_count=int(trades),
        taker_volume=Decimal(taker),
        taker_quote_volume=Decimal(taker_quote),
    )


def _move_watermark(store: Store, batch: Batch) -> None:
    mark = store.watermark(batch.symbol)
    if mark.stored_from is None:
        store.set_stored_from(batch.symbol, batch.window.start)
    if mark.stored_until is None or mark.stored_until < batch.window.end:
        store.set_stored_until(batch.symbol, batch.window.end)
