"""What a soak says at its end: minutes and the faults that explain them, without any server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from dev.benchmarks.minute_outcomes import Key, outcomes
from dev.benchmarks.row_times import RowTime
from dev.soaking.faults import Group
from include.records.prices import Flag
from include.records.windows import MINUTE

# A minute that comes later than this after its end needs a cause.
LATE = timedelta(seconds=60)
# So long after a fault is lifted it still explains what is late: servers start anew, and what has
# been missed is made up.
AFTERMATH = timedelta(minutes=5)


@dataclass(frozen=True)
class Fault:
    """A fault that was in force; times are aware UTC.

    Attributes:
        name: Of its kind.
        group: Of its kind.
        began: When it was imposed.
        lifted: When it was over, and what it had killed was up again.
    """

    name: str
    group: Group
    began: datetime
    lifted: datetime

    def touches(self, minute: datetime) -> bool:
        """Tell whether it can explain what became of a minute."""
        return self.began < minute + MINUTE + LATE and minute < self.lifted + AFTERMATH


@dataclass(frozen=True)
class Ledger:
    """The minutes of a soak, by symbol and start.

    Attributes:
        expected: How many there are.
        published: Those with a revision.
        otherwise: Those that were first something else than OK with the exchange's value, or late.
        explained: Those of them that a fault explains.
        repaired: Those of them that end as OK with the exchange's value.
        wrong: Those that end otherwise, in the store or in the mart.
        lost: Those without a revision, and those that the mart lacks.
        twice: Those whose revisions are not numbered from 1 on without a hole, and those that the
            mart has more than once.
        unexplained: The other minutes of `otherwise`.
        quiet_delays: In order: from a minute's end to its value, of minutes that no fault touches.
        fault_delays: The same of the others.
        recoveries: Of each fault: from its end to the last value of the minutes that it touched
            while in force; none where that one never came.
    """

    expected: int
    published: int
    otherwise: int
    explained: int
    repaired: int
    wrong: Sequence[Key]
    lost: Sequence[Key]
    twice: Sequence[Key]
    unexplained: Sequence[Key]
    quiet_delays: Sequence[timedelta]
    fault_delays: Sequence[timedelta]
    recoveries: Sequence[tuple[Fault, timedelta | None]]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong, lost, doubled or without a cause."""
        return not (self.wrong or self.lost or self.twice or self.unexplained)


def settle(
    rows: Sequence[RowTime],
    expected: Mapping[Key, Decimal],
    faults: Sequence[Fault],
    mart: Sequence[tuple[Key, Decimal | None]],
) -> Ledger:
    """Compare minutes with the exchange's values and with the faults.

    Args:
        rows: Every revision, by symbol, minute and revision.
        expected: The exchange's value of each minute.
        faults: In order of time.
        mart: The mart's rows of the same minutes.
    """
    found = outcomes(rows, expected)
    late = {key for key, delay in found.delays.items() if delay > LATE}
    otherwise = found.otherwise | late | set(found.lost)
    lied = {
        (row.symbol, row.minute)
        for row in rows
        if row.flag is Flag.OK and row.vwap != expected.get((row.symbol, row.minute))
    }
    explained = {
        key
        for key in otherwise
        if any(
            fault.touches(key[1]) and (key not in lied or fault.group is Group.LIE)
            for fault in faults
        )
    }
    counts: dict[Key, int] = {}
    for key, _ in mart:
        counts[key] = counts.get(key, 0) + 1
    lost = sorted({*found.lost, *(key for key in expected if key not in counts)})
    wrong = {*found.wrong, *(key for key, vwap in mart if vwap != expected.get(key))}
    touched = {key for key in expected if any(fault.touches(key[1]) for fault in faults)}
    return Ledger(
        expected=len(expected),
        published=len(expected) - len(found.lost),
        otherwise=len(otherwise),
        explained=len(explained),
        repaired=len(otherwise & found.delays.keys() - wrong),
        wrong=sorted(wrong),
        lost=lost,
        twice=sorted({*found.uncounted, *(key for key, count in counts.items() if count > 1)}),
        unexplained=sorted(otherwise - explained),
        quiet_delays=sorted(found.delays[key] for key in found.delays.keys() - touched),
        fault_delays=sorted(found.delays[key] for key in found.delays.keys() & touched),
        recoveries=[(fault, _recovery(fault, found.delays, expected)) for fault in faults],
    )


def _recovery(
    fault: Fault, delays: Mapping[Key, timedelta], expected: Mapping[Key, Decimal]
) -> timedelta | None:
    """Return how long after its end the last value came of the minutes that ended meanwhile."""
    until = max(fault.lifted, fault.began + MINUTE)
    ended = [key for key in expected if fault.began <= key[1] + MINUTE < until]
    if not all(key in delays for key in ended):
        return None
    last = max((key[1] + MINUTE + delays[key] for key in ended), default=fault.lifted)
    return max(last - fault.lifted, timedelta(0))
