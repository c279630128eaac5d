"""Compute minute averages from the stored seconds and the exchange's own minutes.

Pure and exact: integers in, decimals out; no clock, no store. docs/method.md explains the
levels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from include.method.sums import (
    AVERAGE_DECIMALS,
    SECONDS_A_MINUTE,
    Mask,
    MinuteSums,
    SecondStatistics,
    exchange_minute_sums,
    is_truncated,
    second_sums,
)
from include.records.columns import SCALE, SpanColumns
from include.records.decimals import EXACT
from include.records.limits import CARRIED_SECONDS, METHOD_VERSION
from include.records.prices import PRICES, Flag, MinuteAverage
from include.records.windows import Window

# Flags that a halt or an outage may explain.
UNEXPLAINED = frozenset({Flag.SOURCE_GAP, Flag.NO_TRADES})
CAUSE_LEVELS = {Flag.HALTED: 5, Flag.EXCHANGE_OUTAGE: 6}
FLAGS = {
    1: Flag.OK,
    2: Flag.OK,
    3: Flag.PARTIAL,
    4: Flag.NO_TRADES,
    7: Flag.SOURCE_GAP,
    8: Flag.INGEST_GAP,
}
# Up to this level the value is from the exchange's own minute, above it from the seconds.
EXCHANGE_LEVEL = 2
SOURCE_GAP, INGEST_GAP = 7, 8
VOLUMES = ("volume", "quote_volume")


def average_minutes(
    symbol: str,
    window: Window,
    seconds: SpanColumns,
    exchange_minutes: SpanColumns,
    stored_until: datetime | None,
) -> list[MinuteAverage]:
    """Average every minute of a window.

    Args:
        symbol: Whose prices these are.
        window: Which minutes to average.
        seconds: Prices of the window and of CARRIED_SECONDS before it; a price is in effect until
            the next one, and the window's first minutes need the one in effect before it.
        exchange_minutes: The exchange's own minutes.
        stored_until: Exclusive end of the stored data; None when nothing is stored. A minute
            from there on without any data is a gap of ours, not the exchange's.

    Returns:
        One average for each minute of the window, ascending, without soft flags, filled value and
        quality: those need the surrounding minutes (grading.py). Where the flag says that there
        is no value, vwap is None: it is never filled.
    """
    held, statistics = second_sums(seconds, window, carried_for_s=int(CARRIED_SECONDS.value))
    said = exchange_minute_sums(exchange_minutes, window)
    is_complete = statistics.second_count == SECONDS_A_MINUTE
    surpluses = [getattr(held, name) - getattr(said, name) for name in (*VOLUMES, "trade_count")]
    agrees = ~np.logical_or.reduce([each != 0 for each in surpluses]).astype(np.bool_)
    # A part of the seconds cannot exceed the whole minute.
    exceeds = np.logical_or.reduce([each > 0 for each in surpluses]).astype(np.bool_)
    is_compared = said.has_row & (is_complete | exceeds)
    says_trades = said.has_row & (said.volume > 0).astype(np.bool_)
    levels = _levels(
        held, said, says_trades=says_trades, is_complete=is_complete, agrees=is_complete & agrees
    )
    # An exchange minute without trades does not override trades in the seconds.
    columns = [
        np.where(says_trades, getattr(said, name), getattr(held, name)).tolist()
        for name in (*PRICES, *VOLUMES, "trade_count")
    ]
    differences = [each.tolist() for each in surpluses]
    rows = zip(
        levels,
        zip(*columns, strict=True),
        _from_seconds(statistics),
        is_compared.tolist(),
        zip(*differences, strict=True),
        strict=True,
    )
    return [
        _average(symbol, minute, _Row(*row), is_stored=bool(stored_until and minute < stored_until))
        for minute, row in zip(window.minutes(), rows, strict=True)
    ]


class _Row(NamedTuple):
    """A minute's cells: whole numbers, as in sums.py."""

    level: int
    traded: tuple[int, ...]
    told: tuple[int, int, int, int, int]
    is_compared: bool
    difference: tuple[int, ...]


