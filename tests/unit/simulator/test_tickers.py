from __future__ import annotations

from decimal import Decimal

import pytest

# The fixtures' clock stands 30.5 s into this minute; listed are BTCUSDT, SOLUSDT and XRPUSDT.
MINUTE_MS = 1_699_999_980_000
NOW_MS = MINUTE_MS + 30_500
M, DAY = 60_000, 86_400_000
BTC = {"symbol": "BTCUSDT"}
TWO = {"symbols": '["XRPUSDT","BTCUSDT"]'}
PATHS = ["ticker/price", "ticker/bookTicker", "ticker/24hr", "ticker"]
SHORT = {
    *("symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume"),
    *("openTime", "closeTime", "firstId", "lastId", "count"),
}
ROLLING = SHORT | {"priceChange", "priceChangePercent", "weightedAvgPrice"}
BOOK = {"bidPrice", "bidQty", "askPrice", "askQty"}


@pytest.mark.parametrize("path", PATHS)
def test_one_symbol_gives_an_object_and_a_list_gives_a_list_in_its_order(client, path):
    one = client.get(path, **BTC).json()
    two = client.get(path, **TWO).json()

    assert two[1] == one
    assert [ticker["symbol"] for ticker in two] == ["XRPUSDT", "BTCUSDT"]


@pytest.mark.parametrize("path", PATHS[:3])
def test_naming_no_symbol_gives_all(client, path):
    symbols = [ticker["symbol"] for ticker in client.get(path).json()]

    assert symbols == ["BTCUSDT", "SOLUSDT", "XRPUSDT"]


@pytest.mark.parametrize("symbol", ["BTCUSDT", "XRPUSDT"])
def test_the_book_stands_a_tick_apart_about_the_last_trade(client, symbol):
    """The last trade's maker still stands: the buyer at the bid, or the seller at the ask."""
    [last] = client.get("trades", symbol=symbol, limit=1).json()
    tick = Decimal("0.01") if symbol == "BTCUSDT" else Decimal("0.0001")

    book = client.get("ticker/bookTicker", symbol=symbol).json()

    assert client.get("ticker/price", symbol=symbol).json()["price"] == last["price"]
    assert Decimal(book["askPrice"]) - Decimal(book["bidPrice"]) == tick
    assert book["bidPrice" if last["isBuyerMaker"] else "askPrice"] == last["price"]


@pytest.mark.parametrize("symbol", ["BTCUSDT", "XRPUSDT"])
def test_the_rolling_ticker_is_the_sum_of_its_minutes(client, symbol):
    """Two minutes before 22:13:30.5 start at 22:11."""
    rows = client.get("klines", symbol=symbol, interval="1m", startTime=MINUTE_MS - 2 * M).json()

    ticker = client.get("ticker", symbol=symbol, windowSize="2m").json()

    volume, value = (sum(Decimal(row[column]) for row in rows) for column in (5, 7))
    change = Decimal(rows[-1][4]) - Decimal(rows[0][1])
    assert set(ticker) == ROLLING
    assert (ticker["openTime"], ticker["closeTime"]) == (MINUTE_MS - 2 * M, NOW_MS)
    assert (ticker["openPrice"], ticker["lastPrice"]) == (rows[0][1], rows[-1][4])
    assert (Decimal(ticker["volume"]), Decimal(ticker["quoteVolume"])) == (volume, value)
    assert ticker["count"] == sum(row[8] for row in rows)
    assert ticker["priceChange"] == f"{change:.8f}"
    assert ticker["priceChangePercent"] == f"{change / Decimal(rows[0][1]) * 100:.3f}"
    assert ticker["weightedAvgPrice"] == str(round(value / volume, 8))


def test_the_ids_of_a_ticker_are_those_of_its_trades(client):
    ticker = client.get("ticker/24hr", **BTC).json()
    page = {**BTC, "limit": 1}

    [first] = client.get("historicalTrades", fromId=ticker["firstId"], **page).json()
    [before] = client.get("historicalTrades", fromId=ticker["firstId"] - 1, **page).json()
    [last] = client.get("trades", **page).json()

    assert (ticker["openTime"], ticker["closeTime"]) == (NOW_MS - DAY, NOW_MS)
    assert before["time"] < ticker["openTime"] <= first["time"]
    assert (ticker["openPrice"], ticker["prevClosePrice"]) == (first["price"], before["price"])
    assert (ticker["lastId"], ticker["lastQty"]) == (last["id"], last["qty"])
    assert ticker["lastId"] - ticker["firstId"] + 1 == ticker["count"]


