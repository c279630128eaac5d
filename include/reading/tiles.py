"""One symbol's span in a few numbers, for the page Prices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TypedDict

from include.method.delays import LATE, Delays
from include.reading.first_values import FirstValues, first_values
from include.records.decimals import EXACT, plain
from include.records.prices import VALUED_FLAGS, Flag
from include.records.windows import MINUTE_MS, Window, floor_minute, from_ms, iso, to_ms
from include.store.candles import CandleRow

# Nothing was traded, so nothing is missing.
WITHOUT_MARKET = (Flag.NO_TRADES, Flag.HALTED, Flag.EXCHANGE_OUTAGE)
RATIO = Decimal("0.000001")

Text = str | None
SourceOf = Callable[[datetime, datetime], str | None]


class LastMinute(TypedDict):
    """The newest minute with a value.

    change_ratio is against the oldest value of the span, that of minute `since`. source is where
    it comes from (include/exchange/price_source.py); null where the batch log does not tell.
    """

    minute: str
    vwap: str
    flag: str
    quality: int | None
    grade: Text
    change_ratio: Text
    since: str
    source: Text


class Tiles(TypedDict):
    """One symbol's span in numbers.

    completeness_ratio: minutes with a value /
    minutes that may have traded, from `counted_from` on. Delays are from a minute's end to its
    first value, and those of minutes filled in afterwards count only in `afterwards_count`.
    gap_first_count: minutes that were published as a gap of our own, and got a value later.
    """

    last: LastMinute | None
    completeness_ratio: Text
    counted_from: Text
    valued_count: int
    missing_count: int
    p95_delay_seconds: Text
    late_count: int
    afterwards_count: int
    gap_first_count: int
    revised_count: int
    restated_count: int
    used_weight: int | None
    weight_limit: int | None


def tiles(  # noqa: PLR0913 - each is a number of its own
    revisions: Sequence[CandleRow],
    span: Window,
    moment: datetime,
    *,
    source: SourceOf,
    stored_from: datetime | None,
    restated_count: int,
    used_weight: int | None,
    weight_limit: int | None,
) -> Tiles:
    """Return a span of one symbol in numbers.

    Args:
        revisions: Ascending by minute and revision, all of them known at the moment.
        span: The minutes shown that were over at the moment.
        moment: Aware UTC.
        source: Tells where the value of a minute comes from, by its start and when its first
            value became known.
        stored_from: No minutes of the symbol are expected before it, unless some are published.
        restated_count: As shown.
        used_weight: As shown.
        weight_limit: As shown.
    """
    rows = {row.minute_ms: row for row in revisions}
    firsts = first_values(revisions)
    delays = Delays(firsts.delays_ms.values())
    p95_ms = delays.percentile_ms(95)
    begun_ms = [to_ms(floor_minute(stored_from))] if stored_from else []
    first_ms = max(to_ms(span.start), min([*begun_ms, *rows], default=to_ms(span.end)))
    # A minute that is due but not published yet is not missing; what is published counts at once,
    # as the chart shows it.
    due_ms = min(to_ms(span.end), to_ms(floor_minute(moment - LATE)))
    end_ms = max([due_ms, *(minute_ms + MINUTE_MS for minute_ms in rows)])
    valued = sum(1 for row in rows.values() if row.flag in VALUED_FLAGS)
    silent = sum(1 for row in rows.values() if row.flag in WITHOUT_MARKET)
    wanted = max(0, (end_ms - first_ms) // MINUTE_MS) - silent
    return {
        "last": _last([row for row in rows.values() if row.vwap is not None], firsts, source),
        "completeness_ratio": _ratio(Decimal(valued), Decimal(wanted)) if wanted > 0 else None,
        "counted_from": iso(from_ms(first_ms)) if first_ms < end_ms else None,
        "valued_count": valued,
        "missing_count": max(0, wanted - valued),
        "p95_delay_seconds": None if p95_ms is None else _seconds(p95_ms),
        "late_count": delays.late_count,
        "afterwards_count": delays.afterwards_count,
        "gap_first_count": firsts.gap_first_count,
        "revised_count": sum(1 for row in rows.values() if row.revision > 1),
        "restated_count": restated_count,
        "used_weight": used_weight,
        "weight_limit": weight_limit,
    }


def _last(valued: Sequence[CandleRow], firsts: FirstValues, source: SourceOf) -> LastMinute | None:
    if not valued:
        return None
    oldest, newest = valued[0], valued[-1]
    first_known_ms = newest.minute_ms + MINUTE_MS + firsts.delays_ms[newest.minute_ms]
    before, after = oldest.vwap or Decimal(0), newest.vwap or Decimal(0)
    return {
        "minute": iso(from_ms(newest.minute_ms)),
        "vwap": plain(after),
        "flag": newest.flag,
        "quality": newest.quality,
        "grade": newest.grade,
        "change_ratio": _ratio(after - before, before) if before else None,
        "since": iso(from_ms(oldest.minute_ms)),
        "source": source(from_ms(newest.minute_ms), from_ms(first_known_ms)),
    }


def _ratio(part: Decimal, whole: Decimal) -> str:
    with localcontext(EXACT):
        return plain((part / whole).quantize(RATIO, ROUND_HALF_UP))


def _seconds(milliseconds: int) -> str:
    return plain(Decimal(milliseconds).scaleb(-3))
