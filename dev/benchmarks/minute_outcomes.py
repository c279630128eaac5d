"""What became of minutes: when each had the exchange's value, and which ones are lost or wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from dev.benchmarks.row_times import RowTime
from include.records.prices import Flag

Key = tuple[str, datetime]


@dataclass(frozen=True)
class Outcomes:
    """Minutes by symbol and start, compared with the exchange's values.

    Attributes:
        delays: From a minute's end to the first revision that is OK with the exchange's value.
        otherwise: Minutes with an earlier revision that is something else.
        lost: Minutes without a revision.
        wrong: Minutes whose last revision is not OK with the exchange's value.
        uncounted: Minutes whose revisions are not numbered from 1 on without a hole.
    """

    delays: Mapping[Key, timedelta]
    otherwise: frozenset[Key]
    lost: Sequence[Key]
    wrong: Sequence[Key]
    uncounted: Sequence[Key]


def outcomes(rows: Sequence[RowTime], expected: Mapping[Key, Decimal]) -> Outcomes:
    """Compare revisions, by symbol, minute and revision, with the values of the same minutes."""
    revisions: dict[Key, list[RowTime]] = {key: [] for key in expected}
    delays: dict[Key, timedelta] = {}
    otherwise = set()
    for row in rows:
        key = (row.symbol, row.minute)
        revisions.setdefault(key, []).append(row)
        if _is_right(row, expected):
            delays.setdefault(key, row.stored_delay)
        elif key not in delays:
            otherwise.add(key)
    return Outcomes(
        delays,
        frozenset(otherwise),
        lost=[key for key, found in revisions.items() if not found],
        wrong=[
            key for key, found in revisions.items() if found and not _is_right(found[-1], expected)
        ],
        uncounted=[
            key
            for key, found in revisions.items()
            if [row.revision for row in found] != [*range(1, len(found) + 1)]
        ],
    )


def are_right(rows: Sequence[RowTime], expected: Mapping[Key, Decimal]) -> bool:
    """Tell whether the last revision of every minute is OK with the exchange's value."""
    last = {(row.symbol, row.minute): row for row in rows}
    return all(key in last and _is_right(last[key], expected) for key in expected)


def _is_right(row: RowTime, expected: Mapping[Key, Decimal]) -> bool:
    return (row.flag, row.vwap) == (Flag.OK, expected.get((row.symbol, row.minute)))
