"""Judge whether the published prices are fresh and right: facts in, verdict out. Pure.

What each cause means, and what to do about it, is in docs/runbook.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum

from include.records.decimals import EXACT
from include.records.runbook import Heading
from include.records.windows import MINUTE, SECOND, floor_minute, iso

# A minute that nobody has accounted for this long after its end is late: a run goes on looking for
# late prices until 40 s after it, and takes some seconds to write.
ACCOUNTED_WITHIN = timedelta(seconds=60)
# Between two minutes the newest one grows older by a minute.
LATE_AFTER = MINUTE + ACCOUNTED_WITHIN
# Runs that work on several minutes catch up; a run that was missed is no backlog yet.
MOST_BACKLOG_MINUTES = 5
# One minute in ten of an hour.
MOST_MISSING_MINUTES = 6
# Symbols that a sentence names.
MOST_NAMED = 5


class State(StrEnum):
    """What is known about one part of the product."""

    ANSWERS = "answers"
    SILENT = "silent"
    """It failed, or did not answer in time."""
    MISCONFIGURED = "misconfigured"
    """A connection, a Variable or a table that it needs is missing or wrong."""
    UNKNOWN = "unknown"
    """It could not be asked."""
    BROKEN = "broken"
    """Asking failed with a program error."""


class Code(StrEnum):
    """Why the prices are not fresh and right, or soon will not be."""

    AIRFLOW_DATABASE = "airflow_database"
    SCHEDULER = "scheduler"
    SETTINGS = "settings"
    CASSANDRA = "cassandra"
    EXCHANGE = "exchange"
    BREAKER = "breaker"
    MART = "mart"
    UNPUBLISHED = "unpublished"
    LATE = "late"
    BACKLOG = "backlog"
    INCOMPLETE = "incomplete"
    CHECK = "check"

    @property
    def heading(self) -> Heading:
        """Where the runbook says what to do."""
        return Heading(f"health-{self.value}")


@dataclass(frozen=True)
class SymbolFacts:
    """How fresh and complete one symbol is.

    Attributes:
        symbol: Binance's pair id.
        freshest_minute: Start of the newest minute with a value, aware UTC; None if there is none
            within a day.
        accounted_until: End of the newest minute published with a value, or without one because
            of the market or the exchange; a gap of our own does not count. None if there is none
            within an hour.
        done_until: Exclusive end of what is both stored and averaged; None before the first.
        wanted_minutes: Minutes of the last hour that may have traded.
        valued_minutes: Those of them that have a value.
        publish_delay_ms: From the end of the newest minute with a value to its first value; None
            if there is none within an hour.
        revision_count: Revisions after the first, of the minutes of the last hour.
        gap_first_count: Minutes of the last hour that were published as a gap of our own, and got
            a value later.
    """

    symbol: str
    freshest_minute: datetime | None
    accounted_until: datetime | None
    done_until: datetime | None
    wanted_minutes: int
    valued_minutes: int
    publish_delay_ms: int | None = None
    revision_count: int = 0
    gap_first_count: int = 0

    @property
    def completeness_ratio(self) -> Decimal | None:
        """Minutes with a value / minutes that may have traded; None if none may have."""
        if self.wanted_minutes <= 0:
            return None
        with localcontext(EXACT):
            return Decimal(self.valued_minutes) / Decimal(self.wanted_minutes)

    @property
    def missing_minutes(self) -> int:
        """Minutes of the last hour that may have traded and have no value."""
        return max(0, self.wanted_minutes - self.valued_minutes)

    def age(self, now: datetime) -> timedelta | None:
        """Return the time since the end of the newest minute with a value; None without one."""
        if self.freshest_minute is None:
            return None
        return max(timedelta(0), now - self.freshest_minute - MINUTE)

    def backlog_minutes(self, now: datetime) -> int | None:
        """Return how many minutes should be stored and averaged by now, and are not.

        None before the first minute is both.
        """
        if self.done_until is None:
            return None
        return max(0, (due_until(now) - self.done_until) // MINUTE)

    def is_late(self, now: datetime) -> bool:
        """Tell whether its newest minute has been missing for too long."""
        return self.accounted_until is None or now - self.accounted_until > LATE_AFTER


@dataclass(frozen=True)
class Facts:
    """What one check found.

    Attributes:
        checked_at: When, aware UTC.
        airflow_database: Airflow's own database, which holds connections and Variables too.
        scheduler: Airflow's scheduler, by its heartbeat.
        store: Cassandra.
        exchange: By its last answer to any worker, or to a request of the check.
        mart: The reporting database.
        breaker_open_until: First moment at which a request to the exchange may be sent; None if
            one may be sent now, or if that is not known.
        symbols: Of the Variable, in its order; empty while the store does not answer.
    """

    checked_at: datetime
    airflow_database: State
    scheduler: State
    store: State
    exchange: State
    mart: State
    breaker_open_until: datetime | None = None
    symbols: Sequence[SymbolFacts] = ()


@dataclass(frozen=True)
class Cause:
    """One reason why the prices are not fresh and right.

    Attributes:
        code: For programs.
        problem: One sentence for people; no host, path, login or text of an exception.
    """

    code: Code
    problem: str


def due_until(now: datetime) -> datetime:
    """Return the end of the last minute that must be accounted for by now."""
    return floor_minute(now - ACCOUNTED_WITHIN)


def without_guesses(facts: Facts) -> Facts:
    """Return the facts without states that only follow from another part's failure.

    Connections and Variables are in Airflow's database, and the exchange's budget is in the store:
    without them nothing else can be asked.
    """

    def judged(state: State, needed: State) -> State:
        return state if needed is State.ANSWERS or state is State.ANSWERS else State.UNKNOWN

    database = facts.airflow_database
    store = judged(facts.store, database)
    return replace(
        facts,
        scheduler=judged(facts.scheduler, database),
        store=store,
        exchange=judged(facts.exchange, store),
        mart=judged(facts.mart, database),
    )


def causes_of(facts: Facts) -> list[Cause]:
    """Return every cause, those that explain others first; empty when all is well."""
    judged = without_guesses(facts)
    return [*_causes_of_parts(judged), *_causes_of_prices(judged)]


def _causes_of_parts(facts: Facts) -> Iterator[Cause]:
    parts = {
        "airflow": facts.airflow_database,
        "scheduler": facts.scheduler,
        "store": facts.store,
        "exchange": facts.exchange,
        "mart": facts.mart,
    }
    silent = {name for name, state in parts.items() if state is State.SILENT}
    if "airflow" in silent:
        yield Cause(
            Code.AIRFLOW_DATABASE,
            "Airflow's own database does not answer: no task starts, and what needs its "
            "connections cannot be judged",
        )
    if "scheduler" in silent:
        yield Cause(Code.SCHEDULER, "Airflow's scheduler has no recent heartbeat: no task starts")
    if wrong := [name for name, state in parts.items() if state is State.MISCONFIGURED]:
        yield Cause(
            Code.SETTINGS,
            f"a connection, a Variable or a table is missing or wrong, of: {', '.join(wrong)}; "
            "the API server's log has the message",
        )
    if "store" in silent:
        yield Cause(
            Code.CASSANDRA, "Cassandra does not answer: nothing is stored, published or shown"
        )
    if "exchange" in silent:
        yield Cause(Code.EXCHANGE, "the exchange does not answer: new minutes have no value")
    if facts.breaker_open_until:
        yield Cause(
            Code.BREAKER,
            "the exchange asked for a pause or refuses this address: nothing is sent to it before "
            f"{iso(facts.breaker_open_until)}",
        )
    if "mart" in silent:
        yield Cause(
            Code.MART, "the mart does not answer: prices are published, reports are not renewed"
        )
    if broken := [name for name, state in parts.items() if state is State.BROKEN]:
        yield Cause(
            Code.CHECK,
            f"the check itself failed, of: {', '.join(broken)}; the API server's log has the "
            "traceback",
        )


def _causes_of_prices(facts: Facts) -> Iterator[Cause]:
    now = facts.checked_at
    symbols = facts.symbols
    if not symbols:
        return
    if all(each.freshest_minute is None and each.accounted_until is None for each in symbols):
        yield Cause(
            Code.UNPUBLISHED,
            "no minute of the last day is published: turn on the DAGs ingest_prices and "
            "average_minutes",
        )
        return
    if late := [each.symbol for each in symbols if each.is_late(now)]:
        yield Cause(
            Code.LATE,
            f"no minute was published for more than {LATE_AFTER // SECOND} s: {_named(late)}",
        )
    if behind := [
        each.symbol for each in symbols if (each.backlog_minutes(now) or 0) > MOST_BACKLOG_MINUTES
    ]:
        yield Cause(
            Code.BACKLOG,
            f"more than {MOST_BACKLOG_MINUTES} minutes are still to be stored or averaged: "
            f"{_named(behind)}",
        )
    if gaps := [each.symbol for each in symbols if each.missing_minutes > MOST_MISSING_MINUTES]:
        yield Cause(
            Code.INCOMPLETE,
            f"more than {MOST_MISSING_MINUTES} minutes of the last hour that may have traded have "
            f"no value: {_named(gaps)}",
        )


def _named(symbols: Iterable[str]) -> str:
    names = [*symbols]
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
