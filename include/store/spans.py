"""Tables of traded spans: one for extracted seconds, one for the exchange's minutes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from operator import attrgetter
from typing import Generic

import numpy as np
from cassandra.cqltypes import DecimalType

from include.records.columns import (
    AMOUNTS,
    LARGEST_WORD,
    SCALE,
    SpanColumns,
    Whole,
    scaled,
    whole_numbers,
)
from include.records.prices import Span
from include.records.windows import Window
from include.store.decoding import SCALE_BYTES, Cells, Page
from include.store.loader import load
from include.store.statements import Statements, Values

_AMOUNTS = attrgetter(
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "trade_count",
    "taker_volume",
    "taker_quote_volume",
)


class SpanTable(Generic[Span]):
    """Traded spans of one length, stored by symbol and UTC day.

    Args:
        statements: Over the keyspace.
        record: The type of a row.
        insert: Name of the statement that writes one.
        select: Name of the statement that reads those of a symbol and day.
    """

    def __init__(
        self, statements: Statements, record: type[Span], *, insert: str, select: str
    ) -> None:
        self._statements = statements
        self._record: type[Span] = record
        self._insert = insert
        self._select = select

    def write(self, spans: Iterable[Span], fetched_at: datetime) -> None:
        """Store spans of any symbols, in any order; of duplicates the later fetch wins.

        Args:
            spans: The spans fetched.
            fetched_at: When the exchange's answer was complete, aware UTC. Spans fetched earlier
                than those stored change nothing, whenever they are written.

        Raises:
            PartlyStoredError: Cassandra did not answer within the patience; loading all again is
                safe.
        """
        written_us = int(fetched_at.timestamp()) * 1_000_000 + fetched_at.microsecond

        def row(span: Span) -> tuple[object, Values]:
            day = span.start.date()
            return (span.symbol, day), (span.symbol, day, span.start, *_AMOUNTS(span), written_us)

        load(self._statements, self._insert, map(row, spans))

    def between(self, symbol: str, window: Window) -> list[Span]:
        """Return a symbol's stored spans in a window, ascending."""
        return [
            self._record(**row)
            for day in window.days()
            for row in self._statements.run(self._select, (symbol, day, window.start, window.end))
        ]

    def columns(self, symbol: str, window: Window) -> SpanColumns:
        """Return a symbol's stored spans in a window as integer columns.

        Raises:
            ValueError: An amount has more than 8 decimals.
        """
        return SpanColumns.joined(
            [_columns(page) for day in self.pages(symbol, window) for page in day]
        )

    def pages(self, symbol: str, window: Window) -> Iterator[Iterator[Page]]:
        """Yield the pages of a symbol's stored spans in a window, one iterator per UTC day."""
        for day in window.days():
            yield self._statements.pages(self._select, (symbol, day, window.start, window.end))


def _columns(page: Page) -> SpanColumns:
    cells = dict(zip(page.names, page.cells(), strict=True))
    return SpanColumns(
        starts_s=cells["start"].integers() // 1000,
        **{name: _whole(page, cells[name]) for name in AMOUNTS},
        trade_count=cells["trade_count"].integers(),
    )


def _whole(page: Page, cells: Cells) -> Whole:
    """Return decimals x 10^8."""
    if cells.has_words():
        mantissas = cells.integers(skip=SCALE_BYTES)
        missing = SCALE - cells.scales()
        if not len(missing) or (missing.min() >= 0 and missing.max() <= SCALE):
            factors = np.power(10, missing)
            if not len(missing) or (np.abs(mantissas) < LARGEST_WORD // factors).all():
                return np.asarray(mantissas * factors, np.int64)
    return whole_numbers([scaled(value) for value in page.values(DecimalType, cells)])
