"""Run computed minutes through the second gate and withhold those that fail."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta

from include.pipeline.computing import Computed, annotated
from include.records.prices import MinuteAverage
from include.records.verdicts import WITHHELD, ExpectedMinutes, QuarantinedRow
from include.store.store import Store

# Validates averages: returns by place those that must not be published, with what they fail.
Check = Callable[[Sequence[MinuteAverage], ExpectedMinutes], dict[int, dict[str, str]]]


def withhold_failing(
    store: Store, check: Check, computed: Mapping[str, Computed], count: int, known_at: datetime
) -> tuple[list[MinuteAverage], list[QuarantinedRow]]:
    """Validate computed minutes; return the averages to publish and the withheld rows.

    A withheld minute must not affect its neighbours either: those are annotated again without it,
    and validated again.

    Args:
        store: Holds the surrounding published minutes.
        check: The second gate.
        computed: By symbol.
        count: Number of minutes that were to be averaged.
        known_at: When their sources were read, aware UTC.
    """
    withheld: list[QuarantinedRow] = []
    left_out: set[tuple[str, datetime]] = set()
    for number in itertools.count():
        own = [average for each in computed.values() for average in each.averages]
        neighbours = [
            average
            for each in computed.values()
            for average in each.neighbours
            if (average.symbol, average.minute) not in left_out
        ]
        averages = own + neighbours
        if not averages:
            return [], withheld
        # A second check is a separate result next to the first.
        looked_at = known_at + number * timedelta(milliseconds=1)
        asked_for = ExpectedMinutes(tuple(computed), count + len(neighbours), looked_at)
        bad = check(averages, asked_for)
        if not bad:
            return averages, withheld
        withheld += [
            _withheld(averages[place], observed, known_at) for place, observed in bad.items()
        ]
        left_out |= {(averages[place].symbol, averages[place].minute) for place in bad}
        count -= sum(1 for place in bad if place < len(own))
        computed = {
            symbol: annotated(
                store,
                symbol,
                {
                    average.minute: average
                    for average in each.averages
                    if (symbol, average.minute) not in left_out
                },
            )
            for symbol, each in computed.items()
        }
    raise AssertionError("each check withholds a minute, or is the last")


def _withheld(
    average: MinuteAverage, observed: dict[str, str], detected_at: datetime
) -> QuarantinedRow:
    cells = {
        field.name: str(value)
        for field in fields(MinuteAverage)
        if (value := getattr(average, field.name)) is not None
    }
    return QuarantinedRow(
        symbol=average.symbol,
        interval=WITHHELD,
        open_time=average.minute.isoformat(),
        payload=json.dumps(cells),
        observed=observed,
        detected_at=detected_at,
        batch_url="",
    )
