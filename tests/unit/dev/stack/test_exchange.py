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


def exchange(answer):
    requests = []

    def handle(request):
        requests.append(request)
        if isinstance(answer, httpx.HTTPError):
            raise answer
        return httpx.Response(answer, text="{}")

    client = httpx.Client(base_url="http://exchange", transport=httpx.MockTransport(handle))
    return requests, client


def test_asks_for_each_symbol_percent_encoded():
    """A name like A&B must not become another parameter."""
    requests, client = exchange(200)

    check_symbols(client, ["BTCUSDT", "A&B=/Ü"])

    assert [request.url.query for request in requests] == [
        b"symbol=BTCUSDT",
        b"symbol=A%26B%3D%2F%C3%9C",
    ]


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
