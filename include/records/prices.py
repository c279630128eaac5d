"""The pipeline's records: extracted prices and published averages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

PRICES = ("open", "high", "low", "close")
# Replace the flag where a minute has no row: it is over long enough to have one, or is not.
NOT_PUBLISHED = "NOT_PUBLISHED"
DUE = "DUE"


class Flag(StrEnum):
    """Why a published minute has its value, or has none (docs/method.md)."""

    OK = "OK"
    PARTIAL = "PARTIAL"
    NO_TRADES = "NO_TRADES"
    HALTED = "HALTED"
    EXCHANGE_OUTAGE = "EXCHANGE_OUTAGE"
    SOURCE_GAP = "SOURCE_GAP"
    INGEST_GAP = "INGEST_GAP"


# With these a minute has a value.
VALUED_FLAGS = frozenset({Flag.OK, Flag.PARTIAL})


class SoftFlag(StrEnum):
    """What is unusual about a minute; soft flags never drop anything (docs/method.md)."""

    JUMP = "JUMP"
    """Far from the minutes before; the next two are not there yet."""
    JUMP_CONFIRMED = "JUMP_CONFIRMED"
    """Far from the minutes before, and the price stayed."""
    SPIKE = "SPIKE"
    """Far from the minutes before, and the price came back within two minutes."""
    SEAM = "SEAM"
    """Opens far from the close of the previous minute."""
    STALE = "STALE"
    """No trade for five minutes."""
    CROSS_SOURCE = "CROSS_SOURCE"
    """The exchange's own five-minute average differs."""


class Grade(StrEnum):
    """A quality of 0 to 100 as a letter."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"


@dataclass(frozen=True)
class SymbolInfo:
    """The exchange's trading rules and status for one symbol.

    Attributes:
        symbol: Binance's pair id, upper case, like BTCUSDT.
        status: TRADING while it trades; any other value means that it does not.
        base_asset: What is bought and sold, like BTC.
        quote_asset: What it is paid in, like USDT.
        tick_size: Smallest step of a price, in quote asset per base asset.
        step_size: Smallest step of a quantity, in base asset.
        checked_at: When the exchange said so, aware UTC.
    """

    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    tick_size: Decimal
    step_size: Decimal
    checked_at: datetime


@dataclass(frozen=True)
class TradedSpan:
    """The trades of one second or minute, as the exchange reports them.

    Attributes:
        symbol: Binance's pair id, upper case.
        start: First moment of the second or minute, aware UTC; its end is exclusive.
        open: First price, quote asset per base asset; with no trade, the last price before.
        high: Highest price.
        low: Lowest price.
        close: Last price.
        volume: Sum of quantities, in base asset; zero when nothing traded.
        quote_volume: Sum of price x quantity, in quote asset.
        trade_count: Number of trades.
        taker_volume: Part of volume whose taker bought, in base asset.
        taker_quote_volume: Part of quote_volume whose taker bought, in quote asset.
    """

    symbol: str
    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    trade_count: int
    taker_volume: Decimal
    taker_quote_volume: Decimal


class SecondPrice(TradedSpan):
    """One symbol and second: the extracted price the averages are made of."""


class ExchangeMinute(TradedSpan):
    """One symbol and minute: the exchange's own figures, to reconcile the seconds with."""


Span = TypeVar("Span", SecondPrice, ExchangeMinute)


@dataclass(frozen=True)
class MinuteAverage:
    """A symbol's minute average, before it is published.

    Attributes:
        symbol: Binance's pair id, upper case.
        minute: First moment of the minute, aware UTC; the minute is [minute, minute + 60 s).
        vwap: Sum of quote volume / sum of volume, quote asset per base asset, rounded
            half up to 12 decimals; None where the flag says why there is none.
        twap: Mean of the price in effect at the start of each second, 12 decimals half up;
            None without a vwap, or where no second is held.
        vw_median: Median of the seconds' own averages, weighted by their volume, 12 decimals half
            up; None without a vwap, or where no second with a trade is held.
        open: First price; None without a source.
        high: Highest price; None without a source.
        low: Lowest price; None without a source.
        close: Last price; None without a source.
        volume: Base asset; None without a source.
        quote_volume: Quote asset; None without a source.
        trade_count: Trades in the minute; None without a source.
        coverage: Seconds held / 60, from 0 to 1, two decimals rounded down.
        dispersion_bp: Standard deviation of the seconds' own averages around theirs, weighted by
            volume, in hundredths of a percent of it, 2 decimals half up; None as vw_median.
        volume_difference: Sum of sixty seconds minus the exchange's minute, base asset; None
            where both agree or one of them is incomplete.
        quote_volume_difference: The same of quote volumes, in quote asset.
        trade_difference: The same of trades.
        filled_vwap: vwap; where it is None, that of the last minute that has one, if that is at
            most five minutes old, with neither a halt nor an outage in between.
        fill_age_seconds: How much older the filled value's minute is; 0 for a value of its own.
        fill_method: How it was filled; None for a value of its own.
        source_level: 1 to 8, the row of the method's table that made the value.
        flag: What the value is or why it is missing.
        soft_flags: What is unusual about it, SoftFlag names separated by commas; often empty.
        is_reconciled: Whether the seconds and the exchange's minute agree; None where
            one of them is absent.
        quality: 0 to 100, how reliable the value is; None without a value.
        grade: The same as a letter.
        method_version: Version of the rules that made it.
    """

    symbol: str
    minute: datetime
    vwap: Decimal | None
    twap: Decimal | None
    vw_median: Decimal | None
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal | None
    volume: Decimal | None
    quote_volume: Decimal | None
    trade_count: int | None
    coverage: Decimal
    dispersion_bp: Decimal | None
    volume_difference: Decimal | None
    quote_volume_difference: Decimal | None
    trade_difference: int | None
    filled_vwap: Decimal | None
    fill_age_seconds: int | None
    fill_method: str | None
    source_level: int
    flag: Flag
    soft_flags: str
    is_reconciled: bool | None
    quality: int | None
    grade: Grade | None
    method_version: int


@dataclass(frozen=True)
class MinutePrice:
    """One revision of a published minute.

    Attributes:
        average: The minute's average in this revision.
        revision: 1 for the first publication, then one more each time it changed.
        known_at: When this revision was published, aware UTC, whole milliseconds.
    """

    average: MinuteAverage
    revision: int
    known_at: datetime
