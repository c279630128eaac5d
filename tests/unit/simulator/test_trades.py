from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

import pytest

from include.simulator.market.markets import MARKETS

# The fixtures' clock stands 30.5 s into this minute.
MINUTE_MS = 1_699_999_980_000
M = 60_000


def trades(client, path="trades", symbol="BTCUSDT", **query):
    return client.get(path, symbol=symbol, **query).json()


@pytest.mark.parametrize("path", ["trades", "historicalTrades"])
def test_the_most_recent_trades_end_at_the_clock(client, path):
    client.now_ms = trades(client, path, limit=1)[0]["time"]
    rows = trades(client, path)
    ids = [row["id"] for row in rows]

    assert ids == list(range(ids[0], ids[0] + 500))
    assert rows[-1]["time"] == client.now_ms
    client.now_ms -= 1
    assert trades(client, path)[-1]["time"] <= client.now_ms


def test_the_limit_is_1000_at_most(client):
    assert len(trades(client, limit=5000)) == 1000


def test_historical_trades_from_an_id_start_with_it(client):
    """SOLUSDT has about 850 trades a minute: the page crosses minutes and the tape's end."""
    newest = trades(client, symbol="SOLUSDT", limit=1)[0]["id"]

    rows = trades(client, "historicalTrades", "SOLUSDT", fromId=newest - 2500, limit=1000)

    assert [row["id"] for row in rows] == list(range(newest - 2500, newest - 1500))
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)


def test_an_id_of_the_future_gives_nothing(client):
    newest = trades(client, limit=1)[0]["id"]

    assert trades(client, "historicalTrades", fromId=newest + 1) == []


def test_the_value_of_a_trade_is_truncated(client):
    for row in trades(client, symbol="XRPUSDT") + trades(client, limit=1000):
        value = Decimal(row["price"]) * Decimal(row["qty"])
        assert row["quoteQty"] == str(value.quantize(Decimal("1e-8"), ROUND_DOWN))


@pytest.mark.parametrize("symbol", ["BTCUSDT", "XRPUSDT"])
def test_trades_are_the_members_of_aggregate_trades(client, symbol):
    agg_trade = client.get("aggTrades", symbol=symbol, limit=1).json()[0]
    count = agg_trade["l"] - agg_trade["f"] + 1

    rows = trades(client, "historicalTrades", symbol, fromId=agg_trade["f"], limit=count)

    assert rows[-1]["id"] == agg_trade["l"]
    assert sum(Decimal(row["qty"]) for row in rows) == Decimal(agg_trade["q"])
    assert {row["time"] for row in rows} == {agg_trade["T"]}
    assert {row["isBuyerMaker"] for row in rows} == {agg_trade["m"]}


def test_the_ids_of_a_recording_go_on_from_the_exchanges_own(client):
    """Minute k of the clock holds as many ids as minute k of the recording."""
    tape = MARKETS["BTCUSDT"].tape(seed=1)
    minute = MINUTE_MS // M

    rows = trades(client, "historicalTrades", fromId=tape.trade_ids.first_of(minute), limit=1)

    assert MINUTE_MS <= rows[0]["time"] < MINUTE_MS + M
    assert rows[0]["price"] == f"{Decimal(tape.trades_in(minute)[0].price_e8) / 10**8:.8f}"
    assert rows[0]["isBestMatch"] is True


def test_ui_klines_are_the_klines(client):
    query = {"symbol": "BTCUSDT", "interval": "1m"}

    assert client.get("uiKlines", **query).json() == client.get("klines", **query).json()
