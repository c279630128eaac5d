from __future__ import annotations

from dataclasses import replace

import pytest

from include.simulator.market.exchange import open_exchange
from include.simulator.requests.rate_limit import RateLimit

# 30.5 s into a minute that starts a span of five.
SPAN_MS = 1_699_999_800_000
NOW_MS = SPAN_MS + 30_500
M = 60_000


@pytest.fixture
def small(client_of):
    """Four of weight a minute, and a ban after two refusals."""
    client = client_of(open_exchange(["XRPUSDT"], seed=1, weight_limit=4, requests_until_ban=2))
    client.now_ms = NOW_MS
    return client


def pings(client, count: int) -> list[int]:
    return [client.get("ping").status_code for _ in range(count)]


def test_who_goes_on_after_429_is_banned_for_two_minutes(small):
    served_and_refused = pings(small, 6)

    banned = small.get("ping")

    assert served_and_refused == [200] * 4 + [429] * 2
    assert banned.status_code == 418
    assert banned.headers["retry-after"] == "120"
    assert banned.headers["x-mbx-used-weight-1m"] == "7"
    assert banned.json() == {
        "code": -1003,
        "msg": f"Way too much request weight used; IP banned until {NOW_MS + 120_000}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
    }


def test_a_ban_holds_for_everything_until_its_end(small):
    """Also in the next minutes, and asking does not make it longer."""
    pings(small, 7)
    small.now_ms += 119_999

    last = small.get("exchangeInfo")
    small.now_ms += 1

    assert (last.status_code, last.headers["retry-after"]) == (418, "1")
    assert small.get("ping", client="127.0.0.2").status_code == 200
    small.now_ms += M
    assert small.get("ping").status_code == 200


def test_a_repeated_ban_is_twice_as_long(small):
    waits = []
    for _ in range(3):
        pings(small, 6)
        waits.append(int(small.get("ping").headers["retry-after"]))
        small.now_ms += waits[-1] * 1000

    assert waits == [120, 240, 480]


def test_a_ban_lasts_three_days_at_most():
    """120 s doubled eleven times is 245,760 s; once more is beyond 259,200 s."""
    limit, now_ms, seconds = (
        RateLimit(weight_limit=0, requests_limit=100, requests_until_ban=0),
        NOW_MS,
        [],
    )
    for _ in range(14):
        until_ms = limit.charge("client", 1, now_ms).banned_until_ms
        seconds.append((until_ms - now_ms) // 1000)
        now_ms = until_ms

    assert seconds[10:] == [122_880, 245_760, 259_200, 259_200]


def test_refusals_are_forgotten_when_the_minute_ends(small):
    """Two refusals in each of two minutes, never a third in one."""
    first = pings(small, 6)
    small.now_ms += M

    assert pings(small, 6) == first == [200] * 4 + [429] * 2


def test_requests_are_limited_over_five_minutes_whatever_they_weigh(exchange, client_of):
    """Three are allowed; at 30.5 s of the five minutes 269.5 s are left."""
    client = client_of(replace(exchange, requests_limit=3))
    client.now_ms = NOW_MS
    served = pings(client, 3)

    refused = client.get("ping")
    client.now_ms = SPAN_MS + 5 * M - 1
    last = client.get("ping")
    client.now_ms += 1

    assert served == [200] * 3
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "270")
    assert refused.json() == {
        "code": -1003,
        "msg": "Too many requests; current limit is 3 requests per 5 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
    }
    assert (last.status_code, last.headers["retry-after"]) == (429, "1")
    assert client.get("ping").status_code == 200


def test_exchange_info_tells_the_limit_of_requests(client):
    assert client.get("exchangeInfo").json()["rateLimits"][3] == {
        "rateLimitType": "RAW_REQUESTS",
        "interval": "MINUTE",
        "intervalNum": 5,
        "limit": 300_000,
    }
