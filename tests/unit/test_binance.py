import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
import stamina

from include.marketdata.answers import RejectedRequestError, error_of, parse_json
from include.marketdata.batches import Interval
from include.marketdata.binance import (
    LONGEST_BODY_BYTES,
    BinanceClient,
    BinanceSettings,
    describe_source,
)
from include.marketdata.errors import (
    ExchangeBusyError,
    InvalidAnswerError,
    RetryableError,
    SettingsError,
)
from include.marketdata.windows import MINUTE, Window, to_ms
from tests.fakes.builders import NOON, kline

URL = "https://data-api.binance.vision"


@pytest.fixture(autouse=True)
def _no_waits():
    with stamina.set_testing(True, attempts=3):
        yield


def client(answer, url=URL):
    return BinanceClient(BinanceSettings(url), httpx.MockTransport(answer))


def json_answer(content, status=200, **headers):
    return lambda _request: httpx.Response(status, content=json.dumps(content), headers=headers)


def test_reads_the_exchanges_clock():
    with client(json_answer({"serverTime": 1616592268319})) as binance:
        assert binance.server_time() == datetime(2021, 3, 24, 13, 24, 28, 319000, tzinfo=UTC)


def test_asks_for_exactly_the_klines_that_open_in_the_span():
    """endTime is inclusive at Binance, so it is the last millisecond before the end."""
    asked = []

    def answer(request):
        asked.append(dict(request.url.params))
        return httpx.Response(200, json=[kline(NOON)])

    with client(answer) as binance:
        rows = binance.klines("BTCUSDT", Interval.SECOND, Window(NOON, NOON + MINUTE))

    assert rows == [kline(NOON)]
    assert asked == [
        {
            "symbol": "BTCUSDT",
            "interval": "1s",
            "startTime": str(to_ms(NOON)),
            "endTime": str(to_ms(NOON) + 59_999),
            "limit": "1000",
        }
    ]


def test_pages_until_a_page_is_not_full():
    """20 minutes are 1,200 seconds: one page of 1,000 and one of 200."""
    starts = []

    def answer(request):
        start_ms = int(request.url.params["startTime"])
        starts.append(start_ms)
        seconds = [NOON + timedelta(seconds=index) for index in range(1200)]
        rows = [kline(second) for second in seconds if to_ms(second) >= start_ms]
        return httpx.Response(200, json=rows[:1000])

    with client(answer) as binance:
        rows = binance.klines("BTCUSDT", Interval.SECOND, Window(NOON, NOON + 20 * MINUTE))

    assert [row[0] for row in rows] == [to_ms(NOON) + 1000 * index for index in range(1200)]
    assert starts == [to_ms(NOON), to_ms(NOON) + 1_000_000]


def test_asks_again_after_a_passing_failure():
    answers = iter([httpx.Response(503), httpx.Response(200, json={"serverTime": 0})])

    with client(lambda _: next(answers)) as binance:
        assert binance.server_time() == datetime(1970, 1, 1, tzinfo=UTC)


def test_gives_up_with_the_address_when_nobody_answers():
    def answer(_request):
        raise httpx.ConnectError("refused")

    with client(answer) as binance, pytest.raises(RetryableError, match="binance_default"):
        binance.server_time()


def test_never_asks_again_during_a_ban():
    asked = []

    def answer(request):
        asked.append(request)
        return httpx.Response(418, headers={"retry-after": "120"}, json={"code": -1003, "msg": "x"})

    with client(answer) as binance, pytest.raises(ExchangeBusyError) as caught:
        binance.server_time()

    assert caught.value.wait_seconds == 120
    assert len(asked) == 1


def test_does_not_sit_out_a_pause_that_is_longer_than_its_patience():
    """The task would be killed while it sleeps, and its retry would come before the pause ends."""
    asked = []

    def answer(request):
        asked.append(request)
        return httpx.Response(429, headers={"retry-after": "60"}, json={"code": -1003, "msg": "x"})

    with client(answer) as binance, pytest.raises(ExchangeBusyError):
        binance.server_time()

    assert len(asked) == 1


def test_knows_the_weight_used_from_every_answer_errors_too():
    with (
        client(
            json_answer({"code": -1102, "msg": "x"}, 400, **{"x-mbx-used-weight-1m": "42"})
        ) as c,
        pytest.raises(RejectedRequestError),
    ):
        c.server_time()

    assert c.used_weight == 42


