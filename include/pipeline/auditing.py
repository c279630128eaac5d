"""Audit a published day against the exchange's daily archive, and restate what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from include.exchange.archive_files import ArchiveFile
from include.exchange.days import DayFetcher, Source
from include.gx.checkpoints import Checkpoints
from include.method.audit import Audit, Finding, audit
from include.pipeline.backfilling import store_day
from include.pipeline.publishing import Publisher
from include.pipeline.storing import as_record
from include.records.errors import CheckFailedError
from include.records.klines import Interval
from include.records.prices import ExchangeMinute
from include.records.revisions import AuditedDay, Restatement
from include.records.windows import DAY, Window, whole_ms, windows_of

# An archive was corrected after six months (binance-public-data#367).
LONGEST_AGE_DAYS = 180


@dataclass(frozen=True)
class AuditResult:
    """The findings and restatements of one day's audit.

    Attributes:
        day: As recorded in the store.
        restated: Minutes whose value it changed.
    """

    day: AuditedDay
    restated: tuple[Restatement, ...]

    @property
    def alarm(self) -> str:
        """The alert to send; empty if none is due."""
        noted = self.day
        if not noted.alarming_count:
            return ""
        largest = noted.largest_difference_ratio
        by = "" if largest is None else f", by {largest:.4%} at most"
        kept = [
            f"{count} {what}"
            for count, what in (
                (noted.absent_count, "are not in the archive"),
                (noted.contradicted_count, "keep their value although the archive differs"),
            )
            if count
        ]
        return (
            f"{noted.symbol} {noted.day}: {noted.alarming_count} of "
            f"{noted.minute_count + noted.absent_count} minutes differ from the exchange's archive "
            f"beyond the limit{by}; {', '.join([f'{len(self.restated)} were restated', *kept])}"
        )


def audit_day(
    publisher: Publisher,
    checkpoints: Checkpoints,
    fetcher: DayFetcher,
    symbol: str,
    day: date,
) -> AuditResult | None:
    """Compare a symbol's published minutes of a day with the archive, and restate what differs.

    Minutes that differ are averaged again from the archive's own seconds and minutes, after these
    have passed the gate. A minute that the archive lacks, or has without trades where trades are
    known, keeps its value and is not audited.

    Returns:
        The findings; None if nothing is published, or all of it was already audited with this
        issue of the archive.

    Raises:
        ArchiveNotFoundError: The archive does not have the day, or not yet.
        ArchiveDamagedError: The file did not match its checksum.
        CheckFailedError: The gate refuses the archive's day.
        RetryableError: The archive does not answer.
    """
    store = publisher.store
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    window = Window(start, start + DAY)
    published = store.minute_prices.between(symbol, window)
    if not published:
        return None
    checksum = fetcher.archive.checksum(ArchiveFile(symbol, Interval.MINUTE, day))
    before = store.days.audited(symbol, day, day)[-1:]
    newest = max(price.known_at for price in published)
    if any(each.checksum == checksum and newest <= each.audited_at for each in before):
        return None
    official = _official(symbol, day, fetcher)
    findings = audit([price.average for price in published], official)
    differing = [each.minute for each in findings if each.finding is Finding.RESTATED]
    restated: tuple[Restatement, ...] = ()
    if differing:
        fetched = fetcher.fetch(symbol, window, Source.AUTO)
        store_day(store, checkpoints, fetched)
        publication = publisher.publish_windows({symbol: windows_of(differing)}, are_fetched=True)
        if publication.withheld:
            raise CheckFailedError(
                f"{symbol} {day}: {len(publication.withheld)} minutes that differ from the "
                "archive fail the second gate and wait in quarantine; the day counts as not "
                "audited"
            )
        restated = publication.restated
    noted = _noted(symbol, day, whole_ms(publisher.clock()), checksum, findings)
    # The gate may have refused rows where the archive differs.
    left = audit([price.average for price in store.minute_prices.between(symbol, window)], official)
    noted = replace(
        noted,
        contradicted_count=sum(
            1 for each in left if each.finding in {Finding.CONTRADICTED, Finding.RESTATED}
        ),
        unconfirmed=frozenset(each.minute for each in left if each.finding is not Finding.AUDITED),
    )
    store.days.note_audit(noted)
    return AuditResult(noted, restated)


def ages_to_audit(daily_count: int) -> list[int]:
    """Return the ages, in days, at which to look for a new or reissued archive.

    Archives were seen to be corrected after days and after months (binance-public-data#413,
    #367): look every day at first, then at growing intervals.

    Args:
        daily_count: Age up to which to look every day.

    Returns:
        Ages in days, ascending; the last is at least LONGEST_AGE_DAYS.
    """
    ages = [*range(1, daily_count + 1)]
    while ages[-1] < LONGEST_AGE_DAYS:
        ages.append(ages[-1] + max(1, ages[-1] // 4))
    return ages


def _official(symbol: str, day: date, fetcher: DayFetcher) -> dict[datetime, ExchangeMinute]:
    """Return the archive's minutes, without those of which it has two different rows."""
    rows = fetcher.minutes(symbol, day)
    try:
        minutes = [as_record(ExchangeMinute, symbol, row) for row in rows]
    except ArithmeticError as error:
        raise CheckFailedError(
            f"{symbol} {day}: the archive's day has a cell that is not a number"
        ) from error
    count = Counter(minute.start for minute in minutes)
    return {minute.start: minute for minute in minutes if count[minute.start] == 1}


def _noted(
    symbol: str, day: date, audited_at: datetime, checksum: str, findings: Sequence[Audit]
) -> AuditedDay:
    absent_count = sum(1 for each in findings if each.finding is Finding.ABSENT)
    differences = [
        abs(each.difference_ratio)
        for each in findings
        if each.finding is Finding.RESTATED and each.difference_ratio is not None
    ]
    return AuditedDay(
        symbol=symbol,
        day=day,
        audited_at=audited_at,
        checksum=checksum,
        minute_count=len(findings) - absent_count,
        restated_count=sum(1 for each in findings if each.finding is Finding.RESTATED),
        alarming_count=sum(1 for each in findings if each.is_alarming),
        largest_difference_ratio=max(differences, default=None),
        absent_count=absent_count,
    )
