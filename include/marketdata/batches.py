"""What one fetch of one symbol brought, and how it fared at the gate."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from include.marketdata.windows import Window

RawRow = list[str | int]
# The interval of a minute of ours in quarantine.
WITHHELD = "average"
SHOWN_OPEN_TIME = 64
# Places in a kline.
OPEN_TIME, CLOSE_TIME, TRADE_COUNT, UNUSED = 0, 6, 8, 11
US_PER_MS = 1_000
# Milliseconds since the epoch reach this in the year 33658, microseconds reached it in 2001.
LEAST_MICROSECONDS = 10**15


class Interval(StrEnum):
    """The length of a kline, by Binance's name."""

    SECOND = "1s"
    MINUTE = "1m"

    @property
    def length_ms(self) -> int:
        """Length in milliseconds."""
        return 1_000 if self is Interval.SECOND else 60_000


def in_milliseconds(rows: Sequence[RawRow]) -> list[RawRow]:
    """Return klines with times in milliseconds where all of them are in microseconds.

    Where only some are, nothing is changed: which unit is meant cannot be told, and the gate
    refuses the batch.
    """
    if not all(_is_in_microseconds(row) for row in rows):
        return [*rows]
    return [
        [
            int(cell) // US_PER_MS if place in (OPEN_TIME, CLOSE_TIME) else cell
            for place, cell in enumerate(row)
        ]
        for row in rows
    ]


def once_each(rows: Iterable[RawRow]) -> list[RawRow]:
    """Sort klines by open time, and keep of those that say the same only the first.

    A row may come twice: on two pages of an answer, or in a file (binance-public-data#191). How
    a number is written makes no difference, nor does the last column, which Binance does not
    use. Rows of one moment that differ all stay: the gate keeps them out.
    """
    by_time: dict[str | int, dict[tuple[object, ...], RawRow]] = {}
    for row in rows:
        by_time.setdefault(row[OPEN_TIME], {}).setdefault(tuple(row), row)
    ordered = sorted(by_time.items(), key=lambda entry: entry[0])
    return [row for _, held in ordered for row in _different(list(held.values()))]


def _different(rows: list[RawRow]) -> list[RawRow]:
    if len(rows) == 1:
        return rows
    once: dict[tuple[object, ...], RawRow] = {}
    for row in rows:
        once.setdefault(content_of(row), row)
    return [*once.values()]


def content_of(row: RawRow) -> tuple[object, ...]:
    """Return what a kline says: its cells as numbers, without the column that Binance does not use.

    Two rows are one row when they say the same.
    """
    return tuple(map(_number, row[:UNUSED]))


def _number(cell: object) -> str | Decimal:
    """Return a cell as the number it writes; anything else as text."""
    try:
        number = Decimal(str(cell))
    except ArithmeticError:
        return repr(cell)
    return number if number.is_finite() else repr(cell)


def _is_in_microseconds(row: RawRow) -> bool:
    times = [row[place] for place in (OPEN_TIME, CLOSE_TIME) if place < len(row)]
    return len(times) == len((OPEN_TIME, CLOSE_TIME)) and all(
        isinstance(time, int) and time >= LEAST_MICROSECONDS for time in times
    )


