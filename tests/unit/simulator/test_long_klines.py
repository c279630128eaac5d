from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

# Tuesday 2023-11-14 22:13:30.5, 30.5 s into this minute; last week began on Monday 2023-11-06.
MINUTE_MS = 1_699_999_980_000
NOW_MS = MINUTE_MS + 30_500
M, HOUR, DAY = 60_000, 3_600_000, 86_400_000
HISTORY_MS = 1_699_228_800_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def klines(client, interval, symbol="BTCUSDT", **query):
    return client.get("klines", symbol=symbol, interval=interval, **query).json()


@pytest.mark.parametrize("symbol", ["BTCUSDT", "XRPUSDT"])
@pytest.mark.parametrize(("interval", "minutes"), [("3m", 3), ("15m", 15), ("2h", 120)])
def test_a_long_kline_is_the_sum_of_its_minutes(client, symbol, interval, minutes):
    long = klines(client, interval, symbol, limit=2)[0]

    rows = klines(client, "1m", symbol, startTime=long[0], limit=minutes)

    assert long[6] == long[0] + minutes * M - 1
    assert (long[1], long[4]) == (rows[0][1], rows[-1][4])
    assert Decimal(long[2]) == max(Decimal(row[2]) for row in rows)
    assert Decimal(long[3]) == min(Decimal(row[3]) for row in rows)
    for column in (5, 7, 8, 9, 10):
        assert Decimal(long[column]) == sum(Decimal(row[column]) for row in rows)


def test_the_running_kline_holds_the_trades_so_far(client):
    """22:10 to 22:13:30.5: three whole minutes and the running one."""
    [running] = klines(client, "5m", limit=1)
    rows = klines(client, "1m", startTime=running[0])

    assert running[0] == at("2023-11-14T22:10")
    assert running[6] == at("2023-11-14T22:15") - 1
    assert len(rows) == 4
    assert running[8] == sum(row[8] for row in rows)
    assert running[4] == rows[-1][4]


@pytest.mark.parametrize(
    ("interval", "opened"),
    [
        ("30m", "2023-11-14T22:00"),
        ("1h", "2023-11-14T22:00"),
        ("4h", "2023-11-14T20:00"),
        ("6h", "2023-11-14T18:00"),
        ("8h", "2023-11-14T16:00"),
        ("12h", "2023-11-14T12:00"),
        ("1d", "2023-11-14"),
        ("3d", "2023-11-13"),
        ("1w", "2023-11-13"),
        ("1M", "2023-11-01"),
    ],
)
def test_the_running_kline_opened_on_the_grid(client, interval, opened):
    """1970-01-01 + 6,558 x 3 days is 2023-11-13, whose span holds the 14th."""
    [running] = klines(client, interval, limit=1)

    assert running[0] == at(opened)


def test_a_month_ends_where_the_next_begins(client):
    assert klines(client, "1M", limit=1)[0][6] == at("2023-12-01") - 1


@pytest.mark.parametrize(
    ("zone", "interval", "opened"),
    [
        ("8", "1d", "2023-11-14T16:00"),
        ("-1:00", "1d", "2023-11-14T01:00"),
        ("05:45", "1h", "2023-11-14T21:15"),
        ("+14:00", "1w", "2023-11-12T10:00"),
        ("-12:00", "1M", "2023-11-01T12:00"),
        ("0", "1d", "2023-11-14"),
    ],
)
def test_a_time_zone_moves_the_grid(client, zone, interval, opened):
    """At 22:13 UTC it is 06:13 of the 15th in zone 8, whose day began at 16:00 UTC."""
    assert klines(client, interval, timeZone=zone, limit=1)[0][0] == at(opened)


def test_a_time_zone_leaves_minutes_and_seconds_alone(client):
    for interval in ("1s", "1m"):
        assert klines(client, interval, timeZone="05:45") == klines(client, interval)


@pytest.mark.parametrize("zone", ["-12:01", "14:01", "15", "1:60", "UTC", "+", "1:5"])
def test_refuses_another_time_zone(client, zone):
    answer = client.get("klines", symbol="BTCUSDT", interval="1d", timeZone=zone)

    assert answer.status_code == 400
    assert answer.json()["code"] == -1130
    assert "'timeZone'" in answer.json()["msg"]


@pytest.mark.parametrize("interval", ["1H", "1D", "3M", "1W", "7m", "60", "1S"])
def test_refuses_another_interval(client, interval):
    answer = client.get("klines", symbol="BTCUSDT", interval=interval)

    assert (answer.status_code, answer.json()["code"]) == (400, -1120)


def test_history_begins_with_last_weeks_monday(client):
    """Eight whole days, and of today 22 whole hours and the running one."""
    hours = klines(client, "1h", limit=1000)

    assert hours[0][0] == HISTORY_MS
    assert len(hours) == 8 * 24 + 22 + 1
    assert klines(client, "1h", startTime=0, limit=1) == hours[:1]
    assert klines(client, "1h", endTime=HISTORY_MS - 1) == []
    assert [row[0] for row in klines(client, "1w")] == [HISTORY_MS, HISTORY_MS + 7 * DAY]


def test_the_first_row_holds_what_was_traded_since_the_history_began(client):
    [month] = klines(client, "1M")
    days = klines(client, "1d")

    assert month[0] < days[0][0] == HISTORY_MS
    assert month[8] == sum(day[8] for day in days)


def test_bounds_are_inclusive_open_times(client):
    start = at("2023-11-14T10:00")

    both = klines(client, "1h", startTime=start, endTime=start + 2 * HOUR)

    assert [row[0] for row in both] == [start, start + HOUR, start + 2 * HOUR]
    assert [row[0] for row in klines(client, "1h", endTime=start, limit=2)] == [start - HOUR, start]
    assert klines(client, "1h", startTime=start + 1, limit=1)[0][0] == start + HOUR
    assert klines(client, "1h", startTime=NOW_MS) == []


@pytest.mark.parametrize("moment", [10**15 - 1, 10**19], ids=["ms", "us"])
def test_a_start_beyond_every_calendar_is_the_future(client, moment):
    assert klines(client, "1M", startTime=moment) == []


def test_a_microsecond_kline_closes_where_the_next_opens(client):
    first, second = client.get(
        "klines", symbol="BTCUSDT", interval="1d", limit=2, time_unit="MICROSECOND"
    ).json()

    assert first[6] == second[0] - 1 == at("2023-11-14") * 1000 - 1
