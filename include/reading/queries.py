"""Published minutes for users: the latest, and those of a span as known at a moment.

from include.reading.queries import as_of, latest

store = connect(settings)
newest = latest(store, "BTCUSDT", now)
hour = as_of(store, "BTCUSDT", Window(now - timedelta(hours=1), now), now)
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
        average: The value with its flags and everything published with it.
        revision: The latest known one; 1 for the first publication.
        known_at: When that revision became known, aware UTC.
        first_known_at: When the minute was first published, aware UTC.
        first_valued_at: When it was first published with a value; None while it has never been.
        state: How final it is.
        is_late: Its first value, or where it has none its first publication, came more than
            LATE_SECONDS after its end.
    """

    average: MinuteAverage
    revision: int
    known_at: datetime
    first_known_at: datetime
    first_valued_at: datetime | None
    state: MinuteState

    @property
    def is_late(self) -> bool:
        """Tell whether the minute was published late: a gap in time is no price in time."""
        came_at = self.first_valued_at or self.first_known_at
        return came_at - (self.average.minute + MINUTE) > LATE


def latest(store: Store, symbol: str, now: datetime) -> Reading | None:
    """Return a symbol's newest published minute; None where a year has none.

    Args:
        store: Holds the published minutes.
        symbol: Binance's pair id, upper case.
        now: Decides how final the minute is; one published a moment later still counts as the
            newest.
    """
    price = store.minute_prices.latest(symbol)
    if price is None:
        return None
    minute = price.average.minute
    return as_of(store, symbol, Window(minute, minute + MINUTE), max(now, price.known_at))[-1]


def as_of(store: Store, symbol: str, window: Window, moment: datetime) -> list[Reading]:
    """Return a symbol's published minutes as they were known at a moment, ascending.

    A minute that was published later, or never, is left out; one without a value is included with
    its flag.

    Args:
        store: Holds every revision.
        symbol: Binance's pair id, upper case.
        window: Which minutes.
        moment: Aware UTC; now for what is known now.
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
            first_valued_at=next(
                (each.known_at for each in prices if each.average.vwap is not None), None
            ),
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
