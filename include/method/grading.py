"""Compute soft flags, the filled value, quality and grade of minutes from their neighbours.

Pure. Each minute depends only on the minutes from CONTEXT before it to CONFIRMATION after it, so
the result is the same however the minutes are cut into windows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from include.method.soft_flags import (
    cross_source_limit,
    differs_from_exchange,
    is_seam,
    is_stale,
    jump_at,
)
from include.records.limits import (
    FILL_MINUTES,
    QUALITY_CROSS_SOURCE,
    QUALITY_DISAGREEING,
    QUALITY_JUMP,
    QUALITY_KLINE,
    QUALITY_PARTIAL,
    QUALITY_SEAM,
    QUALITY_SPIKE,
)
from include.records.prices import Flag, Grade, MinuteAverage, SoftFlag
from include.records.windows import MINUTE

LAST_VWAP = "LAST_VWAP"
# No value is carried over a minute in which the market was closed.
NOT_RUNNING = frozenset({Flag.HALTED, Flag.EXCHANGE_OUTAGE})
LOST_POINTS = {
    SoftFlag.JUMP: QUALITY_JUMP,
    SoftFlag.SPIKE: QUALITY_SPIKE,
    SoftFlag.SEAM: QUALITY_SEAM,
    SoftFlag.CROSS_SOURCE: QUALITY_CROSS_SOURCE,
}
GRADES = ((90, Grade.A), (70, Grade.B), (50, Grade.C), (30, Grade.D), (0, Grade.E))


def annotate(
    averages: Sequence[MinuteAverage],
    five_minute_prices: Mapping[datetime, Decimal],
    wanted: Collection[datetime] | None = None,
    *,
    base_asset: str | None = None,
) -> list[MinuteAverage]:
    """Return averages with their soft flags, filled value, quality and grade.

    Args:
        averages: Of one symbol, ascending, each minute once; some may be missing.
        five_minute_prices: The exchange's own average of the five minutes that end with a
            minute, by that minute, where it was requested.
        wanted: Minutes to return; all if None. The averages should include the minutes from
            CONTEXT before each to CONFIRMATION after it.
        base_asset: Of the symbol, as the exchange states it; None where it never did.
    """
    limit = cross_source_limit(base_asset)
    by_minute = {average.minute: average for average in averages}
    valued = [average for average in averages if average.vwap is not None]
    place_of = {average.minute: place for place, average in enumerate(valued)}
    annotated = []
    for average in averages:
        if wanted is not None and average.minute not in wanted:
            continue
        flags: list[SoftFlag] = []
        place = place_of.get(average.minute)
        if place is not None and (jump := jump_at(valued, place)):
            flags.append(jump)
        if is_seam(by_minute.get(average.minute - MINUTE), average):
            flags.append(SoftFlag.SEAM)
        if is_stale(by_minute, average.minute):
            flags.append(SoftFlag.STALE)
        if differs_from_exchange(by_minute, five_minute_prices, average.minute, limit):
            flags.append(SoftFlag.CROSS_SOURCE)
        quality = _quality(average, flags)
        value, age_seconds = _filled(by_minute, average)
        annotated.append(
            replace(
                average,
                soft_flags=",".join(flags),
                filled_vwap=value,
                fill_age_seconds=age_seconds,
                fill_method=LAST_VWAP if age_seconds else None,
                quality=quality,
                grade=None if quality is None else grade_of(quality),
            )
        )
    return annotated


def grade_of(quality: int) -> Grade:
    """Return the grade of a quality: A from 90, B from 70, C from 50, D from 30, else E."""
    return next(grade for least, grade in GRADES if quality >= least)


def _quality(average: MinuteAverage, flags: Sequence[SoftFlag]) -> int | None:
    match average.source_level:
        case 1:
            points = Decimal(100)
        case 2:
            disagrees = average.is_reconciled is False
            points = QUALITY_DISAGREEING.value if disagrees else QUALITY_KLINE.value
        case 3:
            points = QUALITY_PARTIAL.value * average.coverage
        case _:
            return None
    lost = sum(LOST_POINTS[flag].value for flag in flags if flag in LOST_POINTS)
    return max(0, int(points - lost))


def _filled(
    by_minute: Mapping[datetime, MinuteAverage], average: MinuteAverage
) -> tuple[Decimal | None, int | None]:
    """Return the value of the last minute that has one, and that minute's age in seconds."""
    for back in range(int(FILL_MINUTES.value) + 1):
        age = timedelta(minutes=back)
        before = by_minute.get(average.minute - age)
        if before is None or before.flag in NOT_RUNNING:
            return None, None
        if before.vwap is not None:
            return before.vwap, int(age.total_seconds())
    return None, None
