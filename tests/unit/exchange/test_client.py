import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import httpx
import pytest
import stamina

from include.exchange import transport
from include.exchange.client import BinanceClient
from include.exchange.replies import RejectedRequestError, error_of, parse_json
from include.exchange.request_budget import RequestBudget
from include.exchange.transport import LONGEST_BODY_BYTES, BinanceSettings
from include.records.errors import (
    ExchangeBusyError,
    HostRefusedError,
    InvalidAnswerError,
    RetryableError,
    SettingsError,
)
from include.records.klines import Interval
from include.records.request_weight import Block
from include.records.windows import MINUTE, Window, to_ms
from tests.fakes.builders import NOON, kline
from tests.fakes.memory_budget import MemoryBudgetTable

URL = "https://data-api.binance.vision"


@pytest.fixture(autouse=True)
def _no_waits():
    with stamina.set_testing(True, attempts=3):
        yield


def streamed(answer):
    """Answers come from a network unread; those made of a text are read already."""

    def respond(request):
        made = answer(request)
        if not made.is_stream_consumed:
            return made
        body = httpx.ByteStream(made.content)
        return httpx.Response(made.status_code, headers=made.headers, stream=body)

    return respond


def client(answer, *urls, table=None, clock=lambda: NOON):
    settings = BinanceSettings(urls or (URL,))
    budget = RequestBudget(table or MemoryBudgetTable(6000), settings.ceiling_ratio)
    return BinanceClient(settings, budget, clock, httpx.MockTransport(streamed(answer)))


class Clock:
    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now


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
        return httpx.Response(200, json=minute)

    minute = [kline(NOON + timedelta(seconds=index)) for index in range(60)]
    with client(answer) as binance:
        rows = binance.klines("BTCUSDT", Interval.SECOND, Window(NOON, NOON + MINUTE))

    assert rows == minute
    assert asked == [
        {
            "symbol": "BTCUSDT",
            "interval": "1s",
            "startTime": str(to_ms(NOON)),
            "endTime": str(to_ms(NOON) + 59_999),
            "limit": "1000",
        }
    ]


def test_pages_until_the_end_of_the_span():
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


@pytest.mark.parametrize(
    ("had", "requests"),
    [(360, 1), (355, 1), (301, 1), (300, 1), (299, 2), (100, 5), (0, 1)],
)
def test_lets_the_end_of_the_span_be_missing_where_it_is_asked_for_again(had, requests):
    """Six minutes, of which the exchange has the first rows; of few, thirty a page."""
    starts = []

    def answer(request):
        starts.append(int(request.url.params["startTime"]))
        place = (starts[-1] - to_ms(NOON)) // 1000
        most = 30 if had == 100 else 1000
        seconds = [NOON + timedelta(seconds=index) for index in range(place, had)]
        return httpx.Response(200, json=[kline(second) for second in seconds[:most]])

    with client(answer) as binance:
        rows = binance.klines(
            "BTCUSDT", Interval.SECOND, Window(NOON, NOON + 6 * MINUTE), open_end=MINUTE
        )

    assert len(rows) == had
    assert len(starts) == requests


def test_a_full_page_is_no_end_that_is_missing():
    """17 minutes are 1,020 seconds: the last twenty are on the second page."""
    starts = []

    def answer(request):
        starts.append(int(request.url.params["startTime"]))
        place = (starts[-1] - to_ms(NOON)) // 1000
        seconds = [NOON + timedelta(seconds=index) for index in range(place, 1020)]
        return httpx.Response(200, json=[kline(second) for second in seconds[:1000]])

    with client(answer) as binance:
        rows = binance.klines(
            "BTCUSDT", Interval.SECOND, Window(NOON, NOON + 17 * MINUTE), open_end=MINUTE
        )

    assert len(rows) == 1020
    assert len(starts) == 2


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


