"""Validate refused rows again, in the batches they came in, and store those that may be."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from decimal import Decimal

from include.gx.batches import check_batch
from include.gx.checkpoints import Checkpoints
from include.pipeline.storing import store_good_rows
from include.records.batches import Batch
from include.records.klines import FIRST_DAY, OPEN_TIME, Interval, RawRow, content_of
from include.records.prices import TradedSpan
from include.records.verdicts import WITHHELD, QuarantinedRow, State, Verdict
from include.records.windows import MINUTE, Window, floor_minute, from_ms, to_ms, windows_of
from include.store.store import Store

# Binance's first trades: https://api.binance.com/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=0
BEGINNING = datetime.combine(FIRST_DAY, time(), UTC)
NOT_SHRUNK = "expect_refetched_rows_not_to_shrink"
SEVERAL_ROWS = "rows for one moment differ: name the digest of one in 'rows', or close the others"


@dataclass(frozen=True)
class _Fetch:
    """The chosen rows of one fetch, validated.

    Attributes:
        batch: The rows, and others of the same fetch and moments.
        verdict: The gate's verdict on them.
        places: The place of each chosen row in the batch.
        rows: Each with the state that follows from the verdict.
    """

    batch: Batch
    verdict: Verdict
    places: list[tuple[Interval, int]]
    rows: list[QuarantinedRow]


def revalidate_rows(
    store: Store,
    checkpoints: Checkpoints,
    chosen: Sequence[QuarantinedRow],
    held: Sequence[QuarantinedRow],
    accepted: Collection[str],
) -> list[QuarantinedRow]:
    """Send rows of a symbol through the current gate, and store those that pass or are accepted.

    Args:
        store: Gets the rows, each under the time of its fetch.
        checkpoints: The gate.
        chosen: Rows to validate; withheld minutes are skipped.
        held: All rows in quarantine around them: others fetched for the same moment count.
        accepted: Expectations that a row may fail and still be stored.

    Returns:
        The rows, each with the state that it should get and what it fails now.
    """
    of_fetch = _by_fetch(held)
    fetches = [
        _judge(store, checkpoints, rows, _beside(rows, of_fetch[fetched_at]), accepted)
        for fetched_at, rows in _by_fetch(chosen).items()
    ]
    judged = _one_a_moment([row for fetch in fetches for row in fetch.rows], held)
    decided = {_name(row): row.state for row in judged}
    for fetch in fetches:
        _store(store, fetch, decided)
    return judged


def _by_fetch(rows: Iterable[QuarantinedRow]) -> dict[datetime, list[QuarantinedRow]]:
    """Group refused rows by the moment of their fetch; withheld minutes are skipped."""
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
    accepted: Collection[str],
) -> _Fetch:
    """Validate the chosen rows of one fetch; return each with its state, and store nothing yet."""
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
    span = Window(BEGINNING, floor_minute(fetched_at) + MINUTE)
    spans = dict.fromkeys(rows, span)
    minutes = _minutes(rows, spans)
    return Batch(
        symbol=symbol,
        window=Window(min(minutes), max(minutes) + MINUTE) if minutes else span,
        fetched_at=fetched_at,
        rows=rows,
        spans=spans,
        # The tick at that time is unknown.
        tick_size=Decimal(0),
        used_weight=0,
        fetch_ms=0,
    )


def _one_a_moment(
    judged: Sequence[QuarantinedRow], held: Sequence[QuarantinedRow]
) -> list[QuarantinedRow]:
    """Keep an accepted row open if another, different row of its moment would be stored as well.

    Written with one timestamp, Cassandra would merge them cell by cell into a row that nobody sent.
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


def _state(fails: Mapping[str, str], accepted: Collection[str]) -> State:
    if not fails:
        return State.REPLAYED
    return State.ACCEPTED if set(fails) <= set(accepted) else State.OPEN


def _minutes(
    klines: Mapping[Interval, Sequence[RawRow]], spans: Mapping[Interval, Window]
) -> set[datetime]:
    """Return the minutes that rows open in; skip unreadable times and those outside the span."""
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
    """Return the stored rows of minutes, and of the one before each."""
    table = store.second_prices if interval is Interval.SECOND else store.exchange_minutes
    around = {*minutes, *(minute - MINUTE for minute in minutes)}
    return [held for window in windows_of(around) for held in table.between(symbol, window)]
