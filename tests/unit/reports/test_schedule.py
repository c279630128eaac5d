from datetime import date, timedelta

import pytest
from upath import UPath

from include.records.windows import MINUTE, Window
from include.reports.schedule import due_reports, hour_name, is_old_report, latest_title
from tests.fakes.builders import NOON

HOUR = timedelta(hours=1)
KEPT = 48


@pytest.fixture
def reports(tmp_path):
    return UPath(tmp_path) / "reports"


def write(reports, *names):
    for name in names:
        file = reports / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)


def due(hours, reports, now, kept_hours=KEPT):
    return [each.name for each in due_reports(hours, reports, now, kept_hours)]


def test_an_hour_is_due_when_it_is_over(reports):
    """At 13:00 sharp the hour of noon is over, that of 13:00 is not."""
    write(reports, "hourly/2026-03-01T11.html")

    assert due(["2026-03-01T12", "2026-03-01T13"], reports, NOON + HOUR) == [
        "daily/2026-03-01",
        "hourly/2026-03-01T12",
    ]
    assert due(["2026-03-01T12"], reports, NOON + HOUR - MINUTE) == []


def test_an_hour_over_without_a_report_is_due_with_the_news_of_the_next(reports):
    """The last news of 12:00 to 13:00 came at 12:59, so nothing told when that hour was over."""
    assert due(["2026-03-01T13"], reports, NOON + HOUR + 2 * MINUTE) == [
        "daily/2026-03-01",
        "hourly/2026-03-01T12",
    ]


def test_an_hour_before_that_has_its_report_is_not_due(reports):
    write(reports, "hourly/2026-03-01T12.html")

    assert due(["2026-03-01T13"], reports, NOON + HOUR + 2 * MINUTE) == []


def test_an_hour_with_news_is_due_again(reports):
    write(reports, "hourly/2026-03-01T11.html", "hourly/2026-03-01T12.html")

    assert "hourly/2026-03-01T12" in due(["2026-03-01T12"], reports, NOON + 5 * HOUR)


def test_the_last_hour_of_a_day_makes_the_day_due_at_midnight(reports):
    midnight = NOON.replace(hour=0) + timedelta(days=1)

    assert due(["2026-03-02T00"], reports, midnight + 2 * MINUTE) == [
        "daily/2026-03-01",
        "hourly/2026-03-01T23",
    ]


def test_an_hour_too_long_ago_is_told_by_its_day_alone(reports):
    """Of 48 hours kept at 12:00, that of 11:00 two days earlier is too old."""
    now = NOON + timedelta(days=2)

    assert due(["2026-03-01T11"], reports, now) == ["daily/2026-03-01"]
    write(reports, "hourly/2026-03-01T11.html")
    assert due(["2026-03-01T12"], reports, now) == ["daily/2026-03-01", "hourly/2026-03-01T12"]


def test_a_backfill_does_not_make_the_day_before_it_due(reports):
    """The hour before midnight has no report because it is old, not because it is new."""
    assert due(["2026-01-10T00"], reports, NOON) == ["daily/2026-01-10"]


def test_days_come_first_and_all_in_order(reports):
    hours = ["2026-03-01T01", "2026-02-28T23", "2026-03-01T00"]
    write(reports, "hourly/2026-02-28T22.html")

    assert due(hours, reports, NOON) == [
        "daily/2026-02-28",
        "daily/2026-03-01",
        "hourly/2026-02-28T23",
        "hourly/2026-03-01T00",
        "hourly/2026-03-01T01",
    ]


def test_a_report_is_about_its_whole_hour_or_day(reports):
    write(reports, "hourly/2026-03-01T11.html")
    day, hour = due_reports(["2026-03-01T12"], reports, NOON + HOUR, KEPT)

    midnight = NOON.replace(hour=0)
    assert day.window == Window(midnight, midnight + timedelta(days=1))
    assert hour.window == Window(NOON, NOON + HOUR)
    assert day.title == "One-minute average prices, 2026-03-01"
    assert hour.title == "One-minute average prices, 2026-03-01 12:00 UTC"


def test_nothing_new_makes_nothing_due(reports):
    assert due([], reports, NOON) == []


def test_a_report_is_old_when_its_hour_is_no_longer_kept():
    """Of two hours kept at 12:30, those of 10:00 and 11:00 stay."""
    kept = ["hourly/2026-03-01T10.html", "hourly/2026-03-01T11.png"]
    others = ["daily/2026-01-01.html", "latest.html"]
    old = ["hourly/2026-03-01T09.html", "hourly/2026-02-28T23.txt"]

    found = [
        path
        for path in [*kept, *others, *old]
        if is_old_report(path, NOON + 30 * MINUTE, 2, first_day=None)
    ]

    assert found == old


def test_a_daily_report_is_old_only_before_a_day_that_is_given():
    paths = ["daily/2026-02-27.html", "daily/2026-02-28.png", "latest.html"]

    old = [path for path in paths if is_old_report(path, NOON, KEPT, date(2026, 2, 28))]

    assert old == paths[:1]


def test_an_hour_that_is_due_is_not_removed(reports):
    """What one writes the other must not take away, or each run would write it again."""
    now = NOON + 30 * MINUTE
    hours = [f"{NOON - count * HOUR:%Y-%m-%dT%H}" for count in range(60)]
    names = [each for each in due(hours, reports, now) if each.startswith("hourly/")]

    assert len(names) == KEPT
    assert not any(is_old_report(f"{name}.html", now, KEPT, None) for name in names)


def test_says_until_when_the_latest_report_reaches():
    assert latest_title(Window(NOON, NOON + HOUR)).endswith(", until 13:00 UTC")
    assert latest_title(Window(NOON, NOON)) == "One-minute average prices"
    assert hour_name(NOON) == "hourly/2026-03-01T12"
