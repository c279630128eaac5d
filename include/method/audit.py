"""Audit published minutes against the exchange's own daily archive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from enum import StrEnum

from include.records.decimals import EXACT
from include.records.limits import RESTATED_ALERT_RATIO
from include.records.prices import ExchangeMinute, Flag, MinuteAverage


class Finding(StrEnum):
    """The archive's verdict on a published minute."""

    AUDITED = "AUDITED"
    """Identical, to the last digit."""
    RESTATED = "RESTATED"
    """Different: the minute is averaged again."""
    CONTRADICTED = "CONTRADICTED"
    """It states that nothing traded, where trades are known: the value is kept."""
    ABSENT = "ABSENT"
    """It has no row of the minute, or two that differ."""


@dataclass(frozen=True)
class Audit:
    """One minute compared with the archive.

    Attributes:
        minute: First moment, aware UTC.
        finding: Result of the comparison.
        difference_ratio: Archive's average / published one - 1; None where one has no value.
        is_alarming: Somebody should look at it: a value differs beyond the limit, or the archive
            does not have it.
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
        archive: The archive's minutes by their start. An absent one proves nothing: neither that
            the published minute is right nor that nothing traded (binance-public-data#413).
    """
    with localcontext(EXACT):
        return [_audit(average, archive.get(average.minute)) for average in published]


def _audit(average: MinuteAverage, official: ExchangeMinute | None) -> Audit:
    finding = _finding(average, official)
    ratio = None
    if official and official.volume and average.vwap:
        ratio = official.quote_volume / official.volume / average.vwap - 1
    has_value = bool(official and official.volume)
    is_alarming = finding is not Finding.AUDITED and (
        has_value != (average.vwap is not None)
        or (ratio is not None and abs(ratio) > RESTATED_ALERT_RATIO.value)
    )
    return Audit(average.minute, finding, ratio, is_alarming)


def _finding(average: MinuteAverage, official: ExchangeMinute | None) -> Finding:
    if official is None:
        return Finding.ABSENT
    if average.vwap is not None and not official.volume:
        return Finding.CONTRADICTED
    # A minute published without a row has no amounts, so an archive row without trades is news,
    # too. A partial minute was never known to be complete.
    if average.flag is Flag.PARTIAL:
        return Finding.RESTATED
    ours = (average.volume, average.quote_volume, average.trade_count)
    theirs = (official.volume, official.quote_volume, official.trade_count)
    return Finding.AUDITED if ours == theirs else Finding.RESTATED
