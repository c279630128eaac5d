"""The shapes of the report's charts, as SVG path data; nothing is drawn where there is no value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from include.marketdata.prices import MinutePrice
from include.marketdata.windows import MINUTE, Window

HEIGHT = 1000
NOT_PUBLISHED = "NOT_PUBLISHED"
MOST_TICKS = 9
TICK_STEPS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 120, 180))


@dataclass(frozen=True)
class Tick:
    """A mark on an axis.

    Attributes:
        percent: Where it lies, 0 at the left or the top.
        value: What it stands for: a price, or a moment in UTC.
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


class _Point(NamedTuple):
    x: int
    vwap: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True)
class Run:
    """Minutes in a row with the same cause.

    Attributes:
        cause: A flag, or NOT_PUBLISHED where the minute has no row.
        window: The minutes.
        offset: Minutes from the start of the chart.
    """

    cause: str
    window: Window
    offset: int


def draw_prices(prices: Iterable[MinutePrice], window: Window) -> PriceChart | None:
    """Draw the minutes that have a value.

    Args:
        prices: One revision a minute of one symbol, ascending, inside the window.
        window: The time axis.

    Returns:
        The chart; None when no minute has a value.
    """
    points = list(_points(prices, window))
    if not points:
        return None
    lowest = min(point.low for point in points)
    highest = max(point.high for point in points)
    span = (highest - lowest) or Decimal(1)

    def y(value: Decimal) -> int:
        return int((highest - value) * HEIGHT / span)

    line, band = [], []
    for run in _unbroken(points):
        vwaps = [f"{point.x},{y(point.vwap)}" for point in run]
        highs = [f"{point.x},{y(point.high)}" for point in run]
        lows = [f"{point.x},{y(point.low)}" for point in reversed(run)]
        # The last point is drawn twice: a minute between two gaps becomes a dot, not nothing.
        line.append(f"M{'L'.join([*vwaps, vwaps[-1]])}")
        band.append(f"M{'L'.join([*highs, *lows])}Z")
    ticks = dict.fromkeys((highest, (lowest + highest) / 2, lowest))
    return PriceChart(
        "".join(line),
        "".join(band),
        tuple(Tick(y(value) * 100 / HEIGHT, value) for value in ticks),
    )


def draw_causes(prices: Iterable[MinutePrice], window: Window) -> list[Run]:
    """Join the minutes of a window into runs of the same flag; absent ones are NOT_PUBLISHED."""
    flags = {price.average.minute: price.average.flag.value for price in prices}
    causes = ((minute, flags.get(minute, NOT_PUBLISHED)) for minute in window.minutes())
    runs = []
    for cause, minutes in groupby(causes, key=lambda pair: pair[1]):
        starts = [minute for minute, _ in minutes]
        run = Window(starts[0], starts[-1] + MINUTE)
        runs.append(Run(cause, run, (run.start - window.start) // MINUTE))
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


def _points(prices: Iterable[MinutePrice], window: Window) -> Iterator[_Point]:
    for price in prices:
        average = price.average
        if average.vwap is not None and average.low is not None and average.high is not None:
            x = (average.minute - window.start) // MINUTE
            yield _Point(x, average.vwap, average.low, average.high)


def _unbroken(points: Iterable[_Point]) -> Iterator[list[_Point]]:
    run: list[_Point] = []
    for point in points:
        if run and point.x != run[-1].x + 1:
            yield run
            run = []
        run.append(point)
    yield run
