"""Remove refused rows that were settled long ago; open rows stay, however old."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from include.records.verdicts import QuarantinedRow
from include.storage.clearing import Clearing, Tally
from include.store.store import Store


def forget_settled(
    store: Store, before: datetime, *, only_count: bool, is_time_up: Callable[[], bool]
) -> Clearing:
    """Delete the rows that were settled before a moment.

    Args:
        store: Holds the quarantine.
        before: Aware UTC.
        only_count: Delete nothing.
        is_time_up: Asked before each day of a symbol; once it says so, the rest stays.

    Returns:
        Rows, and the length of their payloads, of the days on which such rows may be.
    """
    done = Clearing()
    # None is settled before it is found.
    for symbol, day in sorted(key for key in store.quarantine.days() if key[1] <= before.date()):
        if is_time_up():
            return done + Clearing(is_finished=False)
        rows = store.quarantine.on_day(symbol, day)
        old = [row for row in rows if row.settled_at is not None and row.settled_at < before]
        if not only_count:
            for row in old:
                store.quarantine.remove(row)
        done += Clearing(_tally(rows), _tally(old), _tally([] if only_count else old))
    return done


def _tally(rows: Sequence[QuarantinedRow]) -> Tally:
    return Tally(len(rows), sum(len(row.payload.encode()) for row in rows))
