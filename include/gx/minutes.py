"""The second gate: validate minute averages before they are published and reported."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pandas as pd

from include.gx.batches import by_row, refusals
from include.gx.checkpoints import Checkpoints
from include.gx.levels import ROW
from include.gx.results import Subject
from include.gx.suites import Suite
from include.gx.summaries import SEVERAL, window_name
from include.records.errors import CheckFailedError
from include.records.prices import MinuteAverage
from include.records.verdicts import ExpectedMinutes
from include.records.windows import Window

AVERAGE_COLUMNS = [field.name for field in dataclasses.fields(MinuteAverage)]


def check_averages(
    checkpoints: Checkpoints, averages: Sequence[MinuteAverage], asked_for: ExpectedMinutes
) -> dict[int, dict[str, str]]:
    """Validate averages before they are published.

    Args:
        checkpoints: Keep the result for Data Docs.
        averages: Of any symbols and minutes.
        asked_for: The expected symbols and number of minutes.

    Returns:
        By place, the averages that must not be published, each with the expectations that it
        does not meet and what was observed.

    Raises:
        CheckFailedError: The averages as a whole are not as requested, or could not be
            validated.
    """
    if not averages:
        return {}
    minutes = [average.minute for average in averages]
    outcome = checkpoints.run(
        Suite.MINUTE_PRICES,
        average_table(averages),
        Subject(
            asked_for.symbols if len(asked_for.symbols) == 1 else (SEVERAL,),
            window_name(Window(min(minutes), max(minutes) + timedelta(minutes=1))),
            asked_for.known_at,
        ),
        {
            "symbols": [*asked_for.symbols],
            "expected_rows": asked_for.minute_count,
        },
    )
    if reasons := refusals(Suite.MINUTE_PRICES, outcome):
        raise CheckFailedError("; ".join(reasons))
    return by_row(outcome)


def check_mart(
    checkpoints: Checkpoints, minutes: pd.DataFrame, window: Window, checked_at: datetime
) -> dict[str, CheckFailedError]:
    """Validate the mart's minutes before they are exported and reported.

    Args:
        checkpoints: Keep the result for Data Docs.
        minutes: As text, one row for each symbol and minute (text_rows.text_frame).
        window: Their window.
        checked_at: Aware UTC.

    Returns:
        The symbols with minutes that may not be reported, each with its first failure.

    Raises:
        CheckFailedError: The table as a whole could not be validated.
    """
    table = minutes.astype(object).where(minutes.notna(), None)
    table[ROW] = range(len(table))
    outcome = checkpoints.run(
        Suite.REPORT_MART, table, Subject((SEVERAL,), window_name(window), checked_at), {}
    )
    if reasons := refusals(Suite.REPORT_MART, outcome):
        raise CheckFailedError(f"the mart's minutes cannot be reported: {'; '.join(reasons)}")
    found: dict[str, list[str]] = defaultdict(list)
    for row, observed in by_row(outcome).items():
        symbol, minute = table["symbol"].iloc[row], table["minute"].iloc[row]
        found[str(symbol)] += [f"{minute}: {name} ({seen})" for name, seen in observed.items()]
    return {
        symbol: CheckFailedError(
            f"the mart's minutes cannot be reported, {len(reasons)} failures: {reasons[0]}"
        )
        for symbol, reasons in found.items()
    }


def average_table(averages: Sequence[MinuteAverage]) -> pd.DataFrame:
    """Lay out averages as a table: decimals and times as text, numbered by the column `row`."""
    table = pd.DataFrame(
        [[_cell(getattr(average, name)) for name in AVERAGE_COLUMNS] for average in averages],
        columns=AVERAGE_COLUMNS,
        dtype=object,
    )
    table[ROW] = range(len(table))
    return table


def _cell(value: object) -> object:
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat()
        case str():
            return str(value)
        case _:
            return value
