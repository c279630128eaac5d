from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.records.windows import (
    MINUTE,
    Window,
    floor_minute,
    from_ms,
    months_back,
    plan_window,
    to_ms,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENTS = st.datetimes(
    min_value=datetime(2017, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.just(UTC),
)


def plan(watermark, now, *, overlap=0):
    return plan_window(
        watermark,
        now,
        overlap=overlap * MINUTE,
        first_look_back=15 * MINUTE,
        longest=60 * MINUTE,
    )


def test_ends_at_the_last_closed_minute():
    """At 12:03:40 the minute 12:03 still runs, so the window ends before it."""
    window = plan(NOON, NOON + timedelta(minutes=3, seconds=40))

    assert window == Window(NOON, NOON + 3 * MINUTE)


def test_starts_a_first_run_fifteen_minutes_back():
    assert plan(None, NOON) == Window(NOON - 15 * MINUTE, NOON)


def test_works_off_a_long_backlog_oldest_first():
    """A day behind, one run takes the oldest hour and leaves the rest to the next."""
    window = plan(NOON - timedelta(days=1), NOON)

    assert window == Window(NOON - timedelta(days=1), NOON - timedelta(hours=23))


def test_is_empty_when_nothing_new_has_closed():
    assert plan(NOON, NOON + timedelta(seconds=30)).minute_count == 0


def test_repeats_the_overlap_behind_the_watermark():
    assert plan(NOON, NOON + MINUTE, overlap=5) == Window(NOON - 5 * MINUTE, NOON + MINUTE)


def test_is_empty_when_the_clock_went_back_behind_the_watermark():
    window = plan(NOON, NOON - 3 * MINUTE)

    assert window.minute_count == 0


def test_refuses_a_bound_off_the_minute():
    with pytest.raises(ValueError, match="whole UTC minute"):
        Window(NOON, NOON + timedelta(seconds=30))


def test_refuses_a_time_without_a_zone():
    with pytest.raises(ValueError, match="no time zone"):
        floor_minute(datetime(2026, 3, 1, 12))  # noqa: DTZ001 - the case under test


def test_names_the_days_and_months_it_touches():
    """An hour over the turn of the year lies in two days and two months."""
    window = Window(
        datetime(2026, 12, 31, 23, 30, tzinfo=UTC), datetime(2027, 1, 1, 0, 30, tzinfo=UTC)
    )

    assert [str(day) for day in window.days()] == ["2026-12-31", "2027-01-01"]
    assert list(window.months()) == ["2026-12", "2027-01"]


def test_touches_no_day_that_starts_at_its_exclusive_end():
    window = Window(datetime(2026, 3, 1, 23, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))

    assert [str(day) for day in window.days()] == ["2026-03-01"]


@given(MOMENTS)
def test_returns_from_milliseconds_what_went_in(moment):
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    assert from_ms(to_ms(moment)) == whole


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_floors_to_the_same_minute_in_every_zone(moment, offset_minutes):
    elsewhere = moment.astimezone(timezone(timedelta(minutes=offset_minutes)))

    assert floor_minute(elsewhere) == floor_minute(moment)


@given(MOMENTS, st.integers(0, 500), st.integers(0, 500))
def test_splits_into_the_minutes_of_its_parts(moment, first, second):
    start = floor_minute(moment)
    middle, end = start + first * MINUTE, start + (first + second) * MINUTE

    parts = [*Window(start, middle).minutes(), *Window(middle, end).minutes()]

    assert parts == list(Window(start, end).minutes())


def test_counts_months_back_over_the_turn_of_a_year():
    """From the 31st, which most months do not have."""
    assert list(months_back(date(2026, 3, 31), 5)) == [
        "2026-03",
        "2026-02",
        "2026-01",
        "2025-12",
        "2025-11",
    ]
