"""The audit: what was published against the exchange's own daily archive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from enum import StrEnum

from include.marketdata.averages import EXACT
from include.marketdata.prices import ExchangeMinute, MinuteAverage
from include.marketdata.thresholds import RESTATED_ALERT_RATIO


class Finding(StrEnum):
    """What the archive says of a published minute."""

    AUDITED = "AUDITED"
    """The same, to the last digit."""
    RESTATED = "RESTATED"
    """Something else."""


@dataclass(frozen=True)
class Audit:
    """One minute against the archive.

    Attributes:
        minute: First moment, aware UTC.
        finding: Whether both say the same.
        difference_ratio: Archive's average / published one - 1; None where one has no value.
        is_alarming: The difference is large enough for a restatement to be announced.
    """

    minute: datetime
    finding: Finding
    difference_ratio: Decimal | None
    is_alarming: bool


def audit(
    published: Iterable[MinuteAverage], archive: Mapping[datetime, ExchangeMinute]
) -> list[Audit]:
    """Compare published minutes of one symbol with its archive.

    Args:
        published: Each minute once.
        archive: The archive's minutes by their start; one that is absent traded nothing.
    """
    with localcontext(EXACT):
        return [_audit(average, archive.get(average.minute)) for average in published]


def _audit(average: MinuteAverage, official: ExchangeMinute | None) -> Audit:
    nothing = (Decimal(0), Decimal(0), 0)
    ours = (average.volume or Decimal(0), average.quote_volume or Decimal(0), average.trade_count)
    theirs = (official.volume, official.quote_volume, official.trade_count) if official else nothing
    is_same = (*ours[:2], ours[2] or 0) == theirs
    ratio = None
    if official and official.volume and average.vwap:
        ratio = official.quote_volume / official.volume / average.vwap - 1
    has_value = bool(official and official.volume)
    is_alarming = not is_same and (
        has_value != (average.vwap is not None)
        or (ratio is not None and abs(ratio) > RESTATED_ALERT_RATIO.value)
    )
    return Audit(
        average.minute, Finding.AUDITED if is_same else Finding.RESTATED, ratio, is_alarming
    )
