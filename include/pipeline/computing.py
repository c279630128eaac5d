"""From what is stored of a symbol to what its minutes come to, with all that is around them."""

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
    """What minutes of one symbol come to.

    Attributes:
        averages: Of the windows' minutes, ascending.
        neighbours: Published minutes around them that say something else beside them: a jump
            is confirmed, a gap is filled from another value.
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
        symbols: All that are fetched: their data tell a gap from an outage.
        symbol: Whose minutes.
        windows: Which; they may lie near one another, and do not overlap.
        fetched_until: Exclusive end of what was fetched. It is read before the prices: those that
            arrive in between must not look as if they were missing.
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
    """Return averages of one symbol with what the minutes around them say of them.

    Args:
        store: Holds the published minutes around.
        symbol: Whose minutes.
        averages: By minute.
    """
    # The minutes that these may say something of, and all that those are judged by.
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
    """Return the fewest windows that hold some windows and so much before and after each."""
    joined: list[Window] = []
    for window in windows:
        wide = Window(window.start - before, window.end + after)
        if joined and wide.start <= joined[-1].end:
            wide = Window(joined[-1].start, max(wide.end, joined.pop().end))
        joined.append(wide)
    return joined
