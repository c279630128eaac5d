"""How old a price is and whether it is real: one line above every page, file and table.

The pages count on from it each second (static/strip.js); words and limits come from here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from include.records.windows import DAY, HOUR, MINUTE, SECOND, iso

# A minute's value comes 4 s after its end, with a hundred symbols up to 25 s, the next one a minute
# later: then the newest is never older than 85 s.
LATE_AFTER = timedelta(seconds=90)
STALE_AFTER = timedelta(minutes=3)
NOT_NOTED = "source not noted"
# As a source begins.
KINDS = ("LIVE", "ARCHIVE", "REPLAY", "GENERATED")
# More symbols of one source are counted.
NAMED = 3


class Level(StrEnum):
    """What the age of a price means to somebody who reads it as the newest."""

    FRESH = "fresh"
    LATE = "late"
    STALE = "stale"


@dataclass(frozen=True)
class PriceStrip:
    """Where prices come from, and which minute the newest of them is of.

    Attributes:
        source: One line (include/exchange/price_source.py); of several, each with its symbols.
        minute: Start of the newest minute with a value, aware UTC; None without one.
        moment: By when its age counts, aware UTC.
    """

    source: str
    minute: datetime | None
    moment: datetime

    @property
    def age(self) -> timedelta | None:
        """How long ago the minute ended, in whole seconds; zero while it runs."""
        if self.minute is None:
            return None
        return max(timedelta(0), (self.moment - self.minute - MINUTE) // SECOND * SECOND)

    @property
    def level(self) -> Level:
        """What the age means; a price that there is not is as bad as a stale one."""
        if self.age is None or self.age >= STALE_AFTER:
            return Level.STALE
        return Level.LATE if self.age >= LATE_AFTER else Level.FRESH

    @property
    def minute_text(self) -> str:
        """The minute's start, UTC, with the date where it is not the moment's; empty without."""
        if self.minute is None:
            return ""
        is_today = self.minute.date() == self.moment.date()
        return f"{self.minute:%H:%M}" if is_today else f"{self.minute:%Y-%m-%d %H:%M}"

    @property
    def age_text(self) -> str:
        """Like "price of 10:52, 23 s old"."""
        if self.minute is None or self.age is None:
            return "no price"
        return f"price of {self.minute_text}, {duration_text(self.age)} old"

    @property
    def kinds(self) -> str:
        """The kinds of its sources without more words, as in "REPLAY+GENERATED"."""
        found = [kind for kind in KINDS if kind in self.source.split()]
        return "+".join(found) or self.source

    @property
    def text(self) -> str:
        """Both in one line."""
        return f"{self.source} · {self.age_text}"

    def values(self) -> dict[str, str | int | None]:
        """Return it as plain JSON, with the limits of its levels in seconds."""
        return {
            "source": self.source,
            "minute": iso(self.minute) if self.minute else None,
            "moment": iso(self.moment),
            "age_seconds": None if self.age is None else self.age // SECOND,
            "minute_text": self.minute_text,
            "level": self.level.value,
            "late_after_seconds": LATE_AFTER // SECOND,
            "stale_after_seconds": STALE_AFTER // SECOND,
        }


def duration_text(duration: timedelta) -> str:
    """Return a duration in its largest unit of which there are two or more: 119 s, 2 min, 2 d."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if duration >= 2 * unit:
            return f"{duration // unit} {name}"
    return f"{duration // SECOND} s"


def source_text(sources: Mapping[str, str | None]) -> str:
    """Return the sources of some symbols in one line.

    Args:
        sources: By symbol; None where it was not noted.

    Returns:
        The one that all have; else each with its symbols, as in "REPLAY of 2020-01-01 (BTCUSDT);
        GENERATED (7 symbols)".
    """
    of: dict[str, list[str]] = defaultdict(list)
    for symbol, source in sources.items():
        of[source or NOT_NOTED].append(symbol)
    if len(of) <= 1:
        return next(iter(of), NOT_NOTED)
    return "; ".join(
        f"{source} ({', '.join(held) if len(held) <= NAMED else f'{len(held)} symbols'})"
        for source, held in of.items()
    )
