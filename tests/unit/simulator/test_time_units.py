from __future__ import annotations

from uuid import UUID

import pytest

# The fixtures' clock stands 30.5 s into this minute.
MINUTE_MS = 1_699_999_980_000
NOW_MS = MINUTE_MS + 30_500
BTC = {"symbol": "BTCUSDT"}


@pytest.mark.parametrize("unit", ["MICROSECOND", "microsecond"])
def test_times_are_microseconds_where_the_header_asks_for_them(client, unit):
    assert client.get("time", time_unit=unit).json() == {"serverTime": NOW_MS * 1000}
    info = client.get("exchangeInfo", time_unit=unit).json()
    assert info["serverTime"] == NOW_MS * 1000


@pytest.mark.parametrize("unit", ["MILLISECOND", "millisecond", None])
def test_times_are_milliseconds_otherwise(client, unit):
    assert client.get("time", time_unit=unit).json() == {"serverTime": NOW_MS}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("trades", "time"),
        ("historicalTrades", "time"),
        ("aggTrades", "T"),
    ],
)
def test_only_the_times_of_rows_change(client, path, field):
    rows = client.get(path, **BTC).json()

    in_us = client.get(path, time_unit="MICROSECOND", **BTC).json()

    assert in_us == [row | {field: row[field] * 1000} for row in rows]


def test_the_average_price_tells_its_time_in_the_unit(client):
    answer = client.get("avgPrice", **BTC).json()

    in_us = client.get("avgPrice", time_unit="MICROSECOND", **BTC).json()

    assert in_us == answer | {"closeTime": answer["closeTime"] * 1000}


@pytest.mark.parametrize("interval", ["1s", "1m"])
def test_a_kline_closes_a_microsecond_before_the_next_opens(client, interval):
    query = {**BTC, "interval": interval, "limit": 2}
    plain = client.get("klines", **query).json()

    first, second = client.get("klines", time_unit="MICROSECOND", **query).json()

    assert first[0] == plain[0][0] * 1000
    assert first[6] == second[0] - 1
    assert first[1:6] + first[7:] == plain[0][1:6] + plain[0][7:]


@pytest.mark.parametrize("unit", ["Microsecond", "", "SECOND"], ids=["mixed case", "empty", "s"])
def test_another_unit_is_refused(client, unit):
    answer = client.get("time", time_unit=unit)

    assert answer.status_code == 400
    assert answer.json() == {
        "code": -1194,
        "msg": "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
    }


def test_times_sent_in_microseconds_need_no_header(client):
    query = {**BTC, "interval": "1m"}

    in_ms = client.get("klines", startTime=MINUTE_MS, endTime=MINUTE_MS, **query).json()
    in_us = client.get(
        "klines", startTime=MINUTE_MS * 1000, endTime=MINUTE_MS * 1000, **query
    ).json()

    assert len(in_ms) == 1
    assert in_us == in_ms


def test_every_answer_has_an_id_of_its_own(client):
    """Refused ones too."""
    answers = [client.get("ping"), client.get("ping"), client.get("klines")]

    ids = {UUID(answer.headers["x-mbx-uuid"]) for answer in answers}

    assert len(ids) == 3
    assert {uuid.version for uuid in ids} == {4}