def test_leaves_out_a_symbol_that_the_exchange_does_not_list():
    """Asked for two, it refuses both; asked one by one, it refuses only the unknown."""

    def answer(request):
        symbols = json.loads(request.url.params["symbols"])
        if "NOSUCH" in symbols:
            return httpx.Response(400, json={"code": -1121, "msg": "Invalid symbol."})
        return httpx.Response(
            200,
            json={
                "serverTime": to_ms(NOON),
                "symbols": [
                    {
                        "symbol": "BTCUSDT",
                        "status": "TRADING",
                        "baseAsset": "BTC",
                        "quoteAsset": "USDT",
                        "filters": [
                            {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
                            {"filterType": "LOT_SIZE", "stepSize": "0.00001000"},
                        ],
                    }
                ],
            },
        )

    with client(answer) as binance:
        infos = binance.symbol_infos(["BTCUSDT", "NOSUCH"])

    assert list(infos) == ["BTCUSDT"]
    assert infos["BTCUSDT"].tick_size == Decimal("0.01")


@pytest.mark.parametrize(
    "url",
    [
        "http://data-api.binance.vision",
        "https://data-api.binance.vision.evil.example",
        "https://user:word@api.binance.com",
        "https://api.binance.com/elsewhere",
        "file:///etc/passwd",
        "",
    ],
    ids=["not https", "other host", "credentials", "path", "no host", "empty"],
)
def test_refuses_to_talk_to(url):
    with pytest.raises(SettingsError, match="binance_default"):
        client(json_answer({}), url)


def test_says_whether_prices_are_live():
    assert describe_source(URL) == f"Binance spot, from {URL}"
    assert "not live" in describe_source("http://127.0.0.1:8900")


def test_does_not_follow_a_redirect():
    with (
        client(lambda _: httpx.Response(302, headers={"location": "https://evil.example/"})) as c,
        pytest.raises(InvalidAnswerError, match="302"),
    ):
        c.server_time()


def test_stops_reading_a_body_that_does_not_end():
    def endless():
        while True:
            yield b" " * 65_536

    with (
        client(lambda _: httpx.Response(200, content=endless())) as binance,
        pytest.raises(InvalidAnswerError, match=str(LONGEST_BODY_BYTES)),
    ):
        binance.server_time()


@pytest.mark.parametrize(
    "page",
    [
        {},
        [[1, "2"]],
        [["1577977860000", *kline(NOON)[1:]]],
        [[*kline(NOON)[:11], []]],
        [1],
        [[*kline(NOON)[:11], 0.5]],
    ],
    ids=["no list", "too short", "time as text", "nested", "no rows", "number for a text"],
)
def test_refuses_klines_of_another_shape(page):
    with client(json_answer(page)) as binance, pytest.raises(InvalidAnswerError, match="twelve"):
        binance.klines("BTCUSDT", Interval.SECOND, Window(NOON, NOON + MINUTE))


@pytest.mark.parametrize("body", [b"<html>", b"", b"[NaN]", b"[Infinity]", b'{"a":'])
def test_refuses_what_is_no_json(body):
    with pytest.raises(InvalidAnswerError):
        parse_json(body)


def test_never_makes_a_float_of_a_number():
    assert parse_json(b"[0.1]") == [Decimal("0.1")]


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (429, b'{"code":-1003,"msg":"Too much request weight used"}', ExchangeBusyError),
        (418, b'{"code":-1003,"msg":"Way too much request weight used"}', ExchangeBusyError),
        (403, b"<html>ERROR: The request could not be satisfied</html>", SettingsError),
        (451, b'{"code":0,"msg":"Service unavailable from a restricted location"}', SettingsError),
        (500, b"", RetryableError),
        (503, b"<html>", RetryableError),
        (400, b'{"code":-1001,"msg":"Internal error"}', RetryableError),
        (400, b'{"code":-1008,"msg":"Server is currently overloaded"}', RetryableError),
        (400, b'{"code":-1121,"msg":"Invalid symbol."}', RejectedRequestError),
        (404, b"<html>404 Not found</html>", InvalidAnswerError),
    ],
)
def test_tells_what_an_answer_means(status, body, expected):
    assert type(error_of(status, {}, body)) is expected


def test_waits_a_minute_when_the_pause_has_no_length():
    error = error_of(429, {"retry-after": "soon"}, b"")

    assert isinstance(error, ExchangeBusyError)
    assert error.wait_seconds == 60
