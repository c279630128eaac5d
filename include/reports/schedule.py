"""Which reports are due, and where each goes: the latest, hourly and daily ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from upath import UPath

from include.records.windows import DAY, HOUR, Window

TITLE = "One-minute average prices"


@dataclass(frozen=True)
class Due:
    """A report to write.

    Attributes:
        name: Its path below the folder of reports, without an ending.
        window: The span it covers.
        title: Its heading.
    """

    name: str
    window: Window
    title: str


def latest_title(window: Window) -> str:
    """Return the latest report's heading."""
    return f"{TITLE}, until {window.end:%H:%M} UTC" if window.minute_count else TITLE


def due_reports(
    hours: Iterable[str], reports: UPath, generated_at: datetime, kept_hours: int
) -> list[Due]:
    """Return the reports that new minutes make due: each hour that is over, and its day.

    A day is due with each of its hours, so that the current day's shows what is known so far.

    Args:
        hours: Those with new minutes, YYYY-MM-DDTHH; the hour before is due if it has no report.
        reports: The folder.
        generated_at: Aware UTC.
        kept_hours: How many hours, counted back from now, keep a report of their own.

    Returns:
        Days and then hours, ascending.
    """
    touched = {datetime.fromisoformat(f"{hour}:00").replace(tzinfo=UTC) for hour in hours}
    before = {hour - HOUR for hour in touched}
    missing = {each for each in before if not (reports / f"{hour_name(each)}.html").exists()}
    over = sorted(hour for hour in touched | missing if hour + HOUR <= generated_at)
    days = sorted(
        {
            hour.replace(hour=0)
            for hour in over
            if hour in touched or hour >= _kept(generated_at, kept_hours)
        }
    )
    recent = [hour for hour in over if hour >= _kept(generated_at, kept_hours)]
    return [
        Due(f"daily/{day:%Y-%m-%d}", Window(day, day + DAY), f"{TITLE}, {day:%Y-%m-%d}")
        for day in days
    ] + [
        Due(hour_name(hour), Window(hour, hour + HOUR), f"{TITLE}, {hour:%Y-%m-%d %H:%M} UTC")
        for hour in recent
    ]


def is_old_report(path: str, now: datetime, kept_hours: int, first_day: date | None) -> bool:
    """Tell whether a report is of an hour or a day that is no longer kept.

    Args:
        path: Below the folder of reports, with slashes.
        now: Aware UTC.
        kept_hours: How many hours, counted back from now, keep a report of their own.
        first_day: The first UTC day that keeps its report; None keeps all.
    """
    kind, _, name = path.partition("/")
    if kind == "hourly":
        return path < hour_name(_kept(now, kept_hours))
    return kind == "daily" and first_day is not None and name < first_day.isoformat()


def hour_name(hour: datetime) -> str:
    """Return the name of an hour's report."""
    return f"hourly/{hour:%Y-%m-%dT%H}"


def _kept(generated_at: datetime, kept_hours: int) -> datetime:
    return generated_at.replace(minute=0, second=0, microsecond=0) - kept_hours * HOUR
