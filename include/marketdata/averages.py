"""The method: what one minute comes to, from the seconds held and the exchange's own minute.

Pure and exact: decimals only, no clock, no store. docs/method.md explains each level.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, localcontext

from include.marketdata.prices import ExchangeMinute, Flag, MinuteAverage, SecondPrice
from include.marketdata.thresholds import METHOD_VERSION
from include.marketdata.windows import Window, floor_minute

SECONDS_PER_MINUTE = 60
# Four decimals beyond the finest tick that Binance lists (8), so that a coin at
# 0.00000812 still has seven significant digits.
VWAP_STEP = Decimal("1e-12")
COVERAGE_STEP = Decimal("0.01")
# 20 digits before the point and 8 behind it, times 12 more for the division.
EXACT = Context(prec=60)
# Flags that a halt or an outage may stand behind.
UNEXPLAINED = frozenset({Flag.SOURCE_GAP, Flag.NO_TRADES})
CAUSE_LEVELS = {Flag.HALTED: 5, Flag.EXCHANGE_OUTAGE: 6}


@dataclass(frozen=True)
class _Traded:
    """What one minute traded, by one source; units as in prices.TradedSpan.

    Prices are None when nothing traded: the exchange then repeats the price before.
    """

    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal | None
    volume: Decimal
    quote_volume: Decimal
    trade_count: int


def average_minutes(
    symbol: str,
    window: Window,
    seconds: Iterable[SecondPrice],
    exchange_minutes: Iterable[ExchangeMinute],
    stored_until: datetime | None,
) -> list[MinuteAverage]:
    """Average every minute of a window.

    Args:
        symbol: Whose prices these are.
        window: Which minutes to average.
        seconds: Prices in any order; a second seen twice is counted once, the last seen.
        exchange_minutes: The exchange's own minutes, in any order.
        stored_until: Exclusive end of what is stored; None when nothing is. A minute
            from there on without any data is a gap of ours, not the exchange's.

    Returns:
        One average for each minute of the window, ascending. Where the flag says that
        there is no value, vwap is None: it is never filled.
    """
    by_minute: dict[datetime, dict[datetime, SecondPrice]] = defaultdict(dict)
    for second in seconds:
        by_minute[floor_minute(second.start)][second.start] = second
    exchange = {minute.start: minute for minute in exchange_minutes}
    with localcontext(EXACT):
        return [
            _average(
                symbol,
                minute,
                sorted(by_minute[minute].values(), key=lambda second: second.start),
                exchange.get(minute),
                is_stored=stored_until is not None and minute < stored_until,
            )
            for minute in window.minutes()
        ]


def explain(
    averages: Sequence[MinuteAverage], causes: Mapping[datetime, Flag]
) -> list[MinuteAverage]:
    """Say why minutes without a value have none, where it is neither our gap nor a quiet market.

    Args:
        averages: Of one symbol.
        causes: HALTED or EXCHANGE_OUTAGE by minute, where that is known. It may be known later
            than the minute was first published; then its next revision says so.
    """
    return [
        replace(average, flag=cause, source_level=CAUSE_LEVELS[cause])
        if average.flag in UNEXPLAINED and (cause := causes.get(average.minute))
        else average
        for average in averages
    ]


def _average(
    symbol: str,
    minute: datetime,
    seconds: Sequence[SecondPrice],
    exchange_minute: ExchangeMinute | None,
    *,
    is_stored: bool,
) -> MinuteAverage:
    held = _sum_of(seconds) if seconds else None
    said = _as_said(exchange_minute) if exchange_minute else None
    is_complete = len(seconds) == SECONDS_PER_MINUTE
    is_reconciled = _agree(held, said) if held and said and is_complete else None
    traded: _Traded | None
    if is_complete and is_reconciled:
        traded, level, flag = held, 1, Flag.OK
    elif said:
        traded, level, flag = said, 2, Flag.OK
    elif held and held.volume:
        traded, level, flag = held, 3, Flag.PARTIAL
    elif is_stored:
        traded, level, flag = None, 7, Flag.SOURCE_GAP
    else:
        traded, level, flag = None, 8, Flag.INGEST_GAP
    if traded and not traded.volume and flag is Flag.OK:
        level, flag = 4, Flag.NO_TRADES
    return MinuteAverage(
        symbol=symbol,
        minute=minute,
        vwap=_vwap(traded),
        **{field.name: getattr(traded, field.name, None) for field in fields(_Traded)},
        coverage=(Decimal(len(seconds)) / SECONDS_PER_MINUTE).quantize(COVERAGE_STEP, ROUND_DOWN),
        source_level=level,
        flag=flag,
        is_reconciled=is_reconciled,
        method_version=METHOD_VERSION,
    )


def _sum_of(seconds: Sequence[SecondPrice]) -> _Traded:
    traded = [second for second in seconds if second.trade_count]
    return _Traded(
        open=traded[0].open if traded else None,
        high=max((second.high for second in traded), default=None),
        low=min((second.low for second in traded), default=None),
        close=traded[-1].close if traded else None,
        volume=sum((second.volume for second in seconds), Decimal(0)),
        quote_volume=sum((second.quote_volume for second in seconds), Decimal(0)),
        trade_count=sum(second.trade_count for second in seconds),
    )


def _as_said(minute: ExchangeMinute) -> _Traded:
    said = _Traded(**{field.name: getattr(minute, field.name) for field in fields(_Traded)})
    if minute.trade_count:
        return said
    return replace(said, open=None, high=None, low=None, close=None)


def _agree(held: _Traded, said: _Traded) -> bool:
    return (held.volume, held.quote_volume, held.trade_count) == (
        said.volume,
        said.quote_volume,
        said.trade_count,
    )


def _vwap(traded: _Traded | None) -> Decimal | None:
    """Divide quote volume by volume; 0/0 has no value."""
    if traded is None or not traded.volume:
        return None
    return (traded.quote_volume / traded.volume).quantize(VWAP_STEP, ROUND_HALF_UP)
