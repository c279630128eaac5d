"""Half-open UTC windows on whole minutes, and the arithmetic of the fetch plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MINUTE_MS = 60_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# How long before its end a run may take up a minute: runs start before it, so that their tasks are
# there when it ends, and clocks differ.
CLOCK_SLACK = timedelta(seconds=5)
SHORTEST_LEAD_SECONDS, LONGEST_LEAD_SECONDS = 5, 45
LEAD = timedelta(seconds=SHORTEST_LEAD_SECONDS) + CLOCK_SLACK


def floor_minute(moment: datetime) -> datetime:
    """Return the start of the UTC minute that contains an aware moment."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; every time here is aware UTC")
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def nearest_end(now: datetime, lead: timedelta = LEAD) -> datetime:
    """Return the end of the minute that closed last, or that closes within the lead."""
    return floor_minute(now + lead)


def to_ms(moment: datetime) -> int:
    """Return milliseconds since the epoch, truncated, without passing through a float."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def from_ms(epoch_ms: int) -> datetime:
    """Return the aware UTC moment of milliseconds since the epoch."""
    return EPOCH + timedelta(milliseconds=epoch_ms)


def whole_ms(moment: datetime) -> datetime:
    """Truncate a moment to whole milliseconds, the precision of Cassandra's timestamp."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@dataclass(frozen=True, order=True)
class Window:
    """The half-open UTC span [start, end) on whole minutes; empty when both are equal.

    Attributes:
        start: First moment inside, aware UTC, on a whole minute.
        end: First moment after it, aware UTC, on a whole minute.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for moment in (self.start, self.end):
            if moment != floor_minute(moment):
                raise ValueError(
                    f"{moment.isoformat()} is not a whole UTC minute: windows start and end on one"
                )
        if self.end < self.start:
            raise ValueError(f"the window ends at {self.end}, before its start at {self.start}")

    @property
    def minute_count(self) -> int:
        """Number of whole minutes inside."""
        return (self.end - self.start) // MINUTE

    def minutes(self) -> Iterator[datetime]:
        """Yield the start of each minute inside, ascending."""
        for index in range(self.minute_count):
            yield self.start + index * MINUTE

    def days(self) -> Iterator[date]:
        """Yield each UTC day that the window touches, ascending."""
        day = self.start.date()
        while datetime(day.year, day.month, day.day, tzinfo=UTC) < self.end:
            yield day
            day += DAY

    def months(self) -> Iterator[str]:
        """Yield each UTC month that the window touches as YYYY-MM, ascending."""
        seen = ""
        for day in self.days():
            if (month := month_of(day)) != seen:
                seen = month
                yield month

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def __str__(self) -> str:
        return f"[{self.start:%Y-%m-%dT%H:%MZ}, {self.end:%Y-%m-%dT%H:%MZ})"


def windows_of(minutes: Iterable[datetime]) -> list[Window]:
    """Return the fewest windows that cover exactly these minutes, ascending."""
    windows: list[Window] = []
    for minute in sorted(set(minutes)):
        if windows and windows[-1].end == minute:
            windows[-1] = Window(windows[-1].start, minute + MINUTE)
        else:
            windows.append(Window(minute, minute + MINUTE))
    return windows


def month_of(day: date) -> str:
    """Return YYYY-MM of a day or moment, the partition key of published minutes."""
    return f"{day:%Y-%m}"


def months_back(day: date, count: int) -> Iterator[str]:
    """Yield the month of a day as YYYY-MM, and those before it, descending."""
    for _ in range(count):
        yield month_of(day)
        day = day.replace(day=1) - DAY


def plan_window(
    watermark: datetime | None,
    now: datetime,
    *,
    overlap: timedelta,
    first_look_back: timedelta,
    longest: timedelta,
) -> Window:
    """Plan the window of one run: from the watermark, less the overlap, to the last closed minute.

    Args:
        watermark: Exclusive end of the work done so far; None when nothing is done.
        now: The moment by which a minute counts as closed, aware UTC.
        overlap: How far before the watermark to start again, so that gaps are filled.
        first_look_back: How far back to start when there is no watermark.
        longest: The most one run takes on beyond the overlap; a longer backlog is
            worked off oldest first, run by run.

    Returns:
        A window on whole minutes that ends at the last closed minute or earlier. It is
        never before the epoch; it is empty only when now is before the watermark's overlap.
    """
    closed_until = floor_minute(now)
    if watermark is None:
        return Window(floor_minute(closed_until - first_look_back), closed_until)
    start = floor_minute(watermark - overlap)
    end = min(closed_until, floor_minute(watermark + longest))
    return Window(min(start, end), end)


def iso(moment: datetime) -> str:
    """Return an aware moment as ISO 8601 in UTC, milliseconds only where there are some."""
    spec = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")
