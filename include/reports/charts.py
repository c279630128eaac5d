"""The shapes of the report's charts, as SVG path data; nothing is drawn where there is no value.

Pixels, in double precision: no displayed number is derived from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt

from include.records.prices import NOT_PUBLISHED
from include.records.windows import MINUTE, Window

HEIGHT = 1000
MOST_TICKS = 9
TICK_STEPS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 120, 180))

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tick:
    """A mark on an axis.

    Attributes:
        percent: Its position, 0 at the left or the top.
        value: The price, or the moment in UTC, that it marks.
    """

    percent: float
    value: Decimal | datetime


@dataclass(frozen=True)
class PriceChart:
    """One symbol over a window: a minute wide per unit of x, HEIGHT units high.

    Attributes:
        line: Path of the vwap, broken where a minute has none.
        band: Path of the area from low to high, broken likewise.
        price_ticks: Lowest, middle and highest price drawn.
    """

    line: str
    band: str
    price_ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class CauseRun:
    """Minutes in a row with the same cause.

    Attributes:
        cause: A flag, or NOT_PUBLISHED where the minute has no row.
        window: The minutes.
        offset: Minutes from the start of the chart.
    """

    cause: str
    window: Window
    offset: int


def draw_prices(
    offsets: Sequence[int], vwaps: Sequence[str], lows: Sequence[str], highs: Sequence[str]
) -> PriceChart | None:
    """Draw the minutes that have a value.

    Args:
        offsets: Minutes from the start of the chart, ascending.
        vwaps: Prices as text, one for each offset, as are lows and highs.
        lows: Lowest prices.
        highs: Highest prices.

    Returns:
        The chart; None without any value.
    """
    if not len(offsets):
        return None
    places = np.asarray(offsets)
    tops, bottoms = np.array(highs, float), np.array(lows, float)
    highest, lowest = Decimal(highs[int(tops.argmax())]), Decimal(lows[int(bottoms.argmin())])
    span = float(highest - lowest) or 1.0

    def heights(prices: Floats) -> npt.NDArray[np.int64]:
        return ((float(highest) - prices) * HEIGHT / span).astype(int)

    drawn = heights(np.array(vwaps, float)), heights(tops), heights(bottoms)
    line, band = [], []
    for run in _unbroken(places):
        points, upper, lower = (
            [f"{x},{y}" for x, y in zip(places[run], ys[run], strict=True)] for ys in drawn
        )
        # The last point is drawn twice: a minute between two gaps becomes a dot, not nothing.
        line.append(f"M{'L'.join([*points, points[-1]])}")
        band.append(f"M{'L'.join([*upper, *reversed(lower)])}Z")
    ticks = dict.fromkeys((highest, (lowest + highest) / 2, lowest))
    return PriceChart(
        "".join(line),
        "".join(band),
        tuple(Tick(float(highest - value) * 100 / span, value) for value in ticks),
    )


def draw_causes(offsets: Sequence[int], flags: Sequence[str], window: Window) -> list[CauseRun]:
    """Join the minutes of a window into runs of the same flag; absent ones are NOT_PUBLISHED."""
    causes = [NOT_PUBLISHED] * window.minute_count
    for offset, flag in zip(offsets, flags, strict=True):
        causes[offset] = flag
    runs, passed = [], 0
    for cause, minutes in groupby(causes):
        start = window.start + passed * MINUTE
        length = len([*minutes])
        runs.append(CauseRun(cause, Window(start, start + length * MINUTE), passed))
        passed += length
    return runs


def time_ticks(window: Window) -> list[Tick]:
    """Mark round UTC times, at most nine of them."""
    span = window.end - window.start
    step = next((step for step in TICK_STEPS if span < MOST_TICKS * step), TICK_STEPS[-1])
    midnight = window.start.replace(hour=0, minute=0)
    moment = midnight - (midnight - window.start) // step * step
    ticks = []
    while moment < window.end:
        ticks.append(Tick((moment - window.start) / span * 100, moment))
        moment += step
    return ticks


def _unbroken(places: npt.NDArray[np.int64]) -> Iterator[slice]:
    """Return the runs of places that follow one another."""
    breaks = np.flatnonzero(np.diff(places) != 1) + 1
    bounds = [0, *breaks.tolist(), len(places)]
    yield from (slice(start, end) for start, end in pairwise(bounds))
