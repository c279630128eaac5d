"""From what is stored of a symbol to what its minutes come to, with all that is around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from include.marketdata.annotations import annotate
from include.marketdata.averages import UNEXPLAINED, average_minutes, explain
from include.marketdata.causes import causes
from include.marketdata.prices import MinuteAverage, MinutePrice
from include.marketdata.soft_checks import CONFIRMATION, CONTEXT
from include.marketdata.store import Store
from include.marketdata.thresholds import CARRIED_SECONDS
from include.marketdata.windows import Window, floor_minute

CARRIED = timedelta(seconds=int(CARRIED_SECONDS.value))


@dataclass(frozen=True)
class Computed:
    """What minutes of one symbol come to.

    Attributes:
        averages: One for each minute of the window, ascending.
        neighbours: Published minutes around the window that say something else beside it: a jump
            is confirmed, a gap is filled from another value.
        published: The latest revision of each minute of the window, where there is one.
    """

    averages: list[MinuteAverage]
    neighbours: list[MinuteAverage]
    published: dict[datetime, MinutePrice]


def compute(
    store: Store,
    symbols: Sequence[str],
    symbol: str,
    window: Window,
    fetched_until: datetime | None,
) -> Computed:
    """Average a window of one symbol, with its causes, soft flags, filled values and quality.

    Args:
        store: Holds the prices of all symbols.
        symbols: All that are fetched: their data tell a gap from an outage.
        symbol: Whose minutes.
        window: Which.
        fetched_until: Exclusive end of what was fetched. Read it before the prices: those that
            arrive in between must not look as if they were missing.
    """
    carried = Window(floor_minute(window.start - CARRIED), window.end)
    averages = average_minutes(
        symbol,
        window,
        store.second_prices.columns(symbol, carried),
        store.exchange_minutes.columns(symbol, window),
        fetched_until,
    )
    unexplained = [each.minute for each in averages if each.flag in UNEXPLAINED]
    if unexplained:
        averages = explain(averages, causes(store, symbols, symbol, unexplained))
    # The minutes that this window's may say something new of, and all that those are judged by.
    judged = Window(window.start - CONFIRMATION, window.end + CONTEXT)
    around = Window(judged.start - CONTEXT, judged.end + CONFIRMATION)
    published = {
        price.average.minute: price for price in store.minute_prices.between(symbol, around)
    }
    before = [price.average for minute, price in published.items() if minute < window.start]
    after = [price.average for minute, price in published.items() if minute >= window.end]
    annotated = annotate(
        [*before, *averages, *after], store.five_minute_prices.between(symbol, around), judged
    )
    return Computed(
        averages=[each for each in annotated if each.minute in window],
        neighbours=[
            each
            for each in annotated
            if each.minute not in window and each != published[each.minute].average
        ],
        published={minute: price for minute, price in published.items() if minute in window},
    )
