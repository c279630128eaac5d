from __future__ import annotations

from decimal import Decimal

import pytest

# The fixtures' clock stands 30.5 s into this minute.
MINUTE_MS = 1_699_999_980_000
M = 60_000


def agg_trades(client, symbol="BTCUSDT", **query):
    return client.get("aggTrades", symbol=symbol, **query).json()


def test_the_most_recent_aggregate_trades_end_at_the_clock(client):
    client.now_ms = agg_trades(client, limit=1)[0]["T"]
    rows = agg_trades(client)
    ids = [row["a"] for row in rows]

    assert len(rows) == 500
    assert ids == list(range(ids[0], ids[0] + 500))
    assert rows[-1]["T"] == client.now_ms
    client.now_ms -= 1
    assert agg_trades(client)[-1]["T"] <= client.now_ms


def test_aggregate_trades_from_an_id_start_with_it(client):
    """And pages by id join without a gap, across the ends of minutes and loops."""
    newest = agg_trades(client, "SOLUSDT", limit=1)[0]["a"]
    first = agg_trades(client, "SOLUSDT", fromId=newest - 2500, limit=1000)
    second = agg_trades(client, "SOLUSDT", fromId=first[-1]["a"] + 1, limit=1000)

    assert [row["a"] for row in first + second] == list(range(newest - 2500, newest - 500))
    for before, after in zip(first + second, (first + second)[1:], strict=False):
        assert after["f"] == before["l"] + 1
        assert after["T"] >= before["T"]


def test_an_id_of_the_future_gives_nothing(client):
    newest = agg_trades(client, limit=1)[0]["a"]

    assert agg_trades(client, fromId=newest + 1) == []


def test_bounds_of_aggregate_trades_are_inclusive(client):
    start, end = (agg_trades(client, limit=100)[place]["T"] for place in (20, 80))

    times = [row["T"] for row in agg_trades(client, startTime=start, endTime=end)]

    assert (times[0], times[-1]) == (start, end)
    assert times == [row["T"] for row in agg_trades(client) if start <= row["T"] <= end]


def test_a_start_alone_gives_the_oldest_aggregate_trades_and_an_end_alone_the_newest(client):
    moment = MINUTE_MS - 5 * M

    oldest = agg_trades(client, startTime=moment, limit=5)
    newest = agg_trades(client, endTime=moment - 1, limit=5)

    assert newest[-1]["a"] + 1 == oldest[0]["a"]
    assert newest[-1]["T"] < moment <= oldest[0]["T"]


@pytest.mark.parametrize("symbol", ["BTCUSDT", "SOLUSDT", "XRPUSDT"])
def test_aggregate_trades_add_up_to_their_kline(client, symbol):
    """Volume, trade count (last id - first id + 1) and taker volume of one whole minute."""
    start = MINUTE_MS - M
    rows = agg_trades(client, symbol, startTime=start, endTime=start + M - 1, limit=1000)
    while page := agg_trades(client, symbol, fromId=rows[-1]["a"] + 1, limit=1000):
        rows += [row for row in page if row["T"] < start + M]
        if page[-1]["T"] >= start + M:
            break

    [kline] = client.get("klines", symbol=symbol, interval="1m", startTime=start, limit=1).json()
    assert kline[5] == str(sum(Decimal(row["q"]) for row in rows))
    assert kline[8] == sum(row["l"] - row["f"] + 1 for row in rows)
    assert kline[9] == str(sum(Decimal(row["q"]) for row in rows if not row["m"]))
