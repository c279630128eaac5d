"""Everything known about one symbol's minute: its revisions, batches and refused rows.

Plain JSON: times are ISO 8601 in UTC, decimals are strings with all their digits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import TypedDict

from include.reading.quality_days import quality_day
from include.reading.queries import Reading, as_of
from include.records.batches import BATCH_LOG_DAYS, BatchRecord
from include.records.decimals import plain
from include.records.klines import LEAST_MICROSECONDS, US_PER_MS
from include.records.prices import MinuteAverage
from include.records.revisions import Restatement
from include.records.verdicts import QuarantinedRow
from include.records.windows import MINUTE, MINUTE_MS, Window, iso, to_ms
from include.store.store import Store

# A batch that is retried after midnight may belong to the day before.
RETRIED_FOR = timedelta(hours=2)
SHOWN_PAYLOAD = 2_000

JsonCell = str | int | bool | None
JsonObject = dict[str, JsonCell | list[str] | dict[str, str]]


class MinuteDetails(TypedDict):
    """One minute.

    Attributes:
        symbol: Binance's pair id.
        minute: Its start.
        state: How final it is; None where nothing is published.
        revisions: Ascending, fields of MinuteAverage with revision and known_at.
        restatements: Revisions that changed a final value.
        batches: Those fetched for this minute, newest first.
        batch_log_days: How long the log keeps a batch.
        quarantined: Refused rows of this minute, with the observed values.
    """

    symbol: str
    minute: str
    state: str | None
    revisions: list[JsonObject]
    restatements: list[JsonObject]
    batches: list[JsonObject]
    batch_log_days: int
    quarantined: list[JsonObject]


def details_of(store: Store, symbol: str, minute: datetime, moment: datetime) -> MinuteDetails:
    """Return what was known about a minute at a moment, with its batches and refused rows."""
    window = Window(minute, minute + MINUTE)
    readings = as_of(store, symbol, window, moment)
    days = _days_of_batches(store, symbol, minute)
    return {
        "symbol": symbol,
        "minute": iso(minute),
        "state": readings[0].state.value if readings else None,
        "revisions": [
            {"revision": price.revision, "known_at": iso(price.known_at), **_values(price.average)}
            for price in store.minute_prices.history(symbol, window)
            if price.known_at <= moment
        ],
        "restatements": [
            _values(each)
            for each in store.restatements.between(symbol, window)
            if each.known_at <= moment
        ],
        "batch_log_days": BATCH_LOG_DAYS,
        "batches": [
            batch_values(batch)
            for day in days
            for batch in store.batch_log(symbol, day)
            if batch.window_start <= minute < batch.window_end and batch.fetched_at <= moment
        ],
        "quarantined": [
            row_values(row)
            for day in days
            for row in store.quarantine.on_day(symbol, day)
            if _is_of(row, minute) and row.detected_at <= moment
        ],
    }


# What a reading has as JSON, in its order.
READING_FIELDS = (
    *(field.name for field in fields(MinuteAverage)),
    "revision",
    "known_at",
    "first_known_at",
    "first_valued_at",
    "source",
    "state",
    "is_late",
)


def reading_values(reading: Reading, source: str | None) -> JsonObject:
    """Return a published minute, fields of Reading and of MinuteAverage, with its source."""
    return {
        **_values(reading.average),
        "revision": reading.revision,
        "known_at": iso(reading.known_at),
        "first_known_at": iso(reading.first_known_at),
        "first_valued_at": iso(reading.first_valued_at) if reading.first_valued_at else None,
        "source": source,
        "state": reading.state.value,
        "is_late": reading.is_late,
    }


def batch_values(batch: BatchRecord) -> JsonObject:
    """Return a line of the batch log."""
    return {**_values(batch), "failed": [*batch.failed]}


def row_values(row: QuarantinedRow) -> JsonObject:
    """Return a quarantined row, its payload cut to the first characters."""
    return {**_values(row), "observed": row.observed, "payload": row.payload[:SHOWN_PAYLOAD]}


def day_values(store: Store, symbol: str, day: date, row_count: int) -> dict[str, object]:
    """Return a symbol's UTC day in numbers, with its newest quarantined rows."""
    quality = quality_day(store, symbol, day)
    return {
        "symbol": symbol,
        "day": day.isoformat(),
        "batch_count": quality.batch_count,
        "refused_count": quality.refused_count,
        "warned_count": quality.warned_count,
        "row_count": quality.row_count,
        "quarantined_count": len(quality.rows),
        "open_count": quality.open_count,
        "last_failed_at": iso(quality.last_failed_at) if quality.last_failed_at else None,
        "failed": quality.failed,
        "quarantined": [row_values(row) for row in quality.rows[:row_count]],
    }


def _values(record: MinuteAverage | BatchRecord | QuarantinedRow | Restatement) -> JsonObject:
    """Return a record's fields; those that are not plain values become None."""
    return {field.name: _plain(getattr(record, field.name)) for field in fields(record)}


def _plain(value: object) -> JsonCell:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Enum):
        return str(value.value)
    return value if isinstance(value, str | int | bool | None) else None


def _days_of_batches(store: Store, symbol: str, minute: datetime) -> list[date]:
    """Return the UTC days on which batches of a minute were fetched, newest first."""
    day = minute.date()
    backfills: Iterable[date] = (
        each.finished_at.date() for each in store.days.backfilled(symbol, day, day)
    )
    return sorted({day, (minute + RETRIED_FOR).date(), *backfills}, reverse=True)


def _is_of(row: QuarantinedRow, minute: datetime) -> bool:
    """Tell whether a refused row belongs to a minute; one without a valid time does not."""
    if not row.open_time.isdecimal():
        return row.open_time == minute.isoformat()
    opens = int(row.open_time)
    opens_ms = opens // US_PER_MS if opens >= LEAST_MICROSECONDS else opens
    return 0 <= opens_ms - to_ms(minute) < MINUTE_MS
