"""Binance's raw klines, lists of strings and integers: their units and duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum

RawRow = list[str | int]
# Places in a kline.
OPEN_TIME, CLOSE_TIME, TRADE_COUNT, UNUSED = 0, 6, 8, 11
COLUMN_COUNT = 12
# Characters of a cell; Binance's have 30 at most. Refused rows are kept, and shown to people.
LONGEST_CELL = 100
# Binance had no trades before this day.
FIRST_DAY = date(2017, 7, 14)
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
    """Convert klines to milliseconds if all their times are in microseconds.

    If only some are, nothing is changed: the unit is ambiguous, and the gate refuses the batch.
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


def deduplicate(rows: Iterable[RawRow]) -> list[RawRow]:
    """Sort klines by open time and drop duplicates, keeping the first of each.

    A row may come twice: on two pages of an answer, or in a file (binance-public-data#191). How
    a number is written makes no difference, nor does the last column, which Binance does not
    use. Rows of one moment that differ are all kept: the gate refuses them.
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
    """Return a kline's cells as numbers, without the column that Binance does not use.

    Two rows are duplicates when these are equal.
    """
    return tuple(map(_number, row[:UNUSED]))


def _number(cell: object) -> str | Decimal:
    """Return a cell as a number; anything else as text."""
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
