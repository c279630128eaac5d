"""How final published minutes are, and how they were changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum

from include.records.decimals import EXACT
from include.records.limits import RESTATED_ALERT_RATIO
from include.records.prices import MinutePrice
from include.records.windows import MINUTE

# As long as the fetch looks back for the exchange's own minutes: until then each run averages a
# minute again, and its value may change.
PROVISIONAL_FOR = timedelta(minutes=15)


class MinuteState(StrEnum):
    """How final a published minute is."""

    PROVISIONAL = "PROVISIONAL"
    """Averaged again by every run."""
    FINAL = "FINAL"
    """Unchanged through the overlap."""
    AUDITED = "AUDITED"
    """Compared with the exchange's daily archive, and identical."""
    RESTATED = "RESTATED"
    """The value changed after it was final; the ledger has the old value and the time."""


@dataclass(frozen=True)
class Restatement:
    """A final minute whose value changed in a revision.

    Attributes:
        symbol: Whose minute.
        minute: First moment, aware UTC.
        revision: The one that changed it.
        known_at: When it became known, aware UTC, whole milliseconds.
        vwap_before: The previous value; None for no value.
        vwap_after: The new value; None for no value.
        difference_ratio: vwap_after / vwap_before - 1; None where one has no value.
        is_alarming: Large enough to be announced.
    """

    symbol: str
    minute: datetime
    revision: int
    known_at: datetime
    vwap_before: Decimal | None
    vwap_after: Decimal | None
    difference_ratio: Decimal | None
    is_alarming: bool

    def __str__(self) -> str:
        by = "" if self.difference_ratio is None else f" ({self.difference_ratio:+.4%})"
        return (
            f"{self.symbol} {self.minute:%Y-%m-%dT%H:%MZ} was {self.vwap_before} and is now "
            f"{self.vwap_after}{by}, revision {self.revision}"
        )


@dataclass(frozen=True)
class AuditedDay:
    """One comparison of a symbol's day with the exchange's daily archive.

    Attributes:
        symbol: Whose day.
        day: UTC.
        audited_at: When, aware UTC, whole milliseconds.
        checksum: SHA-256 of the archive's file, hexadecimal: a reissued archive has another.
        minute_count: Minutes compared.
        restated_count: Of them, those that differ in the archive and were averaged again.
        alarming_count: Of all minutes, those that somebody should look at.
        largest_difference_ratio: Of all averages, without sign; None where none differs.
        absent_count: Minutes without a row in the archive: they were not compared.
        contradicted_count: Minutes left unchanged although the archive differs.
        unconfirmed: Both, by their first moments; all others are audited.
    """

    symbol: str
    day: date
    audited_at: datetime
    checksum: str
    minute_count: int
    restated_count: int
    alarming_count: int
    largest_difference_ratio: Decimal | None
    absent_count: int = 0
    contradicted_count: int = 0
    unconfirmed: frozenset[datetime] = frozenset()


@dataclass(frozen=True)
class BackfilledDay:
    """A symbol's day that a backfill fetched completely.

    Attributes:
        symbol: Whose day.
        day: UTC.
        finished_at: Aware UTC, whole milliseconds.
        sources: Where seconds and minutes came from.
        second_count: Seconds stored.
        minute_count: Minutes of the exchange stored.
        gap_count: Minutes published without a value although the market may have been open, or
            with part of one.
        row_count: Rows fetched.
        quarantined_count: Of them, those that the gate refused.
    """

    symbol: str
    day: date
    finished_at: datetime
    sources: str
    second_count: int
    minute_count: int
    gap_count: int
    row_count: int = 0
    quarantined_count: int = 0


def restatement(before: MinutePrice, after: MinutePrice) -> Restatement | None:
    """Return how a revision restates the previous one; None where it does not.

    It does when its average differs and the previous one was final. A change of any other field,
    such as the volume or a flag, is a revision, not a restatement.
    """
    old, new = before.average.vwap, after.average.vwap
    minute = after.average.minute
    if old == new or not is_final(minute, after.known_at):
        return None
    with localcontext(EXACT):
        ratio = None if old is None or new is None else new / old - 1
    return Restatement(
        symbol=after.average.symbol,
        minute=minute,
        revision=after.revision,
        known_at=after.known_at,
        vwap_before=old,
        vwap_after=new,
        difference_ratio=ratio,
        # A gap filled late takes no published value back.
        is_alarming=old is not None and (ratio is None or abs(ratio) > RESTATED_ALERT_RATIO.value),
    )


def is_final(minute: datetime, moment: datetime) -> bool:
    """Tell whether a minute is final: no regular run averages it again at or after a moment."""
    return moment >= minute + MINUTE + PROVISIONAL_FOR


def state_at(
    price: MinutePrice,
    moment: datetime,
    audits: Mapping[date, Collection[AuditedDay]],
    restated: Collection[tuple[datetime, int]],
) -> MinuteState:
    """Return how final a revision was at a moment.

    Args:
        price: The latest revision that was known then.
        moment: Aware UTC.
        audits: Those of each of the symbol's days.
        restated: Minute and revision of each restatement of the symbol.
    """
    minute = price.average.minute
    if any(known == minute and revision <= price.revision for known, revision in restated):
        return MinuteState.RESTATED
    if any(
        price.known_at <= each.audited_at <= moment and minute not in each.unconfirmed
        for each in audits.get(minute.date(), ())
    ):
        return MinuteState.AUDITED
    return MinuteState.FINAL if is_final(minute, moment) else MinuteState.PROVISIONAL
