"""Tell from a minute's own rows whether the exchange has settled it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, localcontext

from include.records.decimals import EXACT
from include.records.klines import OPEN_TIME, Interval, RawRow
from include.records.windows import MINUTE, to_ms

# Volume, quote volume and trade count, as places in a kline.
AMOUNTS = (5, 7, 8)
SECONDS_A_MINUTE = 60


def seconds_of(rows: Mapping[Interval, Sequence[RawRow]], minute: datetime) -> list[RawRow]:
    """Return the seconds of a minute that starts at an aware UTC time."""
    opens_ms, ends_ms = to_ms(minute), to_ms(minute + MINUTE)
    return [row for row in rows[Interval.SECOND] if opens_ms <= int(row[OPEN_TIME]) < ends_ms]


def lagging(rows: Mapping[Interval, Sequence[RawRow]], minute: datetime) -> list[Interval]:
    """Return the klines that lag behind for a minute that has just ended; none if it has settled.

    A minute has settled when it has its sixty seconds and they add up exactly to the exchange's
    own minute: volume, quote volume and trades. Where nothing traded, both say zero. Both may lack
    the same trades, and agree too early: these rows cannot show it. An outage lasts longer than a
    minute takes to settle: one without any second counts as settled.

    Args:
        rows: Of both intervals, in milliseconds, without duplicates.
        minute: Its start, aware UTC.
    """
    seconds = seconds_of(rows, minute)
    minutes = [row for row in rows[Interval.MINUTE] if row[OPEN_TIME] == to_ms(minute)]
    if not seconds:
        return []
    if len(seconds) < SECONDS_A_MINUTE or not minutes:
        return [
            *([Interval.SECOND] if len(seconds) < SECONDS_A_MINUTE else []),
            *([] if minutes else [Interval.MINUTE]),
        ]
    try:
        added_up, said = _amounts(seconds), _amounts(minutes)
    # The gate says what is wrong with it.
    except ArithmeticError:
        return []
    if added_up == said:
        return []
    return [Interval.SECOND if added_up < said else Interval.MINUTE]


def _amounts(rows: Sequence[RawRow]) -> list[Decimal]:
    with localcontext(EXACT):
        return [sum((Decimal(str(row[place])) for row in rows), Decimal(0)) for place in AMOUNTS]
