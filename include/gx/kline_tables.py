"""Lay out batches of klines as the tables that the gate validates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

import pandas as pd

from include.gx.batch_expectations import OF_MINUTE, PRICE_BEFORE, STORED, SUMMED
from include.gx.kline_suites import KLINE_COLUMNS
from include.gx.levels import REQUESTED, ROW
from include.gx.rows import read_column
from include.records.batches import Batch, StoredSpans
from include.records.klines import Interval, RawRow
from include.records.prices import TradedSpan
from include.records.windows import to_ms


@dataclass(frozen=True)
class Candidate:
    """A batch to validate, and what it is compared with.

    Attributes:
        symbol: The symbol requested.
        batch: As landed.
        stored: Rows already stored in the batch's overlap, and just before it, by interval.
        is_whole: Every second and minute of the batch's spans should be there, and most of
            them good; False for single rows from quarantine.
    """

    symbol: str
    batch: Batch
    stored: StoredSpans
    is_whole: bool = True

    def least_rows(self, interval: Interval) -> int:
        """Return the number of rows of an interval that a running exchange returns."""
        span_ms = self.batch.spans[interval].minute_count * 60_000
        return span_ms // interval.length_ms if self.is_whole else 0


def kline_table(batches: Sequence[Mapping[str, list[object]]]) -> pd.DataFrame:
    """Put the columns of batches, all with the same names, under one another in one table."""
    first, *_ = batches
    table = pd.DataFrame(
        {name: [*chain.from_iterable(columns[name] for columns in batches)] for name in first},
        dtype=object,
    )
    table[ROW] = range(len(table))
    return table


def kline_columns(candidate: Candidate, interval: Interval) -> dict[str, list[object]]:
    """Lay out a batch's klines as columns, one cell per kline, in the order received.

    Every kline cell is unchanged. Further columns have what a row is compared with: its number;
    the symbol requested and its own; the span requested, the interval and the tick; when it was
    fetched; the stored row of the same moment and the close of the previous one; and, for
    seconds, the exchange's figures for their minute.
    """
    batch, stored = candidate.batch, candidate.stored
    rows, span = batch.rows[interval], batch.spans[interval]
    width = max(map(len, rows), default=len(KLINE_COLUMNS))
    names = [*KLINE_COLUMNS, *(f"column_{place + 1}" for place in range(len(KLINE_COLUMNS), width))]
    # A row shorter than the others is padded with nulls, and is not well formed.
    cells = zip_longest(*rows) if rows else ((),) * width
    columns = {name: [*column] for name, column in zip(names, cells, strict=False)}
    same = {
        REQUESTED: candidate.symbol,
        "symbol": batch.symbol,
        "first_open_ms": to_ms(span.start),
        "last_open_ms": to_ms(span.end) - 1,
        "interval_ms": interval.length_ms,
        "tick_size": format(batch.tick_size, "f"),
        "fetched_at_ms": to_ms(batch.fetched_at),
    }
    columns |= {ROW: [*range(len(rows))]} | {name: [same[name]] * len(rows) for name in same}
    held = {to_ms(span.start): _held(span) for span in stored.get(interval, ())}
    columns |= _joined(STORED, rows, held.get)
    minutes = _exchange_minutes(batch, stored) if interval is Interval.SECOND else {}
    columns |= _joined(OF_MINUTE, rows, lambda opens_ms: minutes.get(opens_ms // 60_000 * 60_000))
    closes = {
        to_ms(span.start) + interval.length_ms: (format(span.close, "f"),)
        for span in stored.get(interval, ())
    }
    return columns | _joined([PRICE_BEFORE], rows, closes.get)


def _joined(
    names: Sequence[str],
    rows: Sequence[RawRow],
    known: Callable[[int], Sequence[object] | None],
) -> dict[str, list[object]]:
    """Return columns with what is known about each row's open time; nulls where nothing is."""
    nothing = (None,) * len(names)
    found = [
        (known(row[0]) if row and isinstance(row[0], int) else None) or nothing for row in rows
    ]
    return {name: [each[place] for each in found] for place, name in enumerate(names)}


def _held(span: TradedSpan) -> tuple[object, ...]:
    amounts = (span.high, span.low, span.volume, span.quote_volume)
    return (*(format(amount, "f") for amount in amounts), span.trade_count)


def _exchange_minutes(batch: Batch, stored: StoredSpans) -> dict[int, tuple[object, ...]]:
    """Return the exchange's figures for each minute: from this batch if readable, else stored."""
    places = [KLINE_COLUMNS.index(name) for name in SUMMED]
    said: dict[int, tuple[object, ...]] = {
        to_ms(minute.start): (
            format(minute.volume, "f"),
            format(minute.quote_volume, "f"),
            minute.trade_count,
        )
        for minute in stored.get(Interval.MINUTE, ())
    }
    rows = [
        row
        for row in batch.rows.get(Interval.MINUTE, ())
        if len(row) >= len(KLINE_COLUMNS) and isinstance(row[0], int)
    ]
    columns = [[row[place] for row in rows] for place in places]
    read = zip(*map(read_column, SUMMED, columns), strict=True)
    for row, cells, numbers in zip(rows, zip(*columns, strict=True), read, strict=True):
        if None not in numbers:
            said[int(row[0])] = cells
    return said
