"""When a reader should look for the next minute: as soon as it usually comes, and not before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from include.method.delays import AFTERWARDS_MS, LATE, percentile
from include.reading.first_values import FirstValues
from include.records.prices import Flag
from include.records.windows import MINUTE, SECOND, floor_minute, to_ms
from include.store.candles import CandleRow

# Before any minute has shown how long it takes: fetched after settling, averaged, written.
USUAL = 15 * SECOND
# Of how many last minutes, half of which came sooner.
COUNTED = 15
# When what is due has not come.
AGAIN = 2 * SECOND
# When it is late: something is wrong, and asking often helps nobody.
SLOWLY = 10 * SECOND


def next_look(rows: Mapping[int, CandleRow], firsts: FirstValues, moment: datetime) -> datetime:
    """Return when a page that shows the newest minutes should ask again, aware UTC.

    Args:
        rows: The last revision of the newest minutes, by start in milliseconds.
        firsts: When those minutes got their first value.
        moment: Now, aware UTC.
    """
    delays_ms = [firsts.delays_ms[each] for each in sorted(firsts.delays_ms)[-COUNTED:]]
    running_ms = sorted(each for each in delays_ms if each < AFTERWARDS_MS)
    usual = timedelta(milliseconds=percentile(running_ms, 50)) if running_ms else USUAL
    last = floor_minute(moment) - MINUTE
    held = rows.get(to_ms(last))
    # Where the last whole minute is there with its value or its reason, it is the next one's turn.
    is_there = held is not None and held.flag != Flag.INGEST_GAP
    due = last + MINUTE + usual + (MINUTE if is_there else timedelta(0))
    if due > moment:
        return due
    return moment + (AGAIN if moment - last - MINUTE < LATE else SLOWLY)
