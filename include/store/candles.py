"""Revisions of minutes, reduced to the few values a board draws and decoded by columns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from cassandra.cqltypes import DateType, UTF8Type

from include.records.windows import MINUTE, Window, floor_minute, to_ms
from include.store.decoding import Page
from include.store.statements import Statements


class CauseRow(NamedTuple):
    """The flag of one revision of a minute.

    Attributes:
        minute_ms: Start of the minute, milliseconds since the epoch.
        revision: 1 for the first publication.
        known_ms: When it was published, milliseconds since the epoch.
        flag: The value of a Flag.
    """

    minute_ms: int
    revision: int
    known_ms: int
    flag: str


class CandleRow(NamedTuple):
    """The charted values of one revision of a minute; fields of MinuteAverage.

    Attributes:
        minute_ms: Start of the minute, milliseconds since the epoch.
        revision: 1 for the first publication.
        known_ms: When it was published, milliseconds since the epoch.
        flag: The value of a Flag.
        open: Quote asset per base asset, as are high, low, close, vwap and filled_vwap.
        high: Highest price.
        low: Lowest price.
        close: Last price.
        vwap: None where the flag says why.
        filled_vwap: vwap, or the last one of at most five minutes ago.
        soft_flags: Comma-separated; empty or None where there are none.
        quality: 0 to 100; None without a value.
        grade: A to E; None without a value.
    """

    minute_ms: int
    revision: int
    known_ms: int
    flag: str
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal | None
    vwap: Decimal | None
    filled_vwap: Decimal | None
    soft_flags: str | None
    quality: int | None
    grade: str | None


RevisionRow = TypeVar("RevisionRow", CauseRow, CandleRow)

# Columns named differently from the fields: a row holds its times as numbers.
_COLUMNS = {"minute_ms": "minute", "known_ms": "known_at"}


class MinuteRowTable:
    """Published minutes as CauseRow and CandleRow, and the log of their changes.

    Args:
        statements: Over the keyspace.
    """

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def causes(self, symbol: str, window: Window) -> list[CauseRow]:
        """Return the flag of every revision of a symbol, by minute and revision, ascending."""
        return self._rows("select_minute_causes", CauseRow, symbol, window)

    def candles(self, symbol: str, window: Window) -> list[CandleRow]:
        """Return the charted values of every revision, in the same order."""
        return self._rows("select_minute_candles", CandleRow, symbol, window)

    def changes(self, symbol: str, since: datetime, most: int) -> list[tuple[int, int]]:
        """Return which minutes of a symbol changed since a moment, and when, ascending.

        Args:
            symbol: Binance's pair id, upper case.
            since: Inclusive, aware UTC.
            most: Largest number returned for each UTC day.

        Returns:
            The moment and the start of the minute, milliseconds since the epoch.
        """
        days = Window(floor_minute(since), floor_minute(datetime.now(UTC)) + MINUTE).days()
        return [
            (to_ms(row["known_at"]), to_ms(row["minute"]))
            for day in days
            for row in self._statements.run("select_known_changes", (symbol, day, since, most))
        ]

    def _rows(
        self, query: str, record: type[RevisionRow], symbol: str, window: Window
    ) -> list[RevisionRow]:
        rows: list[RevisionRow] = []
        for month in window.months():
            values = (symbol, month, window.start, window.end)
            # The newest minute and revision come first.
            newest_first = [
                row
                for page in self._statements.pages(query, values)
                for row in rows_of(page, record)
            ]
            rows += reversed(newest_first)
        return rows


def rows_of(page: Page, record: type[RevisionRow]) -> Iterator[RevisionRow]:
    """Return a page's rows in order; columns that the record lacks are not decoded."""
    kinds = dict(zip(page.names, page.types, strict=True))
    cells = dict(zip(page.names, page.cells(), strict=True))
    columns: list[Any] = []
    for field in record._fields:
        name = _COLUMNS.get(field, field)
        if kinds[name] is DateType:
            columns.append(cells[name].integers().tolist())
        elif kinds[name] is UTF8Type:
            # Few distinct texts, each in many rows.
            raws: list[bytes | None] = cells[name].raw()
            texts = {raw: None if raw is None else raw.decode() for raw in {*raws}}
            columns.append([texts[raw] for raw in raws])
        else:
            columns.append(page.values(kinds[name], cells[name]))
    return map(record._make, zip(*columns, strict=True))
