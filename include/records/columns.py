"""Traded spans as integer columns, for exact arithmetic on many rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Self

import numpy as np
import numpy.typing as npt

from include.records.decimals import EXACT
from include.records.prices import PRICES, TradedSpan
from include.records.windows import EPOCH, SECOND, Window

# Binance states prices and amounts with at most 8 decimals, and the gate accepts no more.
SCALE = 8
AMOUNTS = (*PRICES, "volume", "quote_volume")
# A sum of a thousand, or of a pair, still fits into 64 bits.
LARGEST_WORD = 2**53

# Whole numbers: 64 bits, or Python's own where some need more.
Whole = npt.NDArray[np.int64] | npt.NDArray[np.object_]


@dataclass(frozen=True)
class SpanColumns:
    """Seconds or minutes of one symbol, each once, ascending.

    Attributes:
        starts_s: First second of each span, seconds since the epoch.
        open: Price x 10^8, as are high, low and close.
        high: Highest.
        low: Lowest.
        close: Last.
        volume: Base asset x 10^8.
        quote_volume: Quote asset x 10^8.
        trade_count: Trades.
    """

    starts_s: npt.NDArray[np.int64]
    open: Whole
    high: Whole
    low: Whole
    close: Whole
    volume: Whole
    quote_volume: Whole
    trade_count: npt.NDArray[np.int64]

    @classmethod
    def of(cls, spans: Iterable[TradedSpan]) -> Self:
        """Convert one symbol's records, in any order, to columns; the last duplicate wins.

        Raises:
            ValueError: An amount has more than 8 decimals.
        """
        once = {span.start: span for span in spans}
        ordered = [once[start] for start in sorted(once)]
        amounts = {
            name: whole_numbers([scaled(getattr(span, name)) for span in ordered])
            for name in AMOUNTS
        }
        return cls(
            starts_s=np.array([to_s(span) for span in ordered], np.int64),
            **amounts,
            trade_count=np.array([span.trade_count for span in ordered], np.int64),
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Concatenate consecutive columns; return empty ones if there are no parts."""
        if not parts:
            return cls.of([])
        return cls(
            **{
                field.name: np.concatenate([getattr(part, field.name) for part in parts])
                for field in fields(cls)
            }
        )

    def __len__(self) -> int:
        return len(self.starts_s)

    def where(self, chosen: npt.NDArray[np.bool_] | slice) -> Self:
        """Return the spans chosen by a mask or a slice."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def within(self, window: Window) -> Self:
        """Return the spans that start in a window."""
        bounds_s = [(moment - EPOCH) // SECOND for moment in (window.start, window.end)]
        first, end = np.searchsorted(self.starts_s, bounds_s)
        return self.where(slice(int(first), int(end)))


def to_s(span: TradedSpan) -> int:
    """Return a span's start in seconds since the epoch."""
    return (span.start - EPOCH) // SECOND


def scaled(amount: Decimal) -> int:
    """Return an amount x 10^8.

    Raises:
        ValueError: It has more than 8 decimals.
    """
    shifted = EXACT.scaleb(amount, SCALE)
    if shifted != (whole := int(shifted)):
        raise ValueError(f"{amount} has more than {SCALE} decimals, which the gate does not accept")
    return whole


def whole_numbers(numbers: Sequence[int]) -> Whole:
    """Return whole numbers as a column, 64-bit where all are below LARGEST_WORD."""
    if all(-LARGEST_WORD < number < LARGEST_WORD for number in numbers):
        return np.array(numbers, np.int64)
    return np.array(numbers, object)
