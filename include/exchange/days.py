"""Fetch a whole day of one symbol from the archive, and missing rows from the REST API."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from include.exchange.archive_client import ArchiveClient
from include.exchange.archive_files import ArchiveFile, read_klines
from include.exchange.client import BinanceClient
from include.exchange.replies import SYMBOL_CODES, RejectedRequestError
from include.records.errors import ArchiveNotFoundError, NoSuchDayError
from include.records.klines import OPEN_TIME, Interval, RawRow, deduplicate
from include.records.windows import DAY, Window, floor_minute, from_ms, to_ms, windows_of

PROGRESS_SECONDS = 5.0
MIB = 1024 * 1024

log = logging.getLogger(__name__)


class Source(StrEnum):
    """The source to fetch a day from."""

    AUTO = "auto"
    """The archive, and its missing rows from the REST API."""
    ARCHIVE = "archive"
    """The archive alone."""
    REST = "rest"
    """The REST API alone."""


@dataclass(frozen=True)
class DayRows:
    """The rows fetched for one symbol's day.

    Attributes:
        symbol: Binance's pair id, upper case.
        window: The day, or the part of it that is over.
        rows: Klines by interval, ascending, as the REST API gives them.
        sources: For each interval the origin of its rows, such as archive+rest.
        fetched_at: When the last of them arrived, aware UTC.
        source: Where the prices come from (price_source.py): the archive's, where it has the day.
    """

    symbol: str
    window: Window
    rows: dict[Interval, list[RawRow]]
    sources: dict[Interval, str]
    fetched_at: datetime
    source: str | None = None

    @property
    def source_names(self) -> str:
        """The sources of seconds and of minutes, in this order."""
        return ",".join(self.sources[interval] or "nothing" for interval in Interval)


@dataclass(frozen=True)
class DayFetcher:
    """Fetches whole days from the archive and the REST API.

    Attributes:
        archive: Binance's public archive.
        exchange: The REST API, within a share of the budget.
        clock: The exchange's time, aware UTC.
    """

    archive: ArchiveClient
    exchange: BinanceClient
    clock: Callable[[], datetime]

    def fetch(self, symbol: str, window: Window, source: Source) -> DayRows:
        """Fetch both intervals of a symbol's day.

        Args:
            symbol: Binance's pair id, upper case; the archive still has symbols that the exchange
                no longer lists, and is then the only source.
            window: The day, or the part of it that is over.
            source: Where to fetch from.

        Raises:
            ArchiveDamagedError: The file did not match its checksum.
            NoSuchDayError: No source queried has any row of it.
            RetryableError: A source does not answer.
        """
        rows: dict[Interval, list[RawRow]] = {}
        sources: dict[Interval, str] = {}
        for interval in Interval:
            rows[interval], sources[interval] = self._fetch(symbol, window, interval, source)
        if not any(rows.values()):
            raise NoSuchDayError(symbol, window.start.date(), source)
        is_archived = any("archive" in names for names in sources.values())
        origin = self.archive.source if is_archived else self.exchange.transport.source
        return DayRows(symbol, window, rows, sources, self.clock(), origin)

    def minutes(self, symbol: str, day: date) -> list[RawRow]:
        """Return the archive's minutes of a day.

        Raises:
            ArchiveNotFoundError: The archive does not have it, or not yet.
            ArchiveDamagedError: The file did not match its checksum.
            RetryableError: The archive does not answer.
        """
        return self._from_archive(ArchiveFile(symbol, Interval.MINUTE, day))

    def _fetch(
        self, symbol: str, window: Window, interval: Interval, source: Source
    ) -> tuple[list[RawRow], str]:
        rows: list[RawRow] = []
        names: list[str] = []
        day = window.start.date()
        is_over = window.end - window.start == DAY
        if source is Source.ARCHIVE or (source is Source.AUTO and is_over):
            try:
                rows = self._from_archive(ArchiveFile(symbol, interval, day))
                names.append("archive")
            except ArchiveNotFoundError:
                log.info("%s %s: the archive has no %s klines", symbol, day, interval)
        missing = [] if source is Source.ARCHIVE else missing_windows(rows, interval, window)
        if missing:
            added = self._klines(symbol, interval, missing)
            held = {row[OPEN_TIME] for row in rows}
            rows += [row for row in added if row[OPEN_TIME] not in held]
            names += ["rest"] if added else []
        return deduplicate(rows), "+".join(names)

    def _from_archive(self, file: ArchiveFile) -> list[RawRow]:
        said_at = time.monotonic()

        def say(have: int, total: int) -> None:
            nonlocal said_at
            if time.monotonic() - said_at >= PROGRESS_SECONDS:
                said_at = time.monotonic()
                of = f" of {total / MIB:.1f}" if total else ""
                log.info("%s: %.1f%s MiB", file.name, have / MIB, of)

        path = self.archive.fetch(file, say)
        return deduplicate(read_klines(file, path))

    def _klines(self, symbol: str, interval: Interval, windows: Sequence[Window]) -> list[RawRow]:
        rows: list[RawRow] = []
        for window in windows:
            self.exchange.transport.restart_patience()
            log.info("%s %s: fetching %s klines from the REST API", symbol, window, interval)
            try:
                rows += self.exchange.klines(symbol, interval, window)
            except RejectedRequestError as error:
                if error.code not in SYMBOL_CODES:
                    raise
                log.info("%s: the exchange no longer lists it; the archive may have it", symbol)
                break
        return rows


def day_window(day: date, now: datetime, settle: timedelta) -> Window:
    """Return a UTC day, or the part of it that is over and settled.

    Raises:
        ValueError: No part of it is.
    """
    start = floor_minute(now).replace(year=day.year, month=day.month, day=day.day, hour=0, minute=0)
    end = min(start + DAY, floor_minute(now - settle))
    if end <= start:
        raise ValueError(f"{day} has not begun: backfill days that are over, or today's part")
    return Window(start, end)


def missing_windows(rows: Sequence[RawRow], interval: Interval, window: Window) -> list[Window]:
    """Return the minutes of a window with a missing row, as the fewest windows, ascending."""
    held = {int(row[OPEN_TIME]) for row in rows}
    first_ms, end_ms = to_ms(window.start), to_ms(window.end)
    absent = (each for each in range(first_ms, end_ms, interval.length_ms) if each not in held)
    return windows_of({floor_minute(from_ms(each)) for each in absent})
