"""Compute a symbol's minute averages, flags and grades from its stored prices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from include.method.averages import UNEXPLAINED, average_minutes, explain
from include.method.grading import annotate
from include.method.soft_flags import CONFIRMATION, CONTEXT
from include.pipeline.outages import find_causes
from include.records.limits import CARRIED_SECONDS
from include.records.prices import MinuteAverage, MinutePrice
from include.records.windows import Window, floor_minute, windows_of
from include.store.store import Store

CARRIED = timedelta(seconds=int(CARRIED_SECONDS.value))


@dataclass(frozen=True)
class Computed:
    """The computed minutes of one symbol.

    Attributes:
        averages: Of the windows' minutes, ascending.
        neighbours: Surrounding published minutes that change with them: a jump is confirmed, a
            gap is filled from another value.
        published: The latest revision of each minute of the windows, where there is one.
    """

    averages: list[MinuteAverage]
    neighbours: list[MinuteAverage]
    published: dict[datetime, MinutePrice]


def compute(
    store: Store,
    symbols: Sequence[str],
    symbol: str,
    windows: Sequence[Window],
    fetched_until: Callable[[Window], datetime | None],
) -> Computed:
    """Average windows of one symbol, with their causes, soft flags, filled values and quality.

    Args:
        store: Holds the prices of all symbols.
        symbols: All fetched symbols: their data distinguish a gap from an outage.
        symbol: Whose minutes.
        windows: They may be adjacent, and do not overlap.
        fetched_until: Exclusive end of the fetched data. It is read before the prices: those that
            arrive in between must not look missing.
    """
    averages = {
        average.minute: average
        for window in windows
        for average in _averages(store, symbol, window, fetched_until(window))
    }
    unexplained = [each.minute for each in averages.values() if each.flag in UNEXPLAINED]
    if unexplained:
        found = find_causes(store, symbols, symbol, unexplained)
        averages = {each.minute: each for each in explain([*averages.values()], found)}
    return annotated(store, symbol, averages)


def annotated(store: Store, symbol: str, averages: Mapping[datetime, MinuteAverage]) -> Computed:
    """Annotate averages of one symbol from the published minutes around them.

    Args:
        store: Holds the surrounding published minutes.
        symbol: Whose minutes.
        averages: By minute.
    """
    # The minutes that these may affect, and all the minutes that those depend on.
    judged = _widened(windows_of(averages), before=CONFIRMATION, after=CONTEXT)
    around = _widened(judged, before=CONTEXT, after=CONFIRMATION)
    published = {
        price.average.minute: price
        for window in around
        for price in store.minute_prices.between(symbol, window)
    }
    series = {minute: price.average for minute, price in published.items()} | dict(averages)
    info = store.symbol_info(symbol)
    told = annotate(
        [series[minute] for minute in sorted(series)],
        {
            minute: price
            for window in around
            for minute, price in store.five_minute_prices.between(symbol, window).items()
        },
        {minute for window in judged for minute in window.minutes()},
        base_asset=info.base_asset if info else None,
    )
    return Computed(
        averages=[each for each in told if each.minute in averages],
        neighbours=[
            each
            for each in told
            if each.minute not in averages and each != published[each.minute].average
        ],
        published={minute: price for minute, price in published.items() if minute in averages},
    )


def _averages(
    store: Store, symbol: str, window: Window, fetched_until: datetime | None
) -> list[MinuteAverage]:
    carried = Window(floor_minute(window.start - CARRIED), window.end)
    return average_minutes(
        symbol,
        window,
        store.second_prices.columns(symbol, carried),
        store.exchange_minutes.columns(symbol, window),
        fetched_until,
    )


def _widened(windows: Iterable[Window], *, before: timedelta, after: timedelta) -> list[Window]:
    """Extend windows by the given times before and after, and merge those that touch or overlap."""
    joined: list[Window] = []
    for window in windows:
        wide = Window(window.start - before, window.end + after)
        if joined and wide.start <= joined[-1].end:
            wide = Window(joined[-1].start, max(wide.end, joined.pop().end))
        joined.append(wide)
    return joined
