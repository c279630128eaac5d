"""Quarantined rows through the gate again: what passes is stored and its minutes published."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from include.gx.checkpoints import Checkpoints
from include.marketdata.batches import (
    OPEN_TIME,
    WITHHELD,
    Batch,
    Interval,
    QuarantinedRow,
    RawRow,
    State,
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


@dataclass(frozen=True)
class Choice:
    """What a person decided: which refused rows are meant, and what is to become of them.

    Attributes:
        since: First UTC day of detection.
        until: Last one, inclusive.
        expectations: Only rows that fail one of these; all when empty.
        accepted: Expectations that a row may fail and be stored all the same.
        note: Why; kept with the rows.
    """

    since: date
    until: date
    expectations: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()
    note: str = ""

    def days(self) -> Iterator[date]:
        """Yield each day, ascending."""
        for count in range((self.until - self.since).days + 1):
            yield self.since + timedelta(days=count)


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
    """Return the rows of a symbol that nobody has settled, by day of detection."""
    return [
        row
        for day in choice.days()
        for row in store.quarantine.on_day(symbol, day)
        if row.state is State.OPEN
        and (not choice.expectations or choice.expectations & set(row.observed))
    ]


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
    fails is superseded when a good row for its moment is stored, and stays open otherwise.

    Args:
        publisher: Publishes the minutes; its store holds the rows.
        checkpoints: The gate.
        symbol: Binance's pair id.
        choice: Which rows, and what of them is accepted.

    Raises:
        SettingsError: An expectation cannot be accepted, or the symbol was never fetched here.
    """
    if forbidden := NEVER_ACCEPTED & choice.accepted:
        raise SettingsError(
            f"{', '.join(sorted(forbidden))} cannot be accepted: such a row is no price"
        )
    store, clock = publisher.store, publisher.clock
    by_fetch: dict[datetime, list[QuarantinedRow]] = defaultdict(list)
    withheld: list[QuarantinedRow] = []
    for row in open_rows(store, symbol, choice):
        if row.interval == WITHHELD:
            withheld.append(row)
        else:
            by_fetch[row.detected_at].append(row)
    judged = [
        row
        for rows in by_fetch.values()
        for row in _judge(store, checkpoints, symbol, rows, choice.accepted)
    ]
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


def _judge(
    store: Store,
    checkpoints: Checkpoints,
    symbol: str,
    rows: Sequence[QuarantinedRow],
    accepted: frozenset[str],
) -> list[QuarantinedRow]:
    """Judge the rows of one fetch, store what may be stored, and return each with its state."""
    info = store.symbol_info(symbol)
    if info is None:
        raise SettingsError(f"nothing is known of {symbol}: it was never fetched here")
    held: dict[Interval, list[QuarantinedRow]] = defaultdict(list)
    for row in rows:
        held[Interval(row.interval)].append(row)
    fetched_at = rows[0].detected_at
    klines = {interval: [json.loads(row.payload) for row in held[interval]] for interval in held}
    span = Window(FIRST_TRADES, floor_minute(fetched_at) + MINUTE)
    minutes = _minutes(klines, span)
    batch = Batch(
        symbol=symbol,
        window=Window(min(minutes), max(minutes) + MINUTE) if minutes else span,
        fetched_at=fetched_at,
        rows=klines,
        spans=dict.fromkeys(held, span),
        tick_size=info.tick_size,
        used_weight=0,
        fetch_ms=0,
    )
    stored = {interval: _stored(store, symbol, interval, minutes) for interval in Interval}
    verdict = check_batch(checkpoints, batch, symbol=symbol, stored=stored, is_whole=False)
    judged: list[QuarantinedRow] = []
    bad: dict[Interval, dict[int, dict[str, str]]] = {interval: {} for interval in held}
    for interval, entries in held.items():
        moments = {to_ms(span.start) for span in stored[interval]}
        for place, row in enumerate(entries):
            fails = verdict.bad_rows[interval].get(place, {})
            if verdict.is_refused:
                fails = fails or {"refused": verdict.reason}
            state = _state(fails, accepted)
            if state is State.OPEN:
                bad[interval][place] = fails
                if batch.rows[interval][place][OPEN_TIME] in moments and NOT_SHRUNK not in fails:
                    state = State.SUPERSEDED
            judged.append(replace(row, state=state, observed=fails or row.observed))
    store_good_rows(store, batch, replace(verdict, bad_rows=bad))
    return judged


def _state(fails: Mapping[str, str], accepted: frozenset[str]) -> State:
    if not fails:
        return State.REPLAYED
    return State.ACCEPTED if set(fails) <= accepted else State.OPEN


def _minutes(klines: Mapping[Interval, Sequence[RawRow]], span: Window) -> set[datetime]:
    """Return the minutes that rows open in, as far as that can be read and lies in a span."""
    return {
        floor_minute(from_ms(opens_ms))
        for rows in klines.values()
        for row in rows
        if isinstance(opens_ms := row[OPEN_TIME], int)
        and to_ms(span.start) <= opens_ms < to_ms(span.end)
    }


def _stored(
    store: Store, symbol: str, interval: Interval, minutes: Collection[datetime]
) -> list[TradedSpan]:
    table = store.second_prices if interval is Interval.SECOND else store.exchange_minutes
    return [held for window in windows_of(minutes) for held in table.between(symbol, window)]


def _settle(store: Store, row: QuarantinedRow, moment: datetime, note: str) -> QuarantinedRow:
    if row.state is State.OPEN:
        return row
    return store.quarantine.settle(row, row.state, moment, note)