def test_says_what_the_attempt_before_met_when_the_last_one_was_cut_off(monkeypatch):
    """The end of the patience makes a timeout of any fault."""
    seconds = [0.0]
    monkeypatch.setattr(
        transport,
        "time",
        SimpleNamespace(monotonic=lambda: seconds[0], sleep=lambda _seconds: None),
    )
    faults = [httpx.RemoteProtocolError("peer closed connection"), httpx.ReadTimeout("timed out")]

    def answer(_request):
        fault = faults.pop(0)
        if isinstance(fault, httpx.TimeoutException):
            seconds[0] += BinanceSettings.patience_seconds
        raise fault

    words = "ReadTimeout: timed out.*the attempt before it: .*RemoteProtocolError"
    with client(answer) as binance, pytest.raises(RetryableError, match=words):
        binance.server_time()


def test_has_its_whole_patience_left_when_its_turn_comes(monkeypatch):
    """It is the last of four hundred, ten seconds behind the first; the exchange takes five."""
    clock = Clock()
    time = SimpleNamespace(
        monotonic=lambda: clock().timestamp(),
        sleep=lambda seconds: setattr(clock, "now", clock.now + timedelta(seconds=seconds)),
    )
    monkeypatch.setattr(transport, "time", time)

    def answer(_request):
        time.sleep(5)
        return json_answer({"serverTime": to_ms(NOON)})(_request)

    table = MemoryBudgetTable(6000)
    RequestBudget(table, 0.5).reserve_several(2, 399, NOON)
    with client(answer, table=table, clock=clock) as binance:
        binance.transport.reserve(2, 0)
        binance.transport.restart_patience()
        assert binance.server_time() == NOON

    assert clock.now == NOON + timedelta(seconds=399 * 0.025 + 5)


def test_knows_the_weight_used_from_every_answer_errors_too():
    with (
        client(
            json_answer({"code": -1102, "msg": "x"}, 400, **{"x-mbx-used-weight-1m": "42"})
        ) as c,
        pytest.raises(RejectedRequestError),
    ):
        c.server_time()

    assert c.transport.used_weight == 42


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


def test_asks_for_a_hundred_symbols_at_a_time_and_halves_those_that_are_refused():
    """One of 250 is unknown: it costs 14 requests with its hundred, the others one each."""
    names, asked = [f"S{number}USDT" for number in range(250)], []

    def answer(request):
        listed = json.loads(request.url.params["symbols"])
        asked.append(listed)
        if len(listed) > 100:
            return httpx.Response(400, json={"code": -1101, "msg": "Too many values sent."})
        if names[130] in listed:
            return httpx.Response(400, json={"code": -1121, "msg": "Invalid symbol."})
        entries = [{"symbol": name} for name in listed]
        return httpx.Response(200, json={"serverTime": to_ms(NOON), "symbols": entries})

    with client(answer) as binance:
        infos = binance.symbol_infos(names)

    assert infos.keys() == {*names} - {names[130]}
    assert len(asked) <= 2 + 15


@pytest.mark.parametrize("status", [403, 451])
def test_asks_the_next_host_when_one_refuses_and_leaves_that_one_alone(status):
    """The next piece of work, of any worker, does not try the first host again."""
    asked, table = [], MemoryBudgetTable(6000)

    def answer(request):
        asked.append(request.url.host)
        if request.url.host == "data-api.binance.vision":
            return httpx.Response(status, text="<html>Request blocked.</html>")
        return httpx.Response(200, json={"serverTime": 0})

    for _ in range(2):
        with client(answer, URL, "https://api.binance.com", table=table) as binance:
            binance.server_time()

    assert asked == ["data-api.binance.vision", "api.binance.com", "api.binance.com"]


def test_says_what_each_host_said_when_all_refuse():
    refused = json_answer({"code": 0, "msg": "restricted\nlocation"}, 451)

    with (
        client(refused, URL, "https://api.binance.com") as binance,
        pytest.raises(SettingsError) as caught,
    ):
        binance.server_time()

    assert "data-api.binance.vision until 2026-03-01 12:02Z" in str(caught.value)
    assert "api.binance.com until" in str(caught.value)
    assert r"restricted\nlocation" in str(caught.value)
    assert "binance_default" in str(caught.value)


