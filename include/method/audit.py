"""The audit: what was published against the exchange's own daily archive."""

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
    """What the archive says of a published minute."""

    AUDITED = "AUDITED"
    """The same, to the last digit."""
    RESTATED = "RESTATED"
    """Something else: the minute is averaged again."""
    CONTRADICTED = "CONTRADICTED"
    """That nothing traded, where trades are known: the value stays."""
    ABSENT = "ABSENT"
    """Nothing: it has no row of the minute, or two that differ."""


@dataclass(frozen=True)
class Audit:
    """One minute against the archive.

    Attributes:
        minute: First moment, aware UTC.
        finding: What the archive says of it.
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
        archive: The archive's minutes by their start. One that is absent says nothing: neither
            that the minute is right nor that nothing traded (binance-public-data#413).
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
    # Without a row of its own the minute has no amounts: then that nothing traded is news, too. Of
    # part of a minute it was not known that it was all.
    if average.flag is Flag.PARTIAL:
        return Finding.RESTATED
    ours = (average.volume, average.quote_volume, average.trade_count)
    theirs = (official.volume, official.quote_volume, official.trade_count)
    return Finding.AUDITED if ours == theirs else Finding.RESTATED