@dataclass(frozen=True)
class Batch:
    """What one fetch of one symbol and window returned, as it came.

    Attributes:
        symbol: Binance's pair id, upper case.
        window: The span asked for; the klines of earlier minutes come with it as overlap.
        fetched_at: When the last answer was complete, by the exchange's clock, aware UTC.
        rows: Klines by interval, each the exchange's own list of strings and integers.
        spans: The span asked of each interval: the window and its overlap.
        tick_size: Smallest step of a price by what the exchange says now, quote asset per base
            asset; zero where it says nothing, or the rows are of another time.
        used_weight: The exchange's own count of request weight for this minute and address.
        fetch_ms: Time of the requests.
        five_minute_price: The exchange's own average of the five minutes that end with the
            window, where it was asked in time and something traded.
    """

    symbol: str
    window: Window
    fetched_at: datetime
    rows: dict[Interval, list[RawRow]]
    spans: dict[Interval, Window]
    tick_size: Decimal
    used_weight: int
    fetch_ms: int
    five_minute_price: Decimal | None = None

    @property
    def row_count(self) -> int:
        """Rows of all intervals."""
        return sum(len(rows) for rows in self.rows.values())


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a batch.

    Attributes:
        bad_rows: By interval and row index, the expectations that the row fails, each with what
            was observed there.
        warnings: Expectations that failed without harm to any row, each with of how many rows, or
            of how many intervals where it is about all of them.
        is_refused: Nothing of the batch may be stored.
        reason: Why it is refused; empty otherwise.
        check_ms: Time of the checkpoint.
        evaluated_count: Expectations judged.
        met_count: Of those, the expectations that were met.
    """

    bad_rows: dict[Interval, dict[int, dict[str, str]]]
    warnings: dict[str, int]
    is_refused: bool
    reason: str
    check_ms: int
    evaluated_count: int
    met_count: int

    @property
    def bad_row_count(self) -> int:
        """Rows that fail at least one expectation."""
        return sum(len(rows) for rows in self.bad_rows.values())

    @property
    def failed(self) -> tuple[str, ...]:
        """Every expectation that failed, sorted, each once."""
        names = {name for rows in self.bad_rows.values() for row in rows.values() for name in row}
        return tuple(sorted(names | set(self.warnings)))


class Run(NamedTuple):
    """A run of Airflow, by its names there."""

    dag_id: str
    run_id: str


@dataclass(frozen=True)
class BatchRecord:
    """The line that the batch log keeps.

    Attributes:
        symbol: Binance's pair id, upper case.
        fetched_at: When the last answer was complete, aware UTC.
        window_start: Inclusive, aware UTC.
        window_end: Exclusive, aware UTC.
        row_count: Rows fetched.
        quarantined_count: Rows refused.
        is_refused: Nothing of the batch was stored.
        failed: Expectations that failed.
        used_weight: The exchange's own count of request weight at that moment.
        fetch_ms: Time of the requests.
        check_ms: Time of the checkpoint.
        dag_id: Of the Airflow run that fetched it; None where it was none, or nobody noted it.
        run_id: Of the same run.
    """

    symbol: str
    fetched_at: datetime
    window_start: datetime
    window_end: datetime
    row_count: int
    quarantined_count: int
    is_refused: bool
    failed: tuple[str, ...]
    used_weight: int
    fetch_ms: int
    check_ms: int
    dag_id: str | None = None
    run_id: str | None = None


class State(StrEnum):
    """What became of a refused row."""

    OPEN = "OPEN"
    """Nothing yet."""
    REPLAYED = "REPLAYED"
    """It passed the gate later, and was stored."""
    ACCEPTED = "ACCEPTED"
    """A person let it pass in spite of what it fails, and it was stored."""
    SUPERSEDED = "SUPERSEDED"
    """A later fetch brought a good row for the same moment."""
    CLOSED = "CLOSED"
    """A person decided that it is bad and stays out."""


@dataclass(frozen=True)
class QuarantinedRow:
    """One refused row.

    Attributes:
        symbol: Binance's pair id, upper case.
        interval: 1s or 1m; WITHHELD for a minute that was averaged and not published.
        open_time: Of the row, as it came, its first characters.
        payload: The row, JSON.
        observed: The expectations it failed, each with what was observed.
        detected_at: When it was refused, aware UTC, whole milliseconds.
        batch_url: Where the whole batch lies while the landing area keeps it.
        state: What became of it.
        settled_at: When it got that state, aware UTC; None while it is open.
        note: Why it got it.
    """

    symbol: str
    interval: str
    open_time: str
    payload: str
    observed: dict[str, str]
    detected_at: datetime
    batch_url: str
    state: State = State.OPEN
    settled_at: datetime | None = None
    note: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the payload, hexadecimal."""
        return hashlib.sha256(self.payload.encode()).hexdigest()
