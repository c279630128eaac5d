"""What users ask for: the latest average, a span of them, and what was known at a moment.

from include.reading.queries import latest, span, as_of

store = connect(settings)
newest = latest(store, "BTCUSDT", now)
hour = span(store, "BTCUSDT", Window(now - timedelta(hours=1), now), now)
then = as_of(store, "BTCUSDT", Window(noon, noon + MINUTE), moment=noon + 2 * MINUTE)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from include.method.delays import LATE
from include.records.prices import MinuteAverage, MinutePrice
from include.records.revisions import AuditedDay, MinuteState, state_at
from include.records.windows import MINUTE, Window
from include.store.store import Store


@dataclass(frozen=True)
class Reading:
    """One published minute, as known at a moment.

    Attributes:
        average: Value, flags and all that stands beside it.
        revision: Of what is known: 1 for the first publication.
        known_at: When that became known, aware UTC.
        first_known_at: When the minute was first published, aware UTC.
        state: How final it is.
        is_late: It was first published more than LATE_SECONDS after its end.
    """

    average: MinuteAverage
    revision: int
    known_at: datetime
    first_known_at: datetime
    state: MinuteState

    @property
    def is_late(self) -> bool:
        """Tell whether the minute was not there in time."""
        return self.first_known_at - (self.average.minute + MINUTE) > LATE


def latest(store: Store, symbol: str, now: datetime) -> Reading | None:
    """Return a symbol's newest published minute; None where a year has none.

    Args:
        store: Holds what is published.
        symbol: Binance's pair id, upper case.
        now: By which to say how final it is; a minute published a moment after it is the newest
            all the same.
    """
    price = store.minute_prices.latest(symbol)
    if price is None:
        return None
    minute = price.average.minute
    return as_of(store, symbol, Window(minute, minute + MINUTE), max(now, price.known_at))[-1]


def span(store: Store, symbol: str, window: Window, now: datetime) -> list[Reading]:
    """Return a symbol's published minutes of a window as they are now, ascending.

    A minute that was never published is not among them; one without a value is, with its flag.
    """
    return as_of(store, symbol, window, now)


def as_of(store: Store, symbol: str, window: Window, moment: datetime) -> list[Reading]:
    """Return what was known of a symbol's minutes at a moment, ascending.

    A minute that was published later is not among them.
    """
    known: dict[datetime, list[MinutePrice]] = defaultdict(list)
    for price in store.minute_prices.history(symbol, window):
        if price.known_at <= moment:
            known[price.average.minute].append(price)
    restated = [(each.minute, each.revision) for each in store.restatements.between(symbol, window)]
    audits = _audits(store, symbol, [*window.days()])
    return [
        Reading(
            average=prices[-1].average,
            revision=prices[-1].revision,
            known_at=prices[-1].known_at,
            first_known_at=prices[0].known_at,
            state=state_at(prices[-1], moment, audits, restated),
        )
        for prices in known.values()
    ]


def _audits(store: Store, symbol: str, days: Sequence[date]) -> dict[date, list[AuditedDay]]:
    audits: dict[date, list[AuditedDay]] = defaultdict(list)
    if days:
        for each in store.days.audited(symbol, days[0], days[-1]):
            audits[each.day].append(each)
    return audits
