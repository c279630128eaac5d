"""The gate: validate every batch before any of its rows is stored."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import pandas as pd

from include.gx.batch_expectations import OF_MINUTE, PRICE_BEFORE, STORED, SUMMED
from include.gx.checkpoints import Checkpoints
from include.gx.kline_suites import KLINE_COLUMNS
from include.gx.levels import ROW, Level
from include.gx.results import Failure, Outcome, Subject
from include.gx.rows import read_column
from include.gx.suites import Suite
from include.records.batches import Batch, StoredSpans
from include.records.klines import Interval, RawRow
from include.records.limits import MOST_BAD_RATIO
from include.records.prices import TradedSpan
from include.records.verdicts import Verdict
from include.records.windows import Window, to_ms

SUITES = {Interval.SECOND: Suite.SECOND_PRICES, Interval.MINUTE: Suite.EXCHANGE_MINUTES}


def check_batch(
    checkpoints: Checkpoints,
    batch: Batch,
    *,
    symbol: str,
    stored: StoredSpans,
    is_whole: bool = True,
) -> Verdict:
    """Validate a batch: decide which rows to store and which to quarantine, or refuse it all.

    Args:
        checkpoints: Keep the results for Data Docs.
        batch: As landed.
        symbol: The symbol requested.
        stored: Rows already stored in the batch's overlap, and just before it, by interval.
        is_whole: Every second and minute of the batch's spans should be there, and most of
            them good; False for single rows from quarantine.

    Returns:
        The verdict. The batch is refused when an expectation on all of it is not met, when one
        could not be validated, or when too many rows of an interval are bad.
    """
    started = time.monotonic()
    bad_rows: dict[Interval, dict[int, dict[str, str]]] = {}
    warnings: Counter[str] = Counter()
    reasons: list[str] = []
    evaluated_count = met_count = 0
    for interval, rows in batch.rows.items():
        outcome = checkpoints.run(
            SUITES[interval],
            kline_table(batch, interval, stored),
            Subject(symbol, window_name(batch.window), batch.fetched_at),
            _parameters(batch, interval, symbol, is_whole=is_whole),
        )
        evaluated_count += outcome.evaluated_count
        met_count += outcome.evaluated_count - len(outcome.failures)
        bad_rows[interval] = by_row(outcome)
        warnings += Counter(
            {
                each.expectation: len(each.rows) or 1
                for each in outcome.failures
                if each.level is Level.WARNING
            }
        )
        reasons += refusals(SUITES[interval], outcome)
        bad_count = len(bad_rows[interval])
        if is_whole and bad_count > MOST_BAD_RATIO.value * len(rows):
            reasons.append(
                f"{bad_count} of {len(rows)} {SUITES[interval]} are bad, "
                f"more than {MOST_BAD_RATIO.value:.0%}"
            )
    return Verdict(
        bad_rows=bad_rows,
        warnings=dict(warnings),
        is_refused=bool(reasons),
        reason="; ".join(reasons),
        check_ms=round((time.monotonic() - started) * 1000),
        evaluated_count=evaluated_count,
        met_count=met_count,
    )


def refusal(reason: str) -> Verdict:
    """Return the verdict that refuses a batch which could not be validated."""
    return Verdict(
        bad_rows={},
        warnings={},
        is_refused=True,
        reason=reason,
        check_ms=0,
        evaluated_count=0,
        met_count=0,
    )


def verdict_line(verdict: Verdict, row_count: int) -> str:
    """Format a verdict as one line for people."""
    good = f"{row_count - verdict.bad_row_count} of {row_count} rows good"
    line = f"refused: {verdict.reason}" if verdict.is_refused else good
    failed = [
        f"{name} {count}x" if (count := verdict.warnings.get(name)) else name
        for name in verdict.failed
    ]
    return f"{line} ({', '.join(failed)})" if failed else line


def window_name(window: Window) -> str:
    """Format a window as in the names of results."""
    return f"{window.start:%Y%m%dT%H%M}-{window.end:%Y%m%dT%H%M}"


def kline_table(batch: Batch, interval: Interval, stored: StoredSpans) -> pd.DataFrame:
    """Lay out a batch's klines as a table, one row per kline, in the order received.

    Every kline cell is unchanged. Further columns have what a row is compared with: `row`, its
    number; its symbol, interval and tick; when it was fetched; the stored row of the same moment
    and the close of the previous one; and, for seconds, the exchange's figures for their minute.
    """
    rows = batch.rows[interval]
    width = max(map(len, rows), default=len(KLINE_COLUMNS))
    names = [*KLINE_COLUMNS, *(f"column_{place + 1}" for place in range(len(KLINE_COLUMNS), width))]
    # A row shorter than the others is padded with nulls, and is not well formed.
    table = pd.DataFrame(rows, columns=names[:width], dtype=object)
    table[ROW] = range(len(table))
    table["symbol"] = batch.symbol
    table["interval_ms"] = interval.length_ms
    table["tick_size"] = format(batch.tick_size, "f")
    table["fetched_at_ms"] = to_ms(batch.fetched_at)
    held = {to_ms(span.start): _held(span) for span in stored.get(interval, ())}
    _join(table, STORED, rows, held.get)
    minutes = _exchange_minutes(batch, stored) if interval is Interval.SECOND else {}
    _join(table, OF_MINUTE, rows, lambda opens_ms: minutes.get(opens_ms // 60_000 * 60_000))
    closes = {
        to_ms(span.start) + interval.length_ms: (format(span.close, "f"),)
        for span in stored.get(interval, ())
    }
    _join(table, [PRICE_BEFORE], rows, closes.get)
    return table


def _parameters(
    batch: Batch, interval: Interval, symbol: str, *, is_whole: bool
) -> dict[str, object]:
    span = batch.spans[interval]
    every_row = span.minute_count * 60_000 // interval.length_ms
    return {
        "symbols": [symbol],
        "first_open_ms": to_ms(span.start),
        "last_open_ms": to_ms(span.end) - 1,
        "least_rows": every_row if is_whole else 0,
    }


def _join(
    table: pd.DataFrame,
    names: Sequence[str],
    rows: Sequence[RawRow],
    known: Callable[[int], Sequence[object] | None],
) -> None:
    """Add columns with what is known about each row's open time; nulls where nothing is."""
    nothing = (None,) * len(names)
    found = [
        (known(row[0]) if row and isinstance(row[0], int) else None) or nothing for row in rows
    ]
    for place, name in enumerate(names):
        table[name] = pd.Series([each[place] for each in found], index=table.index, dtype=object)


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


def refusals(suite: Suite, outcome: Outcome) -> list[str]:
    """Return why a table is refused as a whole; empty when it is not."""
    on_table = [each for each in outcome.failures if each.level is Level.TABLE]
    if on_table:
        return [f"{each.expectation} on {suite}{_seen(each)}" for each in on_table]
    return [
        f"{each.expectation} on {suite} could not be validated: {each.error or 'it names no row'}"
        for each in outcome.failures
        if each.error or (each.level is Level.ROWS and not each.rows)
    ]


def _seen(failure: Failure) -> str:
    if failure.rows:
        first = next(iter(failure.rows.values()))
        return f", {len(failure.rows)} rows, the first with {first}"
    return f", which observed {failure.observed}" if failure.observed else f": {failure.error}"


def by_row(outcome: Outcome) -> dict[int, dict[str, str]]:
    """Return the refused rows, each with the expectations it fails and what was observed."""
    bad: dict[int, dict[str, str]] = defaultdict(dict)
    for failure in outcome.failures:
        if failure.level is Level.ROWS:
            for row, observed in failure.rows.items():
                bad[row][failure.expectation] = observed
    return dict(sorted(bad.items()))
