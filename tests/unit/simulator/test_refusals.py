from __future__ import annotations

import pytest

from include.simulator.market.exchange import open_exchange

BTC = {"symbol": "BTCUSDT"}
KLINES = {"symbol": "BTCUSDT", "interval": "1m"}
SYMBOL_RANGE = r"legal range is '^[\w\-._&&[^a-z]]{1,50}$'."
LIST_RANGE = (
    "legal range is "
    r"""'^\[("[\w\-._&&[^a-z]]{1,50}"(,"[\w\-._&&[^a-z]]{1,50}"){0,}){0,1}\]$'."""
)


@pytest.mark.parametrize(
    ("path", "query", "code", "message"),
    [
        pytest.param(
            "klines",
            {**KLINES, "symbol": "btcusdt"},
            -1100,
            f"Illegal characters found in parameter 'symbol'; {SYMBOL_RANGE}",
            id="lower case",
        ),
        pytest.param(
            "klines",
            {**KLINES, "symbol": "BTCUSDT\n"},
            -1100,
            f"Illegal characters found in parameter 'symbol'; {SYMBOL_RANGE}",
            id="line break",
        ),
        pytest.param(
            "klines",
            {**KLINES, "startTime": "1.5"},
            -1100,
            "Illegal characters found in parameter 'startTime'; legal range is '^[0-9]{1,20}$'.",
            id="fraction",
        ),
        pytest.param(
            "exchangeInfo",
            {"symbols": "BTCUSDT"},
            -1100,
            f"Illegal characters found in parameter 'symbols'; {LIST_RANGE}",
            id="no list",
        ),
        pytest.param(
            "time",
            BTC,
            -1101,
            "Too many parameters; expected '0' and received '1'.",
            id="too many",
        ),
        pytest.param(
            "avgPrice",
            {"symbol": ["BTCUSDT", "BTCUSDT"]},
            -1101,
            "Duplicate values for a parameter detected.",
            id="twice",
        ),
        pytest.param(
            "exchangeInfo",
            {"symbols": "[" + ",".join(f'"S{number}"' for number in range(101)) + "]"},
            -1101,
            "Too many values sent for parameter 'symbols', maximum allowed up to 100.",
            id="101 symbols",
        ),
        pytest.param(
            "klines",
            BTC,
            -1102,
            "Mandatory parameter 'interval' was not sent, was empty/null, or malformed.",
            id="missing",
        ),
        pytest.param(
            "klines",
            {**KLINES, "fromId": 1},
            -1104,
            "Not all sent parameters were read; read '2' parameter(s) but was sent '3'.",
            id="unknown parameter",
        ),
        pytest.param(
            "avgPrice", {"symbol": ""}, -1105, "Parameter 'symbol' was empty.", id="empty"
        ),
        pytest.param("klines", {**BTC, "interval": "1"}, -1120, "Invalid interval.", id="interval"),
        pytest.param(
            "klines", {**KLINES, "symbol": "NOSUCH"}, -1121, "Invalid symbol.", id="symbol"
        ),
        pytest.param(
            "exchangeInfo",
            {"symbols": '["BTCUSDT","NOSUCH"]'},
            -1121,
            "Invalid symbol.",
            id="symbol in list",
        ),
        pytest.param(
            "aggTrades",
            {**BTC, "fromId": 1, "endTime": 1},
            -1128,
            "Combination of optional parameters invalid.",
            id="id and time",
        ),
        pytest.param(
            "exchangeInfo",
            {**BTC, "symbols": '["BTCUSDT"]'},
            -1128,
            "Combination of optional parameters invalid.",
            id="symbol and symbols",
        ),
        pytest.param(
            "klines",
            {**KLINES, "limit": 0},
            -1130,
            "Data sent for parameter 'limit' is not valid.",
            id="limit 0",
        ),
        pytest.param(
            "exchangeInfo",
            {"symbols": '["BTCUSDT","BTCUSDT"]'},
            -1151,
            "Symbol is present multiple times in the list.",
            id="symbol listed twice",
        ),
    ],
)
def test_refuses_in_the_exchanges_words(client, path, query, code, message):
    answer = client.get(path, **query)

    assert answer.status_code == 400
    assert answer.json() == {"code": code, "msg": message}


@pytest.mark.parametrize(
    ("path", "query", "weight"),
    [
        ("ping", {}, 1),
        ("time", {}, 1),
        ("exchangeInfo", {}, 20),
        ("klines", KLINES, 2),
        ("klines", {}, 2),
        ("avgPrice", BTC, 2),
        ("aggTrades", BTC, 4),
        ("trades", BTC, 25),
        ("historicalTrades", BTC, 25),
        ("uiKlines", KLINES, 2),
    ],
)
def test_every_answer_tells_the_weight_used(client, path, query, weight):
    """A refused request costs what an answered one does."""
    client.get("ping")

    headers = client.get(path, **query).headers

    assert headers["x-mbx-used-weight-1m"] == str(1 + weight)
    assert headers["x-mbx-used-weight"] == str(1 + weight)


@pytest.fixture
def small(client_of):
    return client_of(open_exchange(["XRPUSDT"], seed=1, weight_limit=4))


def test_the_request_over_the_limit_is_refused_until_the_minute_ends(small):
    """Two klines calls use the 4 allowed; at 30.5 s of the minute 29.5 s are left."""
    query = {"symbol": "XRPUSDT", "interval": "1m", "limit": 1}
    served = [small.get("klines", **query).status_code for _ in range(2)]

    refused = small.get("klines", **query)
    small.now_ms += 29_500
    served_again = small.get("klines", **query)

    assert served == [200, 200]
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "30"
    assert refused.headers["x-mbx-used-weight-1m"] == "6"
    assert refused.json() == {
        "code": -1003,
        "msg": "Too much request weight used; current limit is 4 request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
    }
    assert served_again.status_code == 200
    assert served_again.headers["x-mbx-used-weight-1m"] == "2"


def test_each_client_address_has_its_own_weight(small):
    for _ in range(5):
        small.get("ping")

    assert small.get("ping").status_code == 429
    assert small.get("ping", client="127.0.0.2").status_code == 200
