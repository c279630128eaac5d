from __future__ import annotations

from decimal import Decimal

import pytest

# The fixtures' clock stands 30.5 s into this minute.
MINUTE_MS = 1_699_999_980_000
NOW_MS = MINUTE_MS + 30_500
M = 60_000


def klines(client, interval="1m", **query):
    return client.get("klines", symbol="BTCUSDT", interval=interval, **query).json()


def open_times(client, interval="1m", **query):
    return [row[0] for row in klines(client, interval, **query)]


def test_without_bounds_the_most_recent_klines_end_with_the_running_one(client):
    assert open_times(client, limit=3) == [MINUTE_MS - 2 * M, MINUTE_MS - M, MINUTE_MS]
    assert klines(client, limit=1)[0][6] > NOW_MS


def test_the_limit_is_500_by_default_and_1000_at_most(client):
    assert len(klines(client)) == 500
    assert len(klines(client, limit=5000)) == 1000


def test_a_start_alone_gives_the_oldest_klines_from_it(client):
    start = MINUTE_MS - 10 * M

    assert open_times(client, startTime=start, limit=2) == [start, start + M]


def test_an_end_alone_gives_the_most_recent_klines_up_to_it(client):
    end = MINUTE_MS - 10 * M

    assert open_times(client, endTime=end, limit=2) == [end - M, end]


def test_both_bounds_are_inclusive_open_times(client):
    start, end = MINUTE_MS - 3 * M, MINUTE_MS - M

    assert open_times(client, startTime=start, endTime=end) == [start, start + M, end]
    assert open_times(client, startTime=start + 1, endTime=end - 1) == [start + M]
    assert open_times(client, startTime=start, endTime=start) == [start]


def test_bounds_may_be_sent_in_microseconds(client):
    """One microsecond after an open time is after it."""
    start, end = MINUTE_MS - 3 * M, MINUTE_MS - M

    assert open_times(client, startTime=start * 1000 + 1, endTime=end * 1000) == [start + M, end]


@pytest.mark.parametrize(
    "query",
    [
        {"startTime": MINUTE_MS, "endTime": MINUTE_MS - M},
        {"startTime": MINUTE_MS + M},
        {"startTime": 10**14},
    ],
    ids=["end before start", "future", "far future"],
)
def test_a_span_without_klines_is_empty(client, query):
    assert klines(client, **query) == []


def test_klines_before_the_epoch_do_not_exist(client):
    assert open_times(client, endTime=M) == [0, M]


def test_a_thousand_seconds_end_with_the_running_second(client):
    times = open_times(client, "1s", limit=1000)

    assert times == [NOW_MS - 500 - 1000 * back for back in reversed(range(1000))]


def test_the_running_minute_grows_and_the_closed_one_stands(client):
    before = klines(client, limit=2)
    client.now_ms += 20_000
    after = klines(client, limit=2)

    assert after[0] == before[0]
    assert after[1][8] > before[1][8]
    assert Decimal(after[1][5]) > Decimal(before[1][5])


def test_a_minute_keeps_its_row_when_it_closes(client):
    """What the running row has grown to at its last millisecond is the closed row."""
    client.now_ms = MINUTE_MS + 59_998
    client.now_ms += 1
    at_last_moment = klines(client, limit=1)
    client.now_ms += 1

    assert klines(client, limit=2)[:1] == at_last_moment
