"""The simulator against answers that Binance itself gave (tests/data/binance/SOURCES.md)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from include.simulator.market.exchange import open_exchange

DATA = Path(__file__).parents[2] / "data" / "binance"
RECORDS = {
    record["source"]: record for record in json.loads((DATA / "rest_responses.json").read_text())
}
FIXTURES = "dvcrn/binance.ex "


def shape(content):
    """Return names, types and decimals: 1.20 and 3.40 have one shape, 1.2 and "1.20" another."""
    if isinstance(content, dict):
        return {name: shape(value) for name, value in content.items()}
    if isinstance(content, list):
        return [shape(value) for value in content]
    if isinstance(content, str) and re.fullmatch(r"-?\d+\.\d+", content):
        return f"{len(content.partition('.')[2])} decimals"
    return type(content)


def recorded_query(record) -> dict[str, str]:
    """Return what was asked for, of a symbol that the simulator lists."""
    query = dict(parse_qsl(urlsplit(record["url"]).query))
    return query | ({"symbol": "XRPUSDT"} if query.get("symbol") == "LTCBTC" else {})


@pytest.mark.parametrize(
    "name",
    [
        "ping_ok.json",
        "get_server_time_ok.json",
        pytest.param("get_klines_ok.json", marks=pytest.mark.slow),
        "get_ticker_ok.json",
        "get_historical_trades_ok.json",
    ],
)
def test_an_answer_has_the_shape_of_the_recorded_one(client, name):
    record = RECORDS[FIXTURES + name]
    path = urlsplit(record["url"]).path

    answer = client.get(path, **recorded_query(record))

    expected, content = json.loads(record["body"]), answer.json()
    assert answer.status_code == record["status"] == 200
    assert shape(content[:1] if isinstance(content, list) else content) == shape(
        expected[:1] if isinstance(expected, list) else expected
    )


@pytest.mark.parametrize(
    "name", ["ping_ok.json", "get_klines_ok.json", "get_klines_interval_err.json"]
)
def test_an_answer_has_the_recorded_headers_of_the_exchange(client, name):
    """Those of its own: what nginx and the content network add are not the exchange's."""
    record = RECORDS[FIXTURES + name]
    expected = {header for header in record["headers"] if header.startswith("x-mbx-")}

    answer = client.get(urlsplit(record["url"]).path, **recorded_query(record))

    assert expected == {"x-mbx-uuid", "x-mbx-used-weight", "x-mbx-used-weight-1m"}
    assert expected <= set(answer.headers)
    assert answer.headers["content-type"] == record["headers"]["Content-Type"]


def test_a_trade_of_history_is_asked_for_by_its_id(client):
    """The recorded request asks for one id and gets that trade."""
    record = RECORDS[FIXTURES + "get_historical_trades_from_id_ok.json"]
    [expected] = json.loads(record["body"])
    query = recorded_query(record)

    [trade] = client.get("historicalTrades", **query).json()

    assert trade["id"] == expected["id"] == int(query["fromId"])
    assert shape(trade) == shape(expected)


XRP = {"symbol": "XRPUSDT"}
REFUSALS = {
    FIXTURES + "get_klines_interval_err.json": ("klines", {**XRP, "interval": "1"}),
    FIXTURES + "get_ticker_error.json": ("ticker/24hr", {"symbol": "IDONTEXIST"}),
    "issue OpenBB-finance/OpenBB#1794 (2022-05-11)": ("ticker/price", {"symbol": "xrpusdt"}),
    "issue sammchardy/python-binance#215": (
        "klines",
        {**XRP, "interval": "1m", "startTime": "1 Jan"},
    ),
    "issue ccxt/ccxt#6889 (2020-05-05; rule since removed for time windows)": (
        "aggTrades",
        {**XRP, "fromId": 1, "startTime": 1},
    ),
    "issue ccxt/node-binance-api#83 (2018)": (
        "trades",
        {**XRP, "limit": 1, "timestamp": 1, "recvWindow": 1, "signature": 1},
    ),
    "issue ccxt/node-binance-api#18 (2017)": ("trades", {**XRP, "timestamp": 1}),
    "issue ccxt/go-binance#267 (2021)": ("exchangeInfo", {"symbols": "XRPUSDT"}),
}


@pytest.mark.parametrize("source", REFUSALS)
def test_a_refusal_is_the_recorded_one(client, source):
    """Status, code and message to the letter, but that symbols may be of any script since 2025."""
    record = RECORDS[source]
    path, query = REFUSALS[source]

    answer = client.get(path, **query)

    assert answer.status_code == record["status"]
    said = answer.json()
    said["msg"] = said["msg"].replace(r"[\w\-._&&[^a-z]]{1,50}", "[A-Z0-9-_.]{1,20}")
    assert said == json.loads(record["body"])


def test_a_ban_is_told_as_recorded(client_of):
    """Since 2022 only the advice at the end is worded otherwise."""
    record = RECORDS["issue ccxt/ccxt#14639 (2022-08-10)"]
    client = client_of(open_exchange(["XRPUSDT"], seed=1, weight_limit=0, requests_until_ban=0))

    answer = client.get("ping")

    expected, content = json.loads(record["body"]), answer.json()
    first, banned = (
        re.match(r"(.*; IP banned until )\d{13}\. Please use ", body["msg"])[1]
        for body in (expected, content)
    )
    assert answer.status_code == record["status"] == 418
    assert content["code"] == expected["code"]
    assert banned == first