def test_the_day_ticker_has_the_book_and_the_short_forms_have_less(client):
    full = client.get("ticker/24hr", **BTC).json()

    assert set(full) == ROLLING | BOOK | {"prevClosePrice", "lastQty"}
    assert set(client.get("ticker/24hr", type="MINI", **BTC).json()) == SHORT
    assert set(client.get("ticker", type="MINI", windowSize="1h", **BTC).json()) == SHORT


@pytest.mark.parametrize("path", ["ticker/24hr", "ticker"])
def test_times_are_in_the_unit_asked_for(client, path):
    ticker = client.get(path, **BTC).json()
    times = {name: ticker[name] * 1000 for name in ("openTime", "closeTime")}

    assert client.get(path, time_unit="MICROSECOND", **BTC).json() == ticker | times


@pytest.mark.parametrize("size", ["1m", "59m", "1h", "23h", "1d", "7d"])
def test_a_window_ends_now_and_opens_on_a_whole_minute(client, size):
    length = int(size[:-1]) * {"m": M, "h": 60 * M, "d": DAY}[size[-1]]

    ticker = client.get("ticker", windowSize=size, **BTC).json()

    assert ticker["openTime"] == MINUTE_MS - length


@pytest.mark.parametrize("path", PATHS)
def test_a_status_that_no_symbol_has_is_refused_for_one_and_empty_for_many(client, path):
    one = client.get(path, symbolStatus="HALT", **BTC)

    assert (one.status_code, one.json()["code"]) == (400, -1220)
    assert client.get(path, symbolStatus="BREAK", **TWO).json() == []
    assert len(client.get(path, symbolStatus="TRADING", **TWO).json()) == 2


def test_exchange_info_filters_by_status_and_permission(client):
    def count(**query):
        return len(client.get("exchangeInfo", **query).json()["symbols"])

    assert count(symbolStatus="TRADING") == count(permissions="SPOT") == 3
    assert count(permissions='["LEVERAGED","MARGIN"]') == 3
    assert count(symbolStatus="HALT") == count(permissions="LEVERAGED") == 0


@pytest.mark.parametrize(
    ("path", "query", "code", "message"),
    [
        ("ticker/price", {"symbol": "NOSUCH"}, -1121, "Invalid symbol."),
        ("ticker/price", {"symbolStatus": "OPEN"}, -1122, "Invalid symbolStatus."),
        (
            "ticker/24hr",
            BTC | TWO,
            -1128,
            "Combination of optional parameters invalid.",
        ),
        ("ticker/24hr", BTC | {"type": "full"}, -1139, "Invalid ticker type."),
        (
            "ticker/bookTicker",
            {"symbols": '["BTCUSDT","BTCUSDT"]'},
            -1151,
            "Symbol is present multiple times in the list.",
        ),
        (
            "ticker",
            {},
            -1102,
            "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
        ),
        *(
            (
                "ticker",
                BTC | {"windowSize": size},
                -1130,
                "Data sent for parameter 'windowSize' is not valid.",
            )
            for size in ("60m", "24h", "8d", "0m", "1w")
        ),
        (
            "exchangeInfo",
            BTC | {"permissions": "SPOT"},
            -1128,
            "Combination of optional parameters invalid.",
        ),
        (
            "exchangeInfo",
            TWO | {"symbolStatus": "TRADING"},
            -1128,
            "Combination of optional parameters invalid.",
        ),
        (
            "exchangeInfo",
            {"permissions": "SPOTTY"},
            -1130,
            "Data sent for parameter 'permissions' is not valid.",
        ),
    ],
)
def test_refuses_in_the_exchanges_words(client, path, query, code, message):
    answer = client.get(path, **query)

    assert answer.status_code == 400
    assert answer.json() == {"code": code, "msg": message}


def listed(count: int) -> dict[str, str]:
    return {"symbols": "[" + ",".join(f'"S{number}"' for number in range(count)) + "]"}


@pytest.mark.parametrize(
    ("path", "query", "weight"),
    [
        ("ticker/price", BTC, 2),
        ("ticker/price", TWO, 4),
        ("ticker/bookTicker", {}, 4),
        ("ticker/24hr", BTC, 2),
        ("ticker/24hr", listed(20), 2),
        ("ticker/24hr", listed(21), 40),
        ("ticker/24hr", listed(101), 80),
        ("ticker/24hr", {}, 80),
        ("ticker", BTC, 4),
        ("ticker", TWO, 8),
        ("ticker", listed(60), 200),
    ],
)
def test_a_list_of_symbols_costs_more(client, path, query, weight):
    """A refused list costs as much."""
    assert client.get(path, **query).headers["x-mbx-used-weight-1m"] == str(weight)
