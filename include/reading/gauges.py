"""The figures to watch: each gauge named once, and its values from facts. Pure.

docs/metrics.md has the same table, for operators; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from include.reading.health import SymbolFacts

PREFIX = "minute_prices"
MICROSECOND = timedelta(microseconds=1)


class Definition(NamedTuple):
    """What a gauge shows.

    Attributes:
        name: After the prefix; it ends with the unit, as Prometheus names metrics.
        unit: Of the value.
        meaning: For an operator; when there is no value, if that can be.
        is_by_symbol: Whether each symbol has its own value, in the label `symbol`.
    """

    name: str
    unit: str
    meaning: str
    is_by_symbol: bool = True


class Gauge(Enum):
    """Every gauge, in the order in which they are shown."""

    UP = Definition(
        "up",
        "0 or 1",
        "1 if the figures could be read; 0 if not, and then there are no others",
        is_by_symbol=False,
    )
    PUBLISH_DELAY = Definition(
        "publish_delay_seconds",
        "seconds",
        "from the end of the newest minute with a value to its first value; none without a value "
        "in the last hour",
    )
    GAP_FIRST = Definition(
        "gap_first",
        "minutes",
        "minutes of the last hour that were published as a gap of our own, and got a value later",
    )
    FRESHEST_MINUTE_AGE = Definition(
        "freshest_minute_age_seconds",
        "seconds",
        "since the end of the newest minute with a value, also while a symbol is halted; none "
        "without a value of the last day",
    )
    LATE = Definition(
        "late",
        "0 or 1",
        "1 if the newest minute has been missing for too long: the cause `late` of /prices/health",
    )
    COMPLETENESS = Definition(
        "completeness_ratio",
        "ratio",
        "minutes of the last hour with a value / those that may have traded; none if none may have",
    )
    MISSING = Definition(
        "missing",
        "minutes",
        "minutes of the last hour that may have traded and have no value",
    )
    BACKLOG = Definition(
        "backlog",
        "minutes",
        "minutes that should be stored and averaged by now, and are not; none before the first",
    )
    QUARANTINED = Definition(
        "quarantined_rows",
        "rows",
        "rows refused in the batches of the last hour; a row counts in each batch that has it",
    )
    REFUSED = Definition(
        "refused_batches",
        "batches",
        "batches of the last hour of which nothing was stored",
    )
    REVISIONS = Definition(
        "revisions",
        "revisions",
        "revisions after the first, of the minutes of the last hour",
    )
    RESTATEMENTS = Definition(
        "restatements",
        "restatements",
        "final minutes of the last 7 days whose value changed within the last hour",
    )
    WEIGHT_USED = Definition(
        "request_weight_used",
        "weight",
        "request weight of this minute that is taken, of all workers behind one address",
        is_by_symbol=False,
    )
    WEIGHT_LEFT = Definition(
        "request_weight_left",
        "weight",
        "request weight of this minute that workers may still take, within `ceiling_ratio`",
        is_by_symbol=False,
    )
    BREAKER_OPEN = Definition(
        "breaker_open",
        "0 or 1",
        "1 while nothing may be sent to the exchange: it asked for a pause, or every host refuses",
        is_by_symbol=False,
    )

    @property
    def metric(self) -> str:
        """The full name."""
        return f"{PREFIX}_{self.value.name}"


class Sample(NamedTuple):
    """The value of a gauge.

    Attributes:
        gauge: Which.
        symbol: Whose; None where the gauge is not by symbol.
        value: Exact, in the gauge's unit.
    """

    gauge: Gauge
    symbol: str | None
    value: Decimal


@dataclass(frozen=True)
class SymbolCounts:
    """What happened to one symbol within the last hour.

    Attributes:
        symbol: Binance's pair id.
        quarantined_rows: Refused, a row again in each batch that has it.
        refused_batches: Of which nothing was stored.
        restatements: Noted in the ledger.
    """

    symbol: str
    quarantined_rows: int
    refused_batches: int
    restatements: int


@dataclass(frozen=True)
class BudgetFacts:
    """The request budget of the minute.

    Attributes:
        used_weight: Taken so far.
        ceiling_weight: What all workers may take.
        breaker_open_until: None where a request may be sent now.
    """

    used_weight: int
    ceiling_weight: int
    breaker_open_until: datetime | None


@dataclass(frozen=True)
class GaugeFacts:
    """What all gauges are made of, read at one moment.

    Attributes:
        read_at: When, aware UTC.
        symbols: How fresh and complete each is, in the order of the Variable.
        counts: Of the same symbols.
        budget: Of the address that requests leave from.
    """

    read_at: datetime
    symbols: Sequence[SymbolFacts]
    counts: Sequence[SymbolCounts]
    budget: BudgetFacts


def samples_of(facts: GaugeFacts | None) -> list[Sample]:
    """Return the value of every gauge that has one.

    Args:
        facts: As read; None where they could not be.
    """
    if facts is None:
        return [Sample(Gauge.UP, None, Decimal(0))]
    found = [
        Sample(Gauge.UP, None, Decimal(1)),
        *(sample for each in facts.symbols for sample in _of_symbol(each, facts.read_at)),
        *(sample for each in facts.counts for sample in _of_counts(each)),
        *_of_budget(facts.budget),
    ]
    order = [*Gauge]
    return sorted(found, key=lambda sample: order.index(sample.gauge))


def _of_symbol(facts: SymbolFacts, now: datetime) -> Iterator[Sample]:
    age, backlog = facts.age(now), facts.backlog_minutes(now)
    delay_ms = facts.publish_delay_ms
    values = {
        Gauge.PUBLISH_DELAY: None if delay_ms is None else Decimal(delay_ms).scaleb(-3),
        Gauge.GAP_FIRST: Decimal(facts.gap_first_count),
        Gauge.FRESHEST_MINUTE_AGE: None if age is None else Decimal(age // MICROSECOND).scaleb(-6),
        Gauge.LATE: Decimal(facts.is_late(now)),
        Gauge.COMPLETENESS: facts.completeness_ratio,
        Gauge.MISSING: Decimal(facts.missing_minutes),
        Gauge.BACKLOG: None if backlog is None else Decimal(backlog),
        Gauge.REVISIONS: Decimal(facts.revision_count),
    }
    for gauge, value in values.items():
        if value is not None:
            yield Sample(gauge, facts.symbol, value)


def _of_counts(counts: SymbolCounts) -> Iterator[Sample]:
    yield Sample(Gauge.QUARANTINED, counts.symbol, Decimal(counts.quarantined_rows))
    yield Sample(Gauge.REFUSED, counts.symbol, Decimal(counts.refused_batches))
    yield Sample(Gauge.RESTATEMENTS, counts.symbol, Decimal(counts.restatements))


def _of_budget(facts: BudgetFacts) -> Iterator[Sample]:
    left = max(0, facts.ceiling_weight - facts.used_weight)
    yield Sample(Gauge.WEIGHT_USED, None, Decimal(facts.used_weight))
    # Nothing can be taken while the breaker is open, but the weight is there when it closes.
    yield Sample(Gauge.WEIGHT_LEFT, None, Decimal(left))
    yield Sample(Gauge.BREAKER_OPEN, None, Decimal(facts.breaker_open_until is not None))
