"""The gate: every batch is judged before any row of it is stored."""

from __future__ import annotations

import time
from collections import defaultdict

import pandas as pd
from great_expectations.data_context import EphemeralDataContext

from include.gx.checkpoints import ROW, Failure, run_checkpoint
from include.gx.suites import KLINE_COLUMNS, kline_suite
from include.marketdata.batches import Batch, Interval, RawRow, Verdict
from include.marketdata.windows import to_ms

SUITES = {Interval.SECOND: "second_prices", Interval.MINUTE: "exchange_minutes"}
# More than this share of bad rows means that the batch as a whole is not what it should be.
MOST_BAD_RATIO = 0.2
TICK_GRID = "expect_prices_to_be_on_tick_grid"


def check_batch(context: EphemeralDataContext, batch: Batch) -> Verdict:
    """Judge a batch: which rows may be stored, which are quarantined, or that none may.

    Args:
        context: Keeps the results for Data Docs.
        batch: As landed.

    Returns:
        The verdict. The batch is refused when an expectation could not be judged at all
        or when more than a fifth of an interval's rows are bad.
    """
    started = time.monotonic()
    bad_rows: dict[Interval, dict[int, tuple[str, ...]]] = {}
    warnings: list[str] = []
    reasons: list[str] = []
    for interval, rows in batch.rows.items():
        failures = _check_rows(context, batch, interval, rows)
        bad_rows[interval] = _by_row(failures)
        warnings += [failure.expectation for failure in failures if failure.is_warning]
        reasons += [
            f"{failure.expectation} on {SUITES[interval]} could not be judged: {failure.error}"
            for failure in failures
            if failure.error
        ]
        # A coarser tick puts rows from before the change off the grid, and says nothing else.
        wrong = sum(1 for names in bad_rows[interval].values() if set(names) != {TICK_GRID})
        if wrong > MOST_BAD_RATIO * len(rows):
            reasons.append(
                f"{wrong} of {len(rows)} {SUITES[interval]} are bad, more than {MOST_BAD_RATIO:.0%}"
            )
    return Verdict(
        bad_rows=bad_rows,
        warnings=tuple(dict.fromkeys(warnings)),
        is_refused=bool(reasons),
        reason="; ".join(reasons),
        check_ms=round((time.monotonic() - started) * 1000),
    )


def refusal(reason: str) -> Verdict:
    """Return the verdict on a batch that could not be judged."""
    return Verdict(bad_rows={}, warnings=(), is_refused=True, reason=reason, check_ms=0)


def describe(verdict: Verdict, row_count: int) -> str:
    """Return a verdict in one line for people."""
    good = f"{row_count - verdict.bad_row_count} of {row_count} rows good"
    line = f"refused: {verdict.reason}" if verdict.is_refused else good
    return f"{line} ({', '.join(verdict.failed)})" if verdict.failed else line


def kline_table(batch: Batch, interval: Interval) -> pd.DataFrame:
    """Lay out a batch's klines as a table, one row a kline, in the order they came.

    Every cell is what the exchange sent. Beside them stands what a row is judged by: `row`
    its number, `interval_ms`, `tick_size` and `fetched_at_ms`.
    """
    rows = [row[: len(KLINE_COLUMNS)] for row in batch.rows[interval]]
    table = pd.DataFrame(rows, columns=KLINE_COLUMNS, dtype=object)
    table[ROW] = range(len(table))
    table["interval_ms"] = interval.length_ms
    table["tick_size"] = format(batch.tick_size, "f")
    table["fetched_at_ms"] = to_ms(batch.fetched_at)
    return table


def _check_rows(
    context: EphemeralDataContext, batch: Batch, interval: Interval, rows: list[RawRow]
) -> list[Failure]:
    span = batch.spans[interval]
    suite = kline_suite(
        SUITES[interval],
        first_open_ms=to_ms(span.start),
        end_ms=to_ms(span.end),
        expected_rows=span.minute_count * 60_000 // interval.length_ms,
    )
    if not rows:
        return [Failure("expect_table_row_count_to_be_between", (), is_warning=True, error="")]
    return run_checkpoint(
        context,
        suite,
        kline_table(batch, interval),
        symbol=batch.symbol,
        checked_at=batch.fetched_at,
    )


def _by_row(failures: list[Failure]) -> dict[int, tuple[str, ...]]:
    by_row: dict[int, list[str]] = defaultdict(list)
    for failure in failures:
        for row in failure.rows:
            by_row[row].append(failure.expectation)
    return {row: tuple(names) for row, names in sorted(by_row.items())}