def test_sends_nothing_while_another_worker_was_told_to_pause():
    asked, table = [], MemoryBudgetTable(6000)
    table.add_block(Block("*", 418, NOON + 2 * MINUTE, "HTTP 418"))

    with (
        client(asked.append, table=table) as binance,
        pytest.raises(ExchangeBusyError, match="2026-03-01 12:02:00Z") as caught,
    ):
        binance.server_time()

    assert asked == []
    assert caught.value.wait_seconds == 120


def test_notes_a_ban_for_all_workers_until_it_is_over():
    """Retry-After is whole seconds, so the last fraction is waited for, too."""
    table = MemoryBudgetTable(6000)
    banned = json_answer({"code": -1003, "msg": "IP banned"}, 418, **{"retry-after": "120"})

    with client(banned, table=table) as binance, pytest.raises(ExchangeBusyError):
        binance.server_time()

    (block,) = table.blocks()
    assert (block.host, block.status) == ("*", 418)
    assert block.until == NOON + timedelta(seconds=121)


@pytest.mark.parametrize(
    ("second", "taken_weight"), [(30, 42), (0, 1)], ids=["in the minute", "at its turn"]
)
def test_takes_over_the_exchanges_count_but_not_that_of_the_minute_before(second, taken_weight):
    table, now = MemoryBudgetTable(6000), NOON + timedelta(seconds=second)
    answer = json_answer({"serverTime": 0}, **{"x-mbx-used-weight-1m": "42"})

    with client(answer, table=table, clock=lambda: now) as binance:
        binance.server_time()

    assert binance.transport.used_weight == 42
    assert table.use(NOON).taken_weight == taken_weight


def test_keeps_to_a_ban_whose_words_are_damaged():
    """The body is no gzip, though it says so: the status and Retry-After hold all the same."""
    table = MemoryBudgetTable(6000)
    headers = {"retry-after": "120", "content-encoding": "gzip"}

    def answer(_request):
        return httpx.Response(418, headers=headers, stream=httpx.ByteStream(b"no gzip"))

    with client(answer, table=table) as binance, pytest.raises(ExchangeBusyError):
        binance.server_time()

    assert [block.status for block in table.blocks()] == [418]


class CountingTable(MemoryBudgetTable):
    """Counts the reservations that workers compete for."""

    taken = ()

    def swap_use(self, old, new):
        weight = new.taken_weight - (old.taken_weight if old else 0)
        self.taken += (weight,) if weight else ()
        return super().swap_use(old, new)


def two_pages_and_an_average(binance):
    for interval in Interval:
        binance.klines("BTCUSDT", interval, Window(NOON, NOON + MINUTE))
    binance.five_minute_price("BTCUSDT", NOON)


def no_rows(request):
    if request.url.path == "/api/v3/klines":
        return httpx.Response(200, json=[])
    return httpx.Response(200, json={"mins": 5, "price": "1.0", "closeTime": to_ms(NOON)})


@pytest.mark.parametrize(
    ("weight", "taken"), [(6, (6,)), (4, (4, 2)), (2, (2, 2, 2))], ids=["all", "two", "one"]
)
def test_reserves_the_weight_of_several_requests_at_once(weight, taken):
    """And of each alone what is beyond it."""
    table = CountingTable(6000)

    with client(no_rows, table=table) as binance:
        binance.transport.reserve(weight, 0)
        two_pages_and_an_average(binance)

    assert table.taken == taken
    assert table.use(NOON).taken_weight == 6


def test_reserves_anew_when_the_minute_of_a_reservation_is_over():
    clock, table = Clock(), CountingTable(6000)

    with client(no_rows, table=table, clock=clock) as binance:
        binance.transport.reserve(6, 0)
        clock.now += MINUTE
        two_pages_and_an_average(binance)

    assert table.taken == (6, 2, 2, 2)


def test_reserves_as_it_sends_where_a_minute_has_no_room_for_all():
    """A limit of 11 leaves 5: two requests."""
    table = CountingTable(11)

    with client(no_rows, table=table) as binance:
        binance.transport.reserve(6, 0)
        with pytest.raises(ExchangeBusyError, match="spent: 5"):
            two_pages_and_an_average(binance)

    assert table.taken == (2, 2)