def explain(
    averages: Sequence[MinuteAverage], causes: Mapping[datetime, Flag]
) -> list[MinuteAverage]:
    """Flag minutes without a value whose cause is known: a halt or an outage of the exchange.

    Args:
        averages: Of one symbol.
        causes: HALTED or EXCHANGE_OUTAGE by minute, where known. A cause may become known after
            the minute was first published; then its next revision states it.
    """
    return [
        replace(average, flag=cause, source_level=CAUSE_LEVELS[cause])
        if average.flag in UNEXPLAINED and (cause := causes.get(average.minute))
        else average
        for average in averages
    ]


def _levels(
    held: MinuteSums, said: MinuteSums, *, says_trades: Mask, is_complete: Mask, agrees: Mask
) -> list[int]:
    """Return the level of each minute, a row of the method's table; 5, 6 and 8 are set later."""
    found = np.select(
        [
            says_trades & agrees,
            says_trades,
            (held.volume > 0).astype(np.bool_),
            said.has_row | is_complete,
        ],
        [1, 2, 3, 4],
        default=7,
    )
    return found.tolist()  # type: ignore[no-any-return]


def _from_seconds(statistics: SecondStatistics) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield count, median, dispersion, and sum and count of prices in effect, per minute."""
    return zip(
        statistics.second_count.tolist(),
        statistics.medians.tolist(),
        statistics.dispersions,
        statistics.standing.tolist(),
        statistics.standing_count.tolist(),
        strict=True,
    )


def _average(symbol: str, minute: datetime, row: _Row, *, is_stored: bool) -> MinuteAverage:
    *prices, volume, quote_volume, trade_count = row.traded
    second_count, median, dispersion, standing, standing_count = row.told
    level = INGEST_GAP if row.level == SOURCE_GAP and not is_stored else row.level
    has_value, is_said = level <= 3, level <= 4  # noqa: PLR2004 - rows of the table
    open_, high, low, close = (
        [_decimal(price, SCALE) for price in prices] if has_value else [None] * 4
    )
    is_reconciled = not any(row.difference) if row.is_compared else None
    differs = row.difference if is_reconciled is False else None
    return MinuteAverage(
        symbol=symbol,
        minute=minute,
        vwap=_vwap(row) if has_value else None,
        # A price has four decimals fewer than an average.
        twap=_quotient(standing, standing_count * 10**SCALE)
        if has_value and standing_count
        else None,
        vw_median=_decimal(median, AVERAGE_DECIMALS) if has_value and median else None,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=_decimal(volume, SCALE) if is_said else None,
        quote_volume=_decimal(quote_volume, SCALE) if is_said else None,
        trade_count=trade_count if is_said else None,
        coverage=_decimal(second_count * 100 // SECONDS_A_MINUTE, 2),
        dispersion_bp=_decimal(dispersion, 2) if has_value and median else None,
        volume_difference=_decimal(differs[0], SCALE) if differs else None,
        quote_volume_difference=_decimal(differs[1], SCALE) if differs else None,
        trade_difference=differs[2] if differs else None,
        filled_vwap=None,
        fill_age_seconds=None,
        fill_method=None,
        source_level=level,
        flag=FLAGS[level],
        soft_flags="",
        is_reconciled=is_reconciled,
        quality=None,
        grade=None,
        method_version=METHOD_VERSION,
    )


def _vwap(row: _Row) -> Decimal:
    _, _, low, _, volume, quote_volume, trade_count = row.traded
    if is_truncated(low, volume, quote_volume, trade_count):
        return _decimal(low, SCALE)
    return _quotient(quote_volume, volume)


def _quotient(numerator: int, denominator: int) -> Decimal:
    """Divide, rounded half up to 12 decimals: four more than the finest tick that Binance lists.

    A coin at 0.00000812 still has seven significant digits.
    """
    doubled = 2 * numerator * 10**AVERAGE_DECIMALS + denominator
    return _decimal(doubled // (2 * denominator), AVERAGE_DECIMALS)


def is_contradicted(average: MinuteAverage) -> bool:
    """Tell whether one source of a minute has trades and the other states that there were none."""
    if not average.volume:
        return False
    is_told_by_seconds = average.source_level > EXCHANGE_LEVEL
    return average.volume_difference == (average.volume if is_told_by_seconds else -average.volume)


def _decimal(whole: int, decimals: int) -> Decimal:
    return EXACT.scaleb(Decimal(whole), -decimals)
