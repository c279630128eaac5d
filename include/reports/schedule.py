"""Which reports are due, and where each lies: the latest, each hour's and each day's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from upath import UPath

from include.records.windows import DAY, HOUR, Window

TITLE = "One-minute average prices"


@dataclass(frozen=True)
class Due:
    """A report to write.

    Attributes:
        name: Its path below the folder of reports, without an ending.
        window: The span it is about.
        title: What stands above it.
    """

    name: str
    window: Window
    title: str


def latest_title(window: Window) -> str:
    """Return what stands above the latest report."""
    return f"{TITLE}, until {window.end:%H:%M} UTC" if window.minute_count else TITLE


def due_reports(
    hours: Iterable[str], reports: UPath, generated_at: datetime, kept_hours: int
) -> list[Due]:
    """Return the reports that news make due: each hour that is over, and the day of each.

    A day is due with each of its hours, so that one that is not over says what is known so far.

    Args:
        hours: Those with news, YYYY-MM-DDTHH; the one before each is due too if it has no report.
        reports: The folder.
        generated_at: Aware UTC.
        kept_hours: Hours that have a report of their own, counted back from now.

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


def remove_old(reports: UPath, generated_at: datetime, kept_hours: int) -> None:
    """Remove the reports of hours that are too long ago; their days' stay."""
    oldest = hour_name(_kept(generated_at, kept_hours)).rpartition("/")[2]
    for file in (reports / "hourly").glob("*"):
        if file.name < oldest:
            file.unlink()


def hour_name(hour: datetime) -> str:
    """Return the name of an hour's report."""
    return f"hourly/{hour:%Y-%m-%dT%H}"


def _kept(generated_at: datetime, kept_hours: int) -> datetime:
    return generated_at.replace(minute=0, second=0, microsecond=0) - kept_hours * HOUR
