from __future__ import annotations

from decimal import Decimal

import pytest

from include.simulator.market.exchange import open_exchange

# The fixtures' clock stands 30.5 s into this minute.
MINUTE_MS = 1_699_999_980_000
NOW_MS = MINUTE_MS + 30_500


def test_the_average_price_weighs_the_trades_of_five_minutes(client):
    """At a minute's last millisecond these are the five one-minute klines."""
    client.now_ms = MINUTE_MS - 1
    rows = client.get("klines", symbol="BTCUSDT", interval="1m", limit=5).json()
    value, volume = (sum(Decimal(row[column]) for row in rows) for column in (7, 5))

    answer = client.get("avgPrice", symbol="BTCUSDT").json()

    assert answer["mins"] == 5
    assert answer["price"] == str(round(value / volume, 8))
    assert answer["closeTime"] == client.get("aggTrades", symbol="BTCUSDT", limit=1).json()[0]["T"]


def test_ping_and_time(client):
    assert client.get("ping").json() == {}
    assert client.get("time").json() == {"serverTime": NOW_MS}


def test_exchange_info_states_limits_and_grids(client):
    info = client.get("exchangeInfo", symbol="BTCUSDT").json()

    [symbol] = info["symbols"]
    assert info["rateLimits"][0] == {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": 6000,
    }
    assert (symbol["symbol"], symbol["status"]) == ("BTCUSDT", "TRADING")
    assert (symbol["baseAsset"], symbol["quoteAsset"]) == ("BTC", "USDT")
    assert symbol["filters"][0]["tickSize"] == "0.01000000"
    assert symbol["filters"][1]["stepSize"] == "0.00001000"


def test_exchange_info_lists_what_is_asked_for(client):
    every = client.get("exchangeInfo").json()["symbols"]
    two = client.get(
        "exchangeInfo", symbols='["XRPUSDT","BTCUSDT"]', showPermissionSets="false"
    ).json()["symbols"]

    assert [info["symbol"] for info in every] == ["BTCUSDT", "SOLUSDT", "XRPUSDT"]
    assert [info["symbol"] for info in two] == ["XRPUSDT", "BTCUSDT"]
    assert every[0]["permissionSets"] == [["SPOT", "MARGIN"]]
    assert "permissionSets" not in two[0]


def test_the_status_page_tells_recorded_from_generated(client):
    origins = client.get("/simulator.json").json()["symbols"]
    page = client.get("/simulator").text

    assert origins["XRPUSDT"] == "generated (seed 1)"
    assert origins["BTCUSDT"].startswith("recorded (BTCUSDT_trades_20240808_2354_20240809_0005")
    assert all(origin in page for origin in origins.values())


def test_an_unknown_path_is_a_page_only_for_a_browser(client):
    assert client.get("nope").status_code == 404
    assert client.get("nope").content == b""
    assert "<h2>404 Not found</h2>" in client.get("nope", accept="text/html").text


def test_a_restart_gives_the_same_history(client, client_of):
    restarted = client_of(open_exchange(["XRPUSDT", "BTCUSDT"], seed=1, weight_limit=6000))

    for symbol in ("BTCUSDT", "XRPUSDT"):
        for path, query in (("klines", {"interval": "1s"}), ("aggTrades", {}), ("avgPrice", {})):
            first = client.get(path, symbol=symbol, **query)
            assert restarted.get(path, symbol=symbol, **query).json() == first.json()


@pytest.mark.parametrize(
    ("symbol", "source"),
    [
        ("XRPUSDT", "GENERATED"),
        ("BTCUSDT", "REPLAY of 2024-08-08 23:55 to 2024-08-09 00:05 UTC"),
        ("NOUSDT", None),
    ],
)
def test_says_with_each_answer_where_the_prices_come_from(client, symbol, source):
    for path in ("/api/v3/avgPrice", "/api/v3/ticker/price"):
        assert client.get(path, symbol=symbol).headers.get("x-simulator-source") == source
