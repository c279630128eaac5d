"""From the exchange to the store: plan, fetch, check, load. Each step stands alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from include.marketdata.batches import (
    SHOWN_OPEN_TIME,
    Batch,
    BatchRecord,
    Interval,
    QuarantinedRow,
    RawRow,
    Verdict,
    in_milliseconds,
)
from include.marketdata.binance import BinanceClient
from include.marketdata.errors import RetryableError, UnknownSymbolError
from include.marketdata.prices import ExchangeMinute, SecondPrice, SymbolInfo, TradedSpan
from include.marketdata.store import Store
from include.marketdata.thresholds import QUARANTINE_ALERT_RATIO
from include.marketdata.windows import Window, from_ms, plan_window, whole_ms

# A just closed kline may still change for a moment: Binance's own stream was seen to close
# a minute 1.8 s late, and its REST answers come from a slower copy.
SETTLE = timedelta(seconds=5)
OVERLAPS = {Interval.SECOND: timedelta(minutes=5), Interval.MINUTE: timedelta(minutes=15)}
FIRST_LOOK_BACK = timedelta(minutes=15)
LONGEST = timedelta(minutes=60)
SYMBOL_INFO_AGE = timedelta(minutes=10)

Span = TypeVar("Span", SecondPrice, ExchangeMinute)
StoredSpans = dict[Interval, Sequence[TradedSpan]]


@dataclass(frozen=True)
class FetchPlan:
    """What one mapped fetch is asked for.

    Attributes:
        symbol: As the settings name it.
        window: New minutes, from the watermark to the last closed one; the fetch adds the overlap.
        tick_size: Smallest step of a price; None when the exchange does not list the symbol.
        clock_offset: The exchange's clock minus ours.
    """

    symbol: str
    window: Window
    tick_size: Decimal | None
    clock_offset: timedelta


def plan_fetches(
    store: Store, client: BinanceClient, symbols: Sequence[str], clock: Callable[[], datetime]
) -> list[FetchPlan]:
    """Plan one fetch per symbol, from its watermark to the exchange's last closed minute.

    Returns:
        A plan for each symbol, in order; also for one that the exchange does not list, so
        that its fetch can say so without stopping the others.
    """
    offset = client.clock_offset()
    server_now = clock() + offset
    infos = known_symbols(store, client, symbols, server_now)
    return [
        FetchPlan(
            symbol=symbol,
            window=plan_window(
                store.watermark(symbol).stored_until,
                server_now,
                overlap=timedelta(0),
                first_look_back=FIRST_LOOK_BACK,
                longest=LONGEST,
            ),
            tick_size=infos[symbol].tick_size if symbol in infos else None,
            clock_offset=offset,
        )
        for symbol in symbols
    ]


def known_symbols(
    store: Store, client: BinanceClient, symbols: Sequence[str], now: datetime
) -> dict[str, SymbolInfo]:
    """Return what is known of symbols, asking the exchange for what is missing or old.

    While the exchange does not answer, what it said before still holds.
    """
    known = {symbol: info for symbol in symbols if (info := store.symbol_info(symbol))}
    ask_for = [
        symbol
        for symbol in symbols
        if symbol not in known or now - known[symbol].checked_at > SYMBOL_INFO_AGE
    ]
    if not ask_for:
        return known
    try:
        fresh = client.symbol_infos(ask_for)
    except RetryableError:
        if set(known) >= set(symbols):
            return known
        raise
    for info in fresh.values():
        store.remember_symbol(info)
    return {
        symbol: info for symbol, info in (known | fresh).items() if symbol not in ask_for
    } | fresh


def fetch_batch(
    client: BinanceClient,
    plan: FetchPlan,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
) -> Batch:
    """Fetch one symbol's seconds and minutes, once its last minute has settled.

    Raises:
        UnknownSymbolError: The exchange does not list the symbol; nothing was asked.
        RetryableError: The exchange does not answer, or wants nothing for longer than the
            client's patience; the next run asks for the same window.
    """
    if plan.tick_size is None:
        raise UnknownSymbolError(plan.symbol)
    settled_at = plan.window.end + SETTLE - plan.clock_offset
    sleep(max(0.0, (settled_at - clock()).total_seconds()))
    client.restart_patience()
    started = time.monotonic()
    spans = {
        interval: Window(plan.window.start - overlap, plan.window.end)
        for interval, overlap in OVERLAPS.items()
    }
    rows = {
        interval: _once_each(client.klines(plan.symbol, interval, span))
        for interval, span in spans.items()
    }
    return Batch(
        symbol=plan.symbol,
        window=plan.window,
        fetched_at=clock() + plan.clock_offset,
        rows=rows,
        spans=spans,
        tick_size=plan.tick_size,
        used_weight=client.used_weight,
        fetch_ms=round((time.monotonic() - started) * 1000),
    )


def load_batch(store: Store, batch: Batch, verdict: Verdict, batch_url: str) -> BatchRecord:
    """Store the good rows of a batch, quarantine the others, and move the watermark.

    A refused batch stores nothing and leaves the watermark: its window is fetched again.
    Safe to repeat.
    """
    bad = refused_rows(batch, verdict, batch_url)
    store.quarantine.keep(bad)
    if not verdict.is_refused:
        store_good_rows(store, batch, verdict)
        _move_watermark(store, batch)
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
    )
    store.log_batch(record)
    return record


def stored_before(store: Store, batch: Batch) -> StoredSpans:
    """Return what is stored of the moments that a batch fetched once more."""
    before = {
        interval: Window(span.start, batch.window.start) for interval, span in batch.spans.items()
    }
    return {
        Interval.SECOND: store.second_prices.between(batch.symbol, before[Interval.SECOND]),
        Interval.MINUTE: store.exchange_minutes.between(batch.symbol, before[Interval.MINUTE]),
    }


def alarm_of(store: Store, record: BatchRecord) -> str:
    """Return what should alarm somebody in a batch that was just logged; nothing if nothing does.

    A batch that was refused or has too many bad rows is alarming when the one before it was not:
    a fault that lasts is said once.
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
    """Store what the gate let pass, as of the batch's fetch. Safe to repeat."""
    seconds = good_rows(batch, verdict, Interval.SECOND, SecondPrice)
    minutes = good_rows(batch, verdict, Interval.MINUTE, ExchangeMinute)
    store.second_prices.write(seconds, batch.fetched_at)
    store.exchange_minutes.write(minutes, batch.fetched_at)


def refused_rows(batch: Batch, verdict: Verdict, batch_url: str) -> list[QuarantinedRow]:
    """Return the rows that the gate refused, as quarantine keeps them."""
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


def good_rows(batch: Batch, verdict: Verdict, interval: Interval, record: type[Span]) -> list[Span]:
    """Return the rows that the gate let pass, as records, in the order they came."""
    bad = verdict.bad_rows.get(interval, {})
    return [
        _record(record, batch.symbol, row)
        for index, row in enumerate(batch.rows.get(interval, ()))
        if index not in bad
    ]


def _record(record: type[Span], symbol: str, row: RawRow) -> Span:
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


def _once_each(rows: Iterable[RawRow]) -> list[RawRow]:
    """Sort rows and count one that came twice, on two pages, once; rows that differ all stay."""
    once = {tuple(row) for row in in_milliseconds([*rows])}
    return [list(row) for row in sorted(once, key=lambda row: row[0])]
