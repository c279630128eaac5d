"""One symbol's last 24 hours in a few numbers, for the page Prices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TypedDict

from include.method.delays import LATE, Delays
from include.records.decimals import EXACT, plain
from include.records.prices import VALUED_FLAGS, Flag
from include.records.windows import MINUTE_MS, Window, floor_minute, from_ms, iso, to_ms
from include.store.candles import CandleRow

# Nothing was traded, so nothing is missing.
WITHOUT_MARKET = (Flag.NO_TRADES, Flag.HALTED, Flag.EXCHANGE_OUTAGE)
RATIO = Decimal("0.000001")

Text = str | None


class LastMinute(TypedDict):
    """The newest minute with a value.

    change_ratio is against the oldest value of the 24 hours before it, that of minute `since`.
    """

    minute: str
    vwap: str
    flag: str
    quality: int | None
    grade: Text
    change_ratio: Text
    since: str


class Tiles(TypedDict):
    """One symbol's last 24 hours in numbers.

    completeness_ratio is minutes with a value / minutes that may have traded, from `counted_from`
    on; delays are from a minute's end to its first publication, and those of minutes filled in
    afterwards count only in `afterwards_count`.
    """

    last: LastMinute | None
    completeness_ratio: Text
    counted_from: Text
    valued_count: int
    missing_count: int
    p95_delay_seconds: Text
    late_count: int
    afterwards_count: int
    revised_count: int
    restated_count: int
    used_weight: int | None
    weight_limit: int | None


def tiles(  # noqa: PLR0913 - each is a number of its own
    revisions: Sequence[CandleRow],
    day: Window,
    moment: datetime,
    *,
    stored_from: datetime | None,
    restated_count: int,
    used_weight: int | None,
    weight_limit: int | None,
) -> Tiles:
    """Return a day of one symbol in numbers.

    Args:
        revisions: Ascending by minute and revision, all of them known at the moment.
        day: The minutes that were over at the moment.
        moment: Aware UTC.
        stored_from: No minutes of the symbol are expected before it, unless some are published.
        restated_count: As shown.
        used_weight: As shown.
        weight_limit: As shown.
    """
    rows = {row.minute_ms: row for row in revisions}
    delays = Delays(
        row.known_ms - row.minute_ms - MINUTE_MS for row in revisions if row.revision == 1
    )
    p95_ms = delays.percentile_ms(95)
    firsts_ms = [to_ms(floor_minute(stored_from))] if stored_from else []
    first_ms = max(to_ms(day.start), min([*firsts_ms, *rows], default=to_ms(day.end)))
    # A minute that is due but not published yet is not missing.
    end_ms = min(to_ms(day.end), to_ms(floor_minute(moment - LATE)))
    counted = [row for row in rows.values() if row.minute_ms < end_ms]
    valued = sum(1 for row in counted if row.flag in VALUED_FLAGS)
    silent = sum(1 for row in counted if row.flag in WITHOUT_MARKET)
    wanted = max(0, (end_ms - first_ms) // MINUTE_MS) - silent
    return {
        "last": _last([row for row in rows.values() if row.vwap is not None]),
        "completeness_ratio": _ratio(Decimal(valued), Decimal(wanted)) if wanted > 0 else None,
        "counted_from": iso(from_ms(first_ms)) if first_ms < end_ms else None,
        "valued_count": valued,
        "missing_count": max(0, wanted - valued),
        "p95_delay_seconds": None if p95_ms is None else _seconds(p95_ms),
        "late_count": delays.late_count,
        "afterwards_count": delays.afterwards_count,
        "revised_count": sum(1 for row in rows.values() if row.revision > 1),
        "restated_count": restated_count,
        "used_weight": used_weight,
        "weight_limit": weight_limit,
    }


def _last(valued: Sequence[CandleRow]) -> LastMinute | None:
    if not valued:
        return None
    oldest, newest = valued[0], valued[-1]
    before, after = oldest.vwap or Decimal(0), newest.vwap or Decimal(0)
    return {
        "minute": iso(from_ms(newest.minute_ms)),
        "vwap": plain(after),
        "flag": newest.flag,
        "quality": newest.quality,
        "grade": newest.grade,
        "change_ratio": _ratio(after - before, before) if before else None,
        "since": iso(from_ms(oldest.minute_ms)),
    }


def _ratio(part: Decimal, whole: Decimal) -> str:
    with localcontext(EXACT):
        return plain((part / whole).quantize(RATIO, ROUND_HALF_UP))


def _seconds(milliseconds: int) -> str:
    return plain(Decimal(milliseconds).scaleb(-3))
