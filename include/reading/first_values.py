"""When minutes got their first value, from all of their revisions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from include.records.prices import VALUED_FLAGS, Flag
from include.records.windows import MINUTE_MS
from include.store.candles import CandleRow, CauseRow


class FirstValues(NamedTuple):
    """How long after their end some minutes got their first value.

    Attributes:
        delays_ms: By start of the minute in milliseconds since the epoch: from its end to the
            first revision with a value. A minute that never had one has none here.
        gap_first_count: Of those minutes, the ones that were a gap of our own before: published
            in time, and without a price.
    """

    delays_ms: dict[int, int]
    gap_first_count: int


def first_values(rows: Iterable[CauseRow | CandleRow]) -> FirstValues:
    """Return when each minute got its first value.

    Args:
        rows: Every revision of some minutes, ascending by minute and revision.
    """
    delays_ms: dict[int, int] = {}
    gaps = set()
    for row in rows:
        if row.flag in VALUED_FLAGS:
            delays_ms.setdefault(row.minute_ms, row.known_ms - row.minute_ms - MINUTE_MS)
        elif row.flag == Flag.INGEST_GAP and row.minute_ms not in delays_ms:
            gaps.add(row.minute_ms)
    return FirstValues(delays_ms, len(gaps & delays_ms.keys()))


def newest_valued(rows: Iterable[CauseRow]) -> CauseRow | None:
    """Return the first revision with a value of the newest minute whose last one has one.

    Args:
        rows: As for `first_values`.
    """
    last: dict[int, CauseRow] = {}
    first: dict[int, CauseRow] = {}
    for row in rows:
        last[row.minute_ms] = row
        if row.flag in VALUED_FLAGS:
            first.setdefault(row.minute_ms, row)
    valued = (minute_ms for minute_ms, row in last.items() if row.flag in VALUED_FLAGS)
    newest_ms = max(valued, default=None)
    return None if newest_ms is None else first[newest_ms]
