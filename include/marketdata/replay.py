"""Quarantined rows through the gate again: what passes is stored and its minutes published."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from include.gx.checkpoints import Checkpoints
from include.marketdata.batches import (
    OPEN_TIME,
    WITHHELD,
    Batch,
    Interval,
    QuarantinedRow,
    RawRow,
    State,
    Verdict,
    content_of,
)
from include.marketdata.errors import SettingsError
from include.marketdata.prices import TradedSpan
from include.marketdata.publication import Publisher
from include.marketdata.quality import check_batch
from include.marketdata.store import Store
from include.marketdata.storing import store_good_rows
from include.marketdata.windows import MINUTE, Window, floor_minute, from_ms, to_ms, windows_of

# Binance's first trades: https://api.binance.com/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=0
FIRST_TRADES = datetime(2017, 7, 14, tzinfo=UTC)
# A row that cannot be read as a price cannot be stored, whatever anybody thinks of it.
NEVER_ACCEPTED = frozenset({"expect_rows_to_be_well_formed", "expect_times_to_be_milliseconds"})
NOT_SHRUNK = "expect_refetched_rows_not_to_shrink"
SEVERAL_ROWS = (
    "rows that differ for one moment: name the digest of one in 'rows', or close the others"
)


@dataclass(frozen=True)
class Choice:
    """What a person decided: which refused rows are meant, and what is to become of them.

    Attributes:
        since: First UTC day of detection.
        until: Last one, inclusive.
        expectations: Only rows that fail one of these; all when empty.
        accepted: Expectations that a row may fail and be stored all the same.
        note: Why; kept with the rows.
        rows: Only rows whose digest begins with one of these; all when empty.
    """

    since: date
    until: date
    expectations: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()
    note: str = ""
    rows: tuple[str, ...] = ()

    def days(self) -> Iterator[date]:
        """Yield each day, ascending."""
        for count in range((self.until - self.since).days + 1):
            yield self.since + timedelta(days=count)

    def includes(self, row: QuarantinedRow) -> bool:
        """Tell whether a refused row is meant."""
        return (
            row.state is State.OPEN
            and (not self.expectations or bool(self.expectations & set(row.observed)))
            and (not self.rows or row.digest.startswith(self.rows))
        )


@dataclass(frozen=True)
class _Fetch:
    """The chosen rows of one fetch, judged.

    Attributes:
        batch: The rows, and those beside them that are of the same moments.
        verdict: What the gate says of them.
        places: Where each chosen row lies in the batch.
        rows: Each with the state that follows from the verdict.
    """

    batch: Batch
    verdict: Verdict
    places: list[tuple[Interval, int]]
    rows: list[QuarantinedRow]


@dataclass(frozen=True)
class Settled:
    """What became of the rows that were open.

    Attributes:
        rows: Each as it is now; those still open say what they fail today.
        published_count: Minutes revised.
    """

    rows: tuple[QuarantinedRow, ...]
    published_count: int

    def counts(self) -> dict[str, int]:
        """Return how many rows are in each state."""
        return dict(Counter(row.state.value for row in self.rows))


def open_rows(store: Store, symbol: str, choice: Choice) -> list[QuarantinedRow]:
    """Return the chosen rows of a symbol that nobody has settled, by day of detection."""
    return [row for row in _held(store, symbol, choice) if choice.includes(row)]


def close(store: Store, symbol: str, choice: Choice, clock: Callable[[], datetime]) -> Settled:
    """Leave rows out for good, and say why; they stay in quarantine to be looked at."""
    rows = open_rows(store, symbol, choice)
    return Settled(
        tuple(store.quarantine.settle(row, State.CLOSED, clock(), choice.note) for row in rows), 0
    )


def replay(publisher: Publisher, checkpoints: Checkpoints, symbol: str, choice: Choice) -> Settled:
    """Send a symbol's open rows through the gate as it is today.

    Rows that pass are stored, under the time of their fetch, so that nothing fetched later is
    overwritten; the minutes they belong to are averaged and published again. A row that still
    fails is superseded when a good row for its moment is stored, and stays open otherwise. Of
    several that differ for one moment at most one is accepted: none where the choice names more.

    Args:
        publisher: Publishes the minutes; its store holds the rows.
        checkpoints: The gate.
        symbol: Binance's pair id.
        choice: Which rows, and what of them is accepted.

    Raises:
        SettingsError: An expectation cannot be accepted.
    """
    if forbidden := NEVER_ACCEPTED & choice.accepted:
        raise SettingsError(
            f"{', '.join(sorted(forbidden))} cannot be accepted: such a row is no price"
        )
    store, clock = publisher.store, publisher.clock
    held = _held(store, symbol, choice)
    chosen = [row for row in held if choice.includes(row)]
    withheld = [row for row in chosen if row.interval == WITHHELD]
    of_fetch = _by_fetch(held)
    fetches = [
        _judge(store, checkpoints, rows, _beside(rows, of_fetch[fetched_at]), choice.accepted)
        for fetched_at, rows in _by_fetch(chosen).items()
    ]
    judged = _one_a_moment([row for fetch in fetches for row in fetch.rows], held)
    decided = {_name(row): row.state for row in judged}
    for fetch in fetches:
        _store(store, fetch, decided)
    minutes = {datetime.fromisoformat(row.open_time) for row in withheld} | {
        floor_minute(from_ms(json.loads(row.payload)[OPEN_TIME]))
        for row in judged
        if row.state in (State.REPLAYED, State.ACCEPTED)
    }
    published = publisher.publish_windows({symbol: windows_of(minutes)})
    still_bad = {row.open_time for row in published.withheld}
    judged += [
        row if row.open_time in still_bad else replace(row, state=State.REPLAYED)
        for row in withheld
    ]
    # Last of all: a row that is settled is not taken up again when this ends half way.
    return Settled(
        tuple(_settle(store, row, clock(), choice.note) for row in judged), len(published.prices)
    )


def _held(store: Store, symbol: str, choice: Choice) -> list[QuarantinedRow]:
    return [row for day in choice.days() for row in store.quarantine.on_day(symbol, day)]


def _by_fetch(rows: Iterable[QuarantinedRow]) -> dict[datetime, list[QuarantinedRow]]:
    """Return refused rows by the moment of their fetch; minutes that were withheld are none."""
    grouped: dict[datetime, list[QuarantinedRow]] = defaultdict(list)
    for row in rows:
        if row.interval != WITHHELD:
            grouped[row.detected_at].append(row)
    return grouped


def _beside(rows: Sequence[QuarantinedRow], held: Sequence[QuarantinedRow]) -> list[QuarantinedRow]:
    """Return the other rows of the same fetch and moments, unless they are closed."""
    names = {_name(row) for row in rows}
    moments = {_moment(row) for row in rows}
    return [
        row
        for row in held
        if _moment(row) in moments and _name(row) not in names and row.state is not State.CLOSED
    ]


def _judge(
    store: Store,
    checkpoints: Checkpoints,
    rows: Sequence[QuarantinedRow],
    beside: Sequence[QuarantinedRow],
    accepted: frozenset[str],
) -> _Fetch:
    """Judge the chosen rows of one fetch, and return each with its state; nothing is stored yet."""
    symbol = rows[0].symbol
    klines: dict[Interval, list[RawRow]] = defaultdict(list)
    place_of: dict[tuple[Interval, tuple[object, ...]], int] = {}
    places: list[tuple[Interval, int]] = []
    for row in (*rows, *beside):
        interval, kline = Interval(row.interval), json.loads(row.payload)
        place = place_of.setdefault((interval, content_of(kline)), len(klines[interval]))
        if place == len(klines[interval]):
            klines[interval].append(kline)
        places.append((interval, place))
    batch = _batch(symbol, rows[0].detected_at, klines)
    minutes = _minutes(batch.rows, batch.spans)
    stored = {interval: _stored(store, symbol, interval, minutes) for interval in Interval}
    verdict = check_batch(checkpoints, batch, symbol=symbol, stored=stored, is_whole=False)
    judged: list[QuarantinedRow] = []
    moments = {interval: {to_ms(span.start) for span in stored[interval]} for interval in Interval}
    for row, (interval, place) in zip(rows, places, strict=False):
        fails = verdict.bad_rows[interval].get(place, {})
        if verdict.is_refused:
            fails = fails or {"refused": verdict.reason}
        state = _state(fails, accepted)
        is_stored = batch.rows[interval][place][OPEN_TIME] in moments[interval]
        if state is State.OPEN and is_stored and NOT_SHRUNK not in fails:
            state = State.SUPERSEDED
        judged.append(replace(row, state=state, observed=fails or row.observed))
    return _Fetch(batch, verdict, places[: len(rows)], judged)


def _batch(symbol: str, fetched_at: datetime, rows: dict[Interval, list[RawRow]]) -> Batch:
    span = Window(FIRST_TRADES, floor_minute(fetched_at) + MINUTE)
    spans = dict.fromkeys(rows, span)
    minutes = _minutes(rows, spans)
    return Batch(
        symbol=symbol,
        window=Window(min(minutes), max(minutes) + MINUTE) if minutes else span,
        fetched_at=fetched_at,
        rows=rows,
        spans=spans,
        # The tick of then, which nobody states now.
        tick_size=Decimal(0),
        used_weight=0,
        fetch_ms=0,
    )


def _one_a_moment(
    judged: Sequence[QuarantinedRow], held: Sequence[QuarantinedRow]
) -> list[QuarantinedRow]:
    """Leave open what would be accepted of a moment for which another row is stored as well.

    Written under one timestamp, Cassandra merges them cell by cell into a row that nobody sent.
    """
    contents: dict[tuple[str, str], set[tuple[object, ...]]] = defaultdict(set)
    for row in (*judged, *held):
        if row.interval != WITHHELD and row.state in (State.ACCEPTED, State.REPLAYED):
            contents[_moment(row)].add(content_of(json.loads(row.payload)))
    return [
        replace(row, state=State.OPEN, observed=row.observed | {"not accepted": SEVERAL_ROWS})
        if row.state is State.ACCEPTED and len(contents[_moment(row)]) > 1
        else row
        for row in judged
    ]


def _store(store: Store, fetch: _Fetch, decided: Mapping[tuple[object, ...], State]) -> None:
    """Store the rows of a fetch that passed or were accepted."""
    stored = {
        place
        for row, place in zip(fetch.rows, fetch.places, strict=True)
        if decided[_name(row)] in (State.ACCEPTED, State.REPLAYED)
    }
    bad: dict[Interval, dict[int, dict[str, str]]] = {
        interval: {place: {} for place in range(len(rows)) if (interval, place) not in stored}
        for interval, rows in fetch.batch.rows.items()
    }
    store_good_rows(store, fetch.batch, replace(fetch.verdict, bad_rows=bad))


def _moment(row: QuarantinedRow) -> tuple[str, str]:
    return row.interval, row.open_time


def _name(row: QuarantinedRow) -> tuple[object, ...]:
    return row.interval, row.open_time, row.digest, row.detected_at


def _state(fails: Mapping[str, str], accepted: frozenset[str]) -> State:
    if not fails:
        return State.REPLAYED
    return State.ACCEPTED if set(fails) <= accepted else State.OPEN


def _minutes(
    klines: Mapping[Interval, Sequence[RawRow]], spans: Mapping[Interval, Window]
) -> set[datetime]:
    """Return the minutes that rows open in, as far as that can be read and lies in their span."""
    return {
        floor_minute(from_ms(opens_ms))
        for interval, rows in klines.items()
        for row in rows
        if isinstance(opens_ms := row[OPEN_TIME], int)
        and to_ms(spans[interval].start) <= opens_ms < to_ms(spans[interval].end)
    }


def _stored(
    store: Store, symbol: str, interval: Interval, minutes: Collection[datetime]
) -> list[TradedSpan]:
    """Return what is stored of some minutes, and of the one before each."""
    table = store.second_prices if interval is Interval.SECOND else store.exchange_minutes
    around = {*minutes, *(minute - MINUTE for minute in minutes)}
    return [held for window in windows_of(around) for held in table.between(symbol, window)]


def _settle(store: Store, row: QuarantinedRow, moment: datetime, note: str) -> QuarantinedRow:
    if row.state is State.OPEN:
        return row
    return store.quarantine.settle(row, row.state, moment, note)
