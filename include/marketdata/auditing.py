"""The audit of a day: what was published against the exchange's daily archive, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from include.gx.checkpoints import Checkpoints
from include.marketdata.archive_files import ArchiveFile
from include.marketdata.audit import Audit, Finding, audit
from include.marketdata.backfill import A_DAY, store_day
from include.marketdata.batches import Interval
from include.marketdata.day_files import DayFetcher, Source
from include.marketdata.errors import CheckFailedError
from include.marketdata.history import AuditedDay, Restatement
from include.marketdata.prices import ExchangeMinute
from include.marketdata.publication import Publisher
from include.marketdata.storing import as_record
from include.marketdata.windows import Window, whole_ms, windows_of


@dataclass(frozen=True)
class AuditResult:
    """What an audit of a day found and did.

    Attributes:
        day: As noted in the store.
        restated: Minutes whose value changed with it.
    """

    day: AuditedDay
    restated: tuple[Restatement, ...]

    @property
    def alarm(self) -> str:
        """What should alarm somebody; empty where nothing should."""
        noted = self.day
        if not noted.alarming_count:
            return ""
        largest = noted.largest_difference_ratio
        by = "" if largest is None else f", by {largest:.4%} at most"
        return (
            f"{noted.symbol} {noted.day}: {noted.alarming_count} of {noted.minute_count} minutes "
            f"differ from the exchange's archive beyond the limit{by}; "
            f"{len(self.restated)} were restated"
        )


def audit_day(
    publisher: Publisher,
    checkpoints: Checkpoints,
    fetcher: DayFetcher,
    symbol: str,
    day: date,
) -> AuditResult | None:
    """Compare a symbol's published minutes of a day with the archive, and restate what differs.

    What differs is averaged again from the archive's own seconds and minutes, after they have
    passed the gate.

    Returns:
        What was found; None where nothing is published, or the day was audited with this issue
        of the archive before.

    Raises:
        ArchiveNotFoundError: The archive does not have the day, or not yet.
        ArchiveDamagedError: What came was not as its checksum says.
        CheckFailedError: The gate refuses the archive's day.
        RetryableError: The archive does not answer.
    """
    store = publisher.store
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    window = Window(start, start + A_DAY)
    published = [price.average for price in store.minute_prices.between(symbol, window)]
    if not published:
        return None
    checksum = fetcher.archive.checksum(ArchiveFile(symbol, Interval.MINUTE, day))
    before = store.days.audited(symbol, day, day)
    if before and before[-1].checksum == checksum:
        return None
    official = _official(symbol, day, fetcher)
    findings = audit(published, official)
    differing = [each.minute for each in findings if each.finding is Finding.RESTATED]
    restated: tuple[Restatement, ...] = ()
    if differing:
        info = store.symbol_info(symbol)
        fetched = fetcher.fetch(symbol, window, Source.AUTO, info.tick_size if info else Decimal(0))
        store_day(store, checkpoints, fetched)
        publication = publisher.publish_windows({symbol: windows_of(differing)}, are_fetched=True)
        if publication.withheld:
            raise CheckFailedError(
                f"{symbol} {day}: {len(publication.withheld)} minutes that the archive has "
                "otherwise fail the second gate and wait in quarantine; the day counts as not "
                "audited"
            )
        restated = publication.restated
    noted = _noted(symbol, day, whole_ms(publisher.clock()), checksum, findings)
    store.days.note_audit(noted)
    return AuditResult(noted, restated)


def _official(symbol: str, day: date, fetcher: DayFetcher) -> dict[datetime, ExchangeMinute]:
    rows = fetcher.minutes(symbol, day)
    try:
        minutes = [as_record(ExchangeMinute, symbol, row) for row in rows]
    except ArithmeticError as error:
        raise CheckFailedError(f"{symbol} {day}: the archive's day holds no numbers") from error
    return {minute.start: minute for minute in minutes}


def _noted(
    symbol: str, day: date, audited_at: datetime, checksum: str, findings: Sequence[Audit]
) -> AuditedDay:
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
        minute_count=len(findings),
        restated_count=sum(1 for each in findings if each.finding is Finding.RESTATED),
        alarming_count=sum(1 for each in findings if each.is_alarming),
        largest_difference_ratio=max(differences, default=None),
    )