@pytest.fixture
def sleeping_clock(monkeypatch):
    """A clock that stands still but for our sleep."""
    clock = Clock()

    def sleep(seconds):
        clock.now += timedelta(seconds=seconds)

    monkeypatch.setattr("include.exchange.transport.time.sleep", sleep)
    return clock


def test_reserves_anew_when_the_minute_ends_while_another_worker_is_waited_for(sleeping_clock):
    """It went first at 12:00:59.5 and died: in the next minute we do."""
    clock, table = sleeping_clock, CountingTable(6000)
    RequestBudget(table, 0.5).reserve(2, NOON + timedelta(seconds=59.5))
    clock.now += timedelta(seconds=59.6)

    with client(no_rows, table=table, clock=clock) as binance:
        binance.transport.reserve(6, 0)
        binance.klines("BTCUSDT", Interval.SECOND, Window(NOON, NOON + MINUTE))

    assert table.taken == (2, 6, 2)
    assert NOON + MINUTE <= binance.transport.sent_at < NOON + MINUTE + timedelta(seconds=0.1)


def test_leaves_in_its_place_once_the_first_request_is_answered(sleeping_clock):
    """Third of three: 50 ms after the answer, which it learns of by asking every 25 ms."""
    clock, table = sleeping_clock, CountingTable(6000)
    other = RequestBudget(table, 0.5)
    other.reserve(2, NOON)
    other.reserve(2, NOON)
    answered_at = NOON + timedelta(seconds=1)

    def clock_of_two():
        if clock.now >= answered_at:
            other.settle(answered_at, used_weight=0, is_answered=True)
        return clock.now

    with client(no_rows, table=table, clock=clock_of_two) as binance:
        binance.transport.reserve(6, 0)
        binance.klines("BTCUSDT", Interval.SECOND, Window(NOON, NOON + MINUTE))

    assert binance.transport.sent_at == answered_at + timedelta(milliseconds=50)


def test_goes_first_at_once_when_the_first_worker_died(sleeping_clock):
    """Three seconds after that one may have left, whatever our own place."""
    clock, table = sleeping_clock, CountingTable(6000)
    for _ in range(9):
        RequestBudget(table, 0.5).reserve(2, NOON)

    with client(no_rows, table=table, clock=clock) as binance:
        binance.transport.reserve(6, 0)
        binance.klines("BTCUSDT", Interval.SECOND, Window(NOON, NOON + MINUTE))

    assert binance.transport.sent_at == NOON + timedelta(seconds=3)


def test_a_retry_goes_first_again_only_as_the_budget_lets_it(sleeping_clock):
    """Others are held back by it as they were by the request that failed."""
    first_out, table = [], CountingTable(6000)

    def answer(request):
        first_out.append(table.use(NOON).is_first_out)
        if len(first_out) == 1:
            raise httpx.ConnectError("no route")
        return no_rows(request)

    with client(answer, table=table, clock=sleeping_clock) as binance:
        binance.transport.reserve(6, 0)
        binance.klines("BTCUSDT", Interval.SECOND, Window(NOON, NOON + MINUTE))

    assert first_out == [True, True]
    assert table.taken == (6,)


@pytest.mark.slow
def test_learns_the_limit_from_exchange_info_and_stops_at_half_of_it():
    """A limit of 84 leaves 42: exchangeInfo takes 20, eleven pages of klines 22, no more."""
    table = MemoryBudgetTable()

    def answer(request):
        if request.url.path == "/api/v3/klines":
            return httpx.Response(200, json=[])
        limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
        return httpx.Response(
            200, json={"serverTime": 0, "symbols": [], "rateLimits": [limit | {"limit": 84}]}
        )

    with client(answer, table=table) as binance:
        binance.symbol_infos(["BTCUSDT"])
        for _ in range(11):
            binance.klines("BTCUSDT", Interval.SECOND, Window(NOON, NOON + MINUTE))
        with pytest.raises(ExchangeBusyError, match="this minute's request weight is spent: 42"):
            binance.klines("BTCUSDT", Interval.SECOND, Window(NOON, NOON + MINUTE))

    assert table.use(NOON).taken_weight == 42


