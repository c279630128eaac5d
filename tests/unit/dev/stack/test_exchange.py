import json

import httpx
import pytest

from dev.machine.errors import SetupError
from dev.stack.exchange import check_symbols, parse_symbols


@pytest.mark.parametrize(
    ("listed", "symbols"),
    [
        pytest.param("BTCUSDT", ("BTCUSDT",), id="one"),
        pytest.param(" ETHUSDT , BTCUSDT,", ("ETHUSDT", "BTCUSDT"), id="spaces and a last comma"),
        pytest.param("BTCUSDT,BTCUSDT", ("BTCUSDT",), id="twice"),
    ],
)
def test_reads_a_list_of_symbols(listed, symbols):
    assert parse_symbols(listed) == symbols


@pytest.mark.parametrize("listed", ["", " , "])
def test_refuses_an_empty_list(listed):
    with pytest.raises(SetupError, match="no symbol is named"):
        parse_symbols(listed)


def test_offers_upper_case():
    with pytest.raises(SetupError, match="--symbols BTCUSDT,ETHUSDT"):
        parse_symbols("btcusdt,ETHusdt")


@pytest.mark.parametrize(
    ("listed", "suggested"),
    [
        ("btc", "BTCUSDT"),
        ("btcusdt", "BTCUSDT"),
        ("ethbtc", "ETHBTC"),
        ("btc,eth", "BTCUSDT,ETHUSDT"),
    ],
)
def test_suggests_the_symbol_that_is_meant(listed, suggested):
    with pytest.raises(SetupError, match=f"--symbols {suggested}$"):
        parse_symbols(listed)


def simulator():
    """A simulator that lists two symbols."""

    def handle(request):
        if request.url.path == "/simulator.json":
            return httpx.Response(200, json={"symbols": {"BTCUSDT": "", "PEPEUSDT": ""}})
        return httpx.Response(400, text="{}")

    return httpx.Client(base_url="http://127.0.0.1:8900", transport=httpx.MockTransport(handle))


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        ("DOGEUSDT", "choose from BTCUSDT, PEPEUSDT with --symbols"),
        ("BTC", "write BTCUSDT, or choose from BTCUSDT, PEPEUSDT with --symbols"),
    ],
)
def test_names_the_symbols_that_a_simulator_lists(symbol, words):
    with pytest.raises(SetupError, match=f"does not list the symbol {symbol}; {words}$"):
        check_symbols(simulator(), [symbol])


def test_suggests_a_pair_for_what_the_exchange_does_not_list():
    _, client = exchange({"BTC"})

    with pytest.raises(SetupError, match="write BTCUSDT in --symbols"):
        check_symbols(client, ["BTC"])


def exchange(answer):
    """An exchange that gives one answer, or refuses lists that name one of some symbols."""
    requests = []

    def handle(request):
        requests.append(request)
        if isinstance(answer, httpx.HTTPError):
            raise answer
        if isinstance(answer, int):
            return httpx.Response(answer, text="{}")
        asked = json.loads(request.url.params["symbols"])
        return httpx.Response(400 if answer & {*asked} or len(asked) > 100 else 200, text="{}")

    client = httpx.Client(base_url="http://exchange", transport=httpx.MockTransport(handle))
    return requests, client


def test_asks_for_symbols_percent_encoded():
    """A name like A&B must not become another parameter."""
    requests, client = exchange(200)

    check_symbols(client, ["BTCUSDT", "A&B=/Ü"])

    (request,) = requests
    assert request.url.query.startswith(b"symbols=%5B%22BTCUSDT%22%2C%22A%26B%3D")
    assert json.loads(request.url.params["symbols"]) == ["BTCUSDT", "A&B=/Ü"]


def test_asks_for_a_hundred_symbols_at_a_time_and_halves_those_that_are_refused():
    names = [f"S{number}USDT" for number in range(300)]
    requests, client = exchange({*names[257:259]})

    with pytest.raises(SetupError, match="does not list the symbol S257USDT;"):
        check_symbols(client, names)

    assert len(requests) < 3 + 2 * 7


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(400, "does not list the symbol BTCUSDT", id="unknown"),
        pytest.param(451, "refuses to answer: HTTP 451.*--replay", id="banned from here"),
        pytest.param(httpx.ConnectError("no route"), "does not answer.*--replay", id="offline"),
    ],
)
def test_says_why_a_symbol_cannot_be_used(answer, message):
    _, client = exchange(answer)

    with pytest.raises(SetupError, match=message):
        check_symbols(client, ["BTCUSDT"])
