"""The gate: validate every batch before any of its rows is stored."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from include.gx.checkpoints import Checkpoints
from include.gx.kline_suites import COLUMNS
from include.gx.kline_tables import Candidate, kline_columns, kline_table
from include.gx.levels import Level
from include.gx.results import Failure, Outcome, Subject
from include.gx.suites import Suite
from include.gx.summaries import window_name
from include.records.batches import Batch, StoredSpans, unchanged_rows
from include.records.klines import Interval
from include.records.limits import MOST_BAD_RATIO
from include.records.verdicts import Verdict
from include.records.windows import Window

SUITES = {Interval.SECOND: Suite.SECOND_PRICES, Interval.MINUTE: Suite.EXCHANGE_MINUTES}


@dataclass(frozen=True)
class _Share:
    """One batch's share in the validation of an interval: its outcome, and its part of the time."""

    outcome: Outcome
    check_ms: float


def check_batch(
    checkpoints: Checkpoints,
    batch: Batch,
    *,
    symbol: str,
    stored: StoredSpans,
    is_whole: bool = True,
) -> Verdict:
    """Validate a single batch; see check_batches."""
    candidate = Candidate(symbol, batch, stored, is_whole)
    return dict(check_batches(checkpoints, [candidate]))[symbol]


def check_batches(
    checkpoints: Checkpoints, candidates: Sequence[Candidate]
) -> Iterator[tuple[str, Verdict]]:
    """Validate batches: decide which rows to store and which to quarantine, or refuse a batch.

    A checkpoint takes as long for one batch as for many, so they are validated together; only
    those that fail are validated again, each alone. The verdict on a batch does not depend on
    the others.

    Args:
        checkpoints: Keep the results for Data Docs.
        candidates: Of different requested symbols.

    Yields:
        Each requested symbol with its verdict as soon as that is certain: first those that pass
        together. A batch is refused when an expectation on all of it is not met, when one could
        not be validated, or when too many rows of an interval are bad.
    """
    rounds = [_Round(checkpoints, interval, candidates) for interval in Interval]
    for is_passing in (True, False):
        for each in candidates:
            if is_passing is all(each.symbol not in its.failing for its in rounds):
                shares = {its.interval: its.share(each) for its in rounds if its.has_rows(each)}
                yield each.symbol, _verdict(each, shares)


class _Round:
    """The validation of one interval's klines: of all batches at once, and of some alone.

    Attributes:
        interval: Which.
        failing: Requested symbols whose batches are validated alone.
    """

    def __init__(
        self, checkpoints: Checkpoints, interval: Interval, candidates: Sequence[Candidate]
    ) -> None:
        self.interval = interval
        self._checkpoints = checkpoints
        with_rows = [each for each in candidates if self.has_rows(each)]
        self._columns = {each.symbol: kline_columns(each, interval) for each in with_rows}
        together = [each for each in with_rows if {*self._columns[each.symbol]} == {*COLUMNS}]
        self.failing = {*self._columns} - {each.symbol for each in together}
        self._passed: Outcome | None = None
        self._check_ms = 0.0
        if len(together) > 1:
            started = time.monotonic()
            outcome = self._run(together)
            self.failing |= outcome.failing([each.symbol for each in together])
            self._passed = replace(outcome, failures=())
            self._check_ms = (time.monotonic() - started) * 1000 / len(together)

    def has_rows(self, candidate: Candidate) -> bool:
        """Tell whether the interval was requested for a batch."""
        return self.interval in candidate.batch.rows

    def share(self, candidate: Candidate) -> _Share:
        """Return a batch's share, after validating it alone where that is needed."""
        is_failing = candidate.symbol in self.failing
        if self._passed and not is_failing:
            return _Share(self._passed, self._check_ms)
        started = time.monotonic()
        outcome = self._run([candidate], is_failing=is_failing)
        alone_ms = (time.monotonic() - started) * 1000
        return _Share(outcome, self._check_ms + alone_ms)

    def _run(self, candidates: Sequence[Candidate], *, is_failing: bool = False) -> Outcome:
        batches = [each.batch for each in candidates]
        window = Window(
            min(batch.window.start for batch in batches),
            max(batch.window.end for batch in batches),
        )
        return self._checkpoints.run(
            SUITES[self.interval],
            kline_table([self._columns[each.symbol] for each in candidates]),
            Subject(
                tuple(each.symbol for each in candidates),
                window_name(window),
                max(batch.fetched_at for batch in batches),
            ),
            {"least_rows": {each.symbol: each.least_rows(self.interval) for each in candidates}},
            is_failing=is_failing,
        )


def _verdict(candidate: Candidate, shares: Mapping[Interval, _Share]) -> Verdict:
    bad_rows: dict[Interval, dict[int, dict[str, str]]] = {}
    warnings: Counter[str] = Counter()
    reasons: list[str] = []
    for interval, share in shares.items():
        outcome, suite = share.outcome, SUITES[interval]
        bad_rows[interval] = by_row(outcome)
        warnings += Counter(
            {
                each.expectation: len(each.rows) or 1
                for each in outcome.failures
                if each.level is Level.WARNING
            }
        )
        reasons += refusals(suite, outcome)
        bad_count, row_count = len(bad_rows[interval]), len(candidate.batch.rows[interval])
        if candidate.is_whole and bad_count > MOST_BAD_RATIO.value * row_count:
            reasons.append(
                f"{bad_count} of {row_count} {suite} are bad, more than {MOST_BAD_RATIO.value:.0%}"
            )
    evaluated_count = sum(share.outcome.evaluated_count for share in shares.values())
    return Verdict(
        bad_rows=bad_rows,
        warnings=dict(warnings),
        is_refused=bool(reasons),
        reason="; ".join(reasons),
        check_ms=round(sum(share.check_ms for share in shares.values())),
        evaluated_count=evaluated_count,
        met_count=evaluated_count - sum(len(share.outcome.failures) for share in shares.values()),
        unchanged=unchanged_rows(candidate.batch, candidate.stored),
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