def test_takes_the_middle_of_question_and_answer_for_the_exchanges_moment():
    """Asked at 0 ms, answered at 200 ms with 12:00:01.100, so 1 s ahead; the second the same."""
    clock = Clock()

    def answer(_request):
        clock.now += timedelta(milliseconds=200)
        middle = clock.now - timedelta(milliseconds=100)
        return httpx.Response(200, json={"serverTime": to_ms(middle + timedelta(seconds=1))})

    with client(answer, clock=clock) as binance:
        assert binance.clock_offset() == timedelta(seconds=1)


def test_reads_the_clock_from_the_attempt_that_was_answered():
    """Four seconds went into an attempt that failed; halved they would be two seconds of error."""
    clock, failures = Clock(), [httpx.Response(503)]

    def answer(_request):
        if failures:
            clock.now += timedelta(seconds=4)
            return failures.pop()
        return httpx.Response(200, json={"serverTime": to_ms(clock.now)})

    with client(answer, clock=clock) as binance:
        assert binance.clock_offset() == timedelta(0)


def test_refuses_a_clock_that_jumps():
    clock = Clock()
    skews = iter([timedelta(0), timedelta(seconds=2)])

    def answer(_request):
        return httpx.Response(200, json={"serverTime": to_ms(clock.now + next(skews))})

    with client(answer, clock=clock) as binance, pytest.raises(RetryableError, match="NTP"):
        binance.clock_offset()


@pytest.mark.parametrize(
    ("url", "source"),
    [(URL, "LIVE data-api.binance.vision"), ("http://127.0.0.1:8900", "REPLAY of 2020-01-01")],
    ids=["the exchange", "a simulator"],
)
def test_knows_where_the_last_answer_comes_from(url, source):
    said = {"x-simulator-source": "REPLAY of 2020-01-01"}

    with client(json_answer({"serverTime": to_ms(NOON)}, **said), url) as binance:
        assert binance.transport.source is None
        binance.server_time()

        assert binance.transport.source == source


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
        (403, b"<html>ERROR: The request could not be satisfied</html>", HostRefusedError),
        (451, b'{"code":0,"msg":"Service unavailable"}', HostRefusedError),
        (500, b"", RetryableError),
        (503, b"<html>", RetryableError),
        (400, b'{"code":-1001,"msg":"Internal error"}', RetryableError),
        (400, b'{"code":-1008,"msg":"Server is currently overloaded"}', RetryableError),
        (400, b'{"code":-1121,"msg":"Invalid symbol."}', RejectedRequestError),
        (404, b"<html>404 Not found</html>", InvalidAnswerError),
    ],
)
def test_tells_what_an_answer_means(status, body, expected):
    assert type(error_of(status, {}, body, NOON)) is expected


def test_waits_a_minute_when_the_pause_has_no_length():
    error = error_of(429, {"retry-after": "soon"}, b"", NOON)

    assert isinstance(error, ExchangeBusyError)
    assert error.wait_seconds == 60


def five_minute_answer(**changes):
    answer = {"mins": 5, "price": "100.12345678", "closeTime": to_ms(NOON) + 59_000}
    return lambda _request: httpx.Response(200, json=answer | changes)


def test_reads_the_average_of_five_minutes():
    with client(five_minute_answer()) as exchange:
        assert exchange.five_minute_price("BTCUSDT", NOON) == Decimal("100.12345678")


def test_has_no_average_of_five_minutes_in_which_nothing_traded():
    """The exchange repeats the last price before them; its time says so."""
    with client(five_minute_answer(closeTime=to_ms(NOON - 4 * MINUTE) - 1)) as exchange:
        assert exchange.five_minute_price("BTCUSDT", NOON) is None


@pytest.mark.parametrize(
    "changes",
    [{"mins": 10}, {"price": 100.5}, {"price": "much"}, {"price": "NaN"}, {"price": "0"}],
    ids=["of ten minutes", "a binary float", "no number", "not a number", "nothing"],
)
def test_refuses_an_average_that_is_not_as_documented(changes):
    with client(five_minute_answer(**changes)) as exchange, pytest.raises(InvalidAnswerError):
        exchange.five_minute_price("BTCUSDT", NOON)
