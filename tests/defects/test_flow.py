"""Defects that show only on the way from the exchange to the published minute."""

import gzip
import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
import stamina

from include.exchange.archive_client import ArchiveClient, ArchiveSettings
from include.exchange.archive_files import ArchiveFile, read_klines
from include.exchange.client import BinanceClient
from include.exchange.request_budget import RequestBudget
from include.exchange.transport import BinanceSettings
from include.gx.batches import check_batch
from include.method.audit import Finding, audit
from include.method.grading import annotate
from include.pipeline.fetching import FetchPlan, fetch_batch, plan_fetches
from include.pipeline.publishing import GRACE, Publisher
from include.pipeline.storing import load_batch, stored_before
from include.reading.queries import as_of
from include.records.errors import (
    ArchiveDamagedError,
    ExchangeBusyError,
    InvalidAnswerError,
    MarketDataError,
    RetryableError,
    SettingsError,
    UnknownSymbolError,
    UnreadableSymbolError,
)
from include.records.klines import Interval
from include.records.prices import ExchangeMinute, Flag, SoftFlag
from include.records.windows import MINUTE, Window
from tests.fakes.builders import (
    NOON,
    average,
    batch,
    exchange_minute,
    full_minute,
    kline,
    minute_of,
    silent,
    symbol_info,
)
from tests.fakes.clock import Clock
from tests.fakes.memory_budget import MemoryBudgetTable
from tests.fakes.memory_store import MemoryStore

BOTH = ("BTCUSDT", "ETHUSDT")
DAY = ArchiveFile("BTCUSDT", Interval.MINUTE, date(2020, 1, 2))
ARCHIVE = "tests/data/binance/BTCUSDT-1m-2020-01-02.zip"


def store_minutes(store, symbol, minutes, *, fetched_until):
    for minute in minutes:
        seconds = full_minute(minute, symbol=symbol)
        store.second_prices.write(seconds, minute + MINUTE)
        store.exchange_minutes.write([minute_of(seconds)], minute + MINUTE)
    store.set_stored_from(symbol, NOON)
    store.set_stored_until(symbol, fetched_until)


def publish(store, closed_until, symbols=BOTH, later=timedelta(0)):
    clock = Clock(closed_until + GRACE + later)
    publisher = Publisher(store, symbols, clock, lambda _averages, _asked_for: {})
    publisher.publish_closed_minutes(clock.sleep)
    return {
        (price.average.symbol, price.average.minute): price
        for symbol in symbols
        for price in store.minute_prices.between(symbol, Window(NOON, closed_until))
    }


@pytest.mark.defect(1)
@pytest.mark.defect(22)
def test_calls_an_outage_by_its_name_and_fills_nothing():
    """From 12:01 to 12:04 no symbol has a row; the exchange answered all the while."""
    store, end = MemoryStore(), NOON + 5 * MINUTE
    for symbol in BOTH:
        store_minutes(store, symbol, [NOON, NOON + 4 * MINUTE], fetched_until=end)

    published = publish(store, end)

    for symbol in BOTH:
        silent_minutes = [published[symbol, NOON + index * MINUTE] for index in (1, 2, 3)]
        assert {price.average.flag for price in silent_minutes} == {Flag.EXCHANGE_OUTAGE}
        assert {price.average.vwap for price in silent_minutes} == {None}
        assert published[symbol, NOON + 4 * MINUTE].average.flag is Flag.OK


@pytest.mark.defect(22)
def test_calls_one_absent_symbol_a_gap_of_the_source():
    store, end = MemoryStore(), NOON + 2 * MINUTE
    store_minutes(store, "BTCUSDT", [NOON], fetched_until=end)
    store_minutes(store, "ETHUSDT", [NOON, NOON + MINUTE], fetched_until=end)

    published = publish(store, end)

    assert published["BTCUSDT", NOON + MINUTE].average.flag is Flag.SOURCE_GAP


@pytest.mark.defect(2)
@pytest.mark.parametrize("status", ["BREAK", "HALT", "END_OF_DAY", "CANCEL_ONLY"])
@pytest.mark.parametrize("has_flat_klines", [False, True], ids=["no rows", "flat rows"])
def test_calls_a_halted_symbol_halted_while_others_trade(status, has_flat_klines):
    store, end = MemoryStore(), NOON + 2 * MINUTE
    store_minutes(store, "BTCUSDT", [NOON], fetched_until=end)
    store_minutes(store, "ETHUSDT", [NOON, NOON + MINUTE], fetched_until=end)
    store.remember_symbol(replace(symbol_info(checked_at=end), status=status))
    if has_flat_klines:
        store.exchange_minutes.write([silent(ExchangeMinute, NOON + MINUTE)], end)

    published = publish(store, end)

    assert published["BTCUSDT", NOON + MINUTE].average.flag is Flag.HALTED
    assert published["ETHUSDT", NOON + MINUTE].average.flag is Flag.OK


@pytest.mark.defect(43)
def test_calls_every_symbol_halted_when_all_are():
    """Thirteen minutes of pairs that are in BREAK for months."""
    store, end = MemoryStore(), NOON + 13 * MINUTE
    for symbol in BOTH:
        store_minutes(store, symbol, [], fetched_until=end)
        info = symbol_info(symbol, checked_at=NOON - timedelta(hours=1))
        store.remember_symbol(replace(info, status="BREAK"))

    published = publish(store, end)

    assert {price.average.flag for price in published.values()} == {Flag.HALTED}
    assert len(published) == 26


@pytest.mark.defect(44)
@pytest.mark.parametrize(
    ("symbol", "base_asset", "expected"),
    [
        ("BTCUSDT", "BTC", SoftFlag.CROSS_SOURCE),
        ("BTCSTUSDT", "BTCST", ""),
        ("ETHFIUSDT", "ETHFI", ""),
        ("BTCSTUSDT", None, ""),
    ],
)
def test_takes_the_limit_of_the_base_asset(symbol, base_asset, expected):
    """Two percent from the exchange's own average are too many of Bitcoin, and of it alone."""
    store, end = MemoryStore(), NOON + 5 * MINUTE
    store_minutes(store, symbol, Window(NOON, end).minutes(), fetched_until=end)
    store.five_minute_prices.keep(symbol, end - MINUTE, Decimal(102))
    if base_asset:
        store.remember_symbol(replace(symbol_info(symbol), base_asset=base_asset))

    published = publish(store, end, [symbol])

    assert published[symbol, end - MINUTE].average.soft_flags == expected


@pytest.mark.defect(3)
def test_publishes_a_minute_without_trades_as_null():
    store, end = MemoryStore(), NOON + MINUTE
    store_minutes(store, "ETHUSDT", [NOON], fetched_until=end)
    store.exchange_minutes.write([silent(ExchangeMinute, NOON)], end)
    store.set_stored_from("BTCUSDT", NOON)
    store.set_stored_until("BTCUSDT", end)

    published = publish(store, end)

    said = published["BTCUSDT", NOON].average
    assert (said.flag, said.vwap, said.open) == (Flag.NO_TRADES, None, None)


@pytest.mark.defect(10)
def test_restates_what_the_archive_has_otherwise():
    """ACMUSDT at 26.4 by the API and 34.9 in the archive, at the same price."""
    minute = datetime(2021, 12, 14, 12, tzinfo=UTC)
    ours = replace(
        average(minute, symbol="ACMUSDT", vwap="10"),
        volume=Decimal("26.4"),
        quote_volume=Decimal(264),
        trade_count=3,
    )
    archive = {minute: exchange_minute(minute, symbol="ACMUSDT", price="10", volume="34.9")}

    (found,) = audit([ours], archive)

    assert found.finding is Finding.RESTATED


class Issues:
    """An archive that serves one file, and may issue it anew or send it damaged."""

    def __init__(self):
        with open(ARCHIVE, "rb") as file:  # noqa: PTH123 - one line of a test's data
            self.content = self.sent = file.read()

    def __call__(self, request):
        body = self.sent
        if request.url.path.endswith(".CHECKSUM"):
            body = f"{hashlib.sha256(self.content).hexdigest()}  {DAY.name}\n".encode()
        return httpx.Response(
            200, headers={"content-length": str(len(body))}, stream=httpx.ByteStream(body)
        )


@pytest.fixture
def issues(tmp_path):
    archive = Issues()
    with stamina.set_testing(True, attempts=2):
        yield archive, ArchiveClient(ArchiveSettings(tmp_path), httpx.MockTransport(archive))


@pytest.mark.defect(11)
def test_notices_an_archive_that_was_issued_anew(issues, tmp_path):
    archive, client = issues
    first = client.fetch(DAY).read_bytes()
    archive.content = archive.sent = zipped_with_more_volume(client.fetch(DAY), tmp_path)

    second = client.fetch(DAY)

    assert second.read_bytes() != first
    official = minutes_of(second)
    published = [
        replace(
            average(minute.start),
            volume=minute.volume - 1,
            quote_volume=minute.quote_volume,
            trade_count=minute.trade_count,
        )
        for minute in official.values()
    ]
    assert {found.finding for found in audit(published, official)} == {Finding.RESTATED}


@pytest.mark.defect(12)
@pytest.mark.parametrize("damage", [lambda zip_: zip_[:-100], lambda zip_: b"x" + zip_[1:]])
def test_refuses_a_damaged_archive_and_leaves_nothing(issues, tmp_path, damage):
    archive, client = issues
    archive.sent = damage(archive.content)

    with pytest.raises(ArchiveDamagedError, match="has the checksum"):
        client.fetch(DAY)

    assert [*tmp_path.iterdir()] == []


def minutes_of(path):
    found = {}
    for row in read_klines(DAY, path):
        start = datetime.fromtimestamp(row[0] // 1000, UTC)
        found[start] = exchange_minute(start, price=row[4], volume=row[5], trades=row[8])
    return found


def zipped_with_more_volume(path, folder):
    import zipfile  # noqa: PLC0415 - this helper alone makes an archive

    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        lines = archive.read(name).decode().splitlines()
    rows = [line.split(",") for line in lines]
    for row in rows:
        row[5] = str(Decimal(row[5]) + 1)
    target = folder / "again.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, "\n".join(",".join(row) for row in rows) + "\n")
    return target.read_bytes()


MINUTE_AMOUNTS = {"volume": "120.00000000", "trades": 120}


class Pages:
    """An exchange whose pages come in disorder, doubled, and overlapping by one."""

    used_weight, source = 4, "GENERATED"

    @property
    def transport(self):
        return self

    def restart_patience(self):
        pass

    def reserve(self, _weight, _wait_seconds):
        pass

    def five_minute_price(self, _symbol, _minute):
        return None

    def klines(self, _symbol, interval, span, **_):
        count = span.minute_count * 60_000 // interval.length_ms
        amounts = {} if interval is Interval.SECOND else MINUTE_AMOUNTS
        rows = [
            kline(
                span.start + timedelta(milliseconds=index * interval.length_ms), interval, **amounts
            )
            for index in range(count)
        ]
        middle = count // 2
        return [*rows[middle - 1 :], *rows[: middle + 1], rows[0]]


@pytest.mark.defect(18)
def test_sorts_rows_and_counts_each_once():
    plan = FetchPlan("BTCUSDT", Window(NOON, NOON + MINUTE), Decimal("0.01"), timedelta(0))

    fetched = fetch_batch(Pages(), plan, lambda: NOON + 2 * MINUTE)

    opens = [row[0] for row in fetched.rows[Interval.SECOND]]
    assert opens == sorted(set(opens))
    assert len(opens) == 6 * 60


def load(checkpoints, store, landed):
    verdict = check_batch(
        checkpoints, landed, symbol="BTCUSDT", stored=stored_before(store, landed)
    )
    load_batch(store, landed, verdict, "batch.json")
    return verdict


@pytest.mark.defect(19)
def test_publishes_an_unsettled_minute_and_revises_it(checkpoints):
    """The first answer lacks the last ten seconds and the minute itself; the next has them."""
    store, end = MemoryStore(), NOON + MINUTE
    whole = batch()
    first = replace(
        whole, rows={Interval.SECOND: whole.rows[Interval.SECOND][:50], Interval.MINUTE: []}
    )
    load(checkpoints, store, first)
    before = publish(store, end, ["BTCUSDT"])["BTCUSDT", NOON]

    load(checkpoints, store, replace(whole, fetched_at=whole.fetched_at + MINUTE))
    after = publish(store, end, ["BTCUSDT"], timedelta(seconds=30))["BTCUSDT", NOON]

    assert (before.revision, before.average.flag) == (1, Flag.PARTIAL)
    assert (after.revision, after.average.flag) == (2, Flag.OK)
    assert [
        each.average for each in as_of(store, "BTCUSDT", Window(NOON, end), before.known_at)
    ] == [before.average]


@pytest.fixture
def client_of():
    """Make a client of the exchange over answers that a test brings."""
    clients = []

    def make(respond):
        settings = BinanceSettings(base_urls=("https://data-api.binance.vision",))
        budget = RequestBudget(MemoryBudgetTable(6000), settings.ceiling_ratio)
        clients.append(BinanceClient(settings, budget, lambda: NOON, httpx.MockTransport(respond)))
        return clients[-1]

    with stamina.set_testing(True, attempts=2):
        yield make
    for client in clients:
        client.__exit__(None, None, None)


def answered(status, body=b"", **headers):
    def respond(_request):
        return httpx.Response(status, stream=httpx.ByteStream(body), headers=headers)

    return respond


def raising(error):
    def respond(_request):
        raise error("it happened")

    return respond


def endless():
    while True:
        yield b" " * 65_536


class Endless(httpx.SyncByteStream):
    def __iter__(self):
        return endless()


@pytest.mark.defect(20)
@pytest.mark.parametrize(
    ("respond", "expected"),
    [
        (answered(429, **{"retry-after": "30"}), ExchangeBusyError),
        (answered(418, **{"retry-after": "259200"}), ExchangeBusyError),
        (answered(403, b"<html>Request blocked</html>"), SettingsError),
        (answered(451, b'{"code":0,"msg":"restricted location"}'), SettingsError),
        (answered(503, b"<html></html>"), RetryableError),
        (answered(500), RetryableError),
        (answered(400, b'{"code":-1007,"msg":"Timeout"}'), RetryableError),
        (answered(400, b'{"code":-1008,"msg":"Overloaded"}'), RetryableError),
        (answered(429, b'{"code":-1003,"msg":"Too many requests"}'), ExchangeBusyError),
        (raising(httpx.ReadTimeout), RetryableError),
        (raising(httpx.ReadError), RetryableError),
        (
            answered(200, gzip.compress(b"[]" * 99)[:-9], **{"content-encoding": "gzip"}),
            MarketDataError,
        ),
        (lambda _request: httpx.Response(200, stream=Endless()), InvalidAnswerError),
        (answered(302, location="https://example.com/"), InvalidAnswerError),
    ],
    ids=[
        *("429", "418 of three days", "403 with HTML", "451", "503 with HTML", "500 empty"),
        *("-1007", "-1008", "-1003", "a hang", "a reset", "a cut gzip", "no end", "a redirect"),
    ],
)
def test_ends_in_one_clear_error(client_of, respond, expected):
    client = client_of(respond)

    with pytest.raises(expected):
        list(client.klines("BTCUSDT", Interval.SECOND, Window(NOON, NOON + MINUTE)))


@pytest.mark.defect(20)
def test_is_a_gap_of_ours_until_it_is_repaired():
    store, end = MemoryStore(), NOON + 2 * MINUTE
    for symbol in BOTH:
        store_minutes(store, symbol, [NOON], fetched_until=NOON + MINUTE)
    before = publish(store, end)["BTCUSDT", NOON + MINUTE]

    for symbol in BOTH:
        store_minutes(store, symbol, [NOON + MINUTE], fetched_until=end)
    after = publish(store, end)["BTCUSDT", NOON + MINUTE]

    assert (before.average.flag, before.average.vwap) == (Flag.INGEST_GAP, None)
    assert (after.average.flag, after.revision) == (Flag.OK, 2)


@pytest.mark.defect(21)
@pytest.mark.parametrize("wrong_by", [-300, -5, 5, 300], ids=lambda seconds: f"{seconds} s")
def test_judges_closed_by_the_clock_of_the_exchange(checkpoints, wrong_by):
    """Whatever our clock says, the exchange's is 12:01:05, and its minute of 12:01 runs."""
    here = NOON + timedelta(seconds=65 + wrong_by)
    plan = FetchPlan(
        "BTCUSDT", Window(NOON, NOON + MINUTE), Decimal("0.01"), timedelta(seconds=-wrong_by)
    )
    fetched = fetch_batch(Pages(), plan, lambda: here)
    running = kline(NOON + MINUTE, Interval.MINUTE)
    rows = fetched.rows | {Interval.MINUTE: [*fetched.rows[Interval.MINUTE], running]}

    verdict = check_batch(checkpoints, replace(fetched, rows=rows), symbol="BTCUSDT", stored={})

    (failed,) = verdict.bad_rows[Interval.MINUTE].values()
    assert "expect_kline_to_be_closed" in failed
    assert verdict.bad_rows[Interval.SECOND] == {}


@pytest.mark.defect(23)
def test_tells_a_spike_from_a_jump_that_stays():
    def of(*after):
        prices = [Decimal(100) + Decimal("0.01") * (index % 2) for index in range(60)]
        series = [
            average(NOON + index * MINUTE, vwap=str(price))
            for index, price in enumerate([*prices, *after])
        ]
        flags = [flag for each in annotate(series, {}) for flag in each.soft_flags.split(",")]
        return [flag for flag in flags if flag in {"JUMP", "JUMP_CONFIRMED", "SPIKE"}]

    assert of("110", "100", "100") == [SoftFlag.SPIKE]
    assert of("110", "110", "110") == [SoftFlag.JUMP_CONFIRMED]


class Listing:
    """An exchange that lists BTCUSDT alone."""

    def __init__(self):
        self.asked = []

    def clock_offset(self):
        return timedelta(0)

    def symbol_infos(self, symbols):
        return {name: symbol_info(name) for name in symbols if name == "BTCUSDT"}

    def klines(self, symbol, interval, span, **_):
        self.asked.append((symbol, interval, span))
        return []


@pytest.mark.defect(24)
@pytest.mark.parametrize("name", ["VENUSDT", "NOSUCH", "btcusdt"])
def test_names_a_symbol_that_is_not_listed_and_goes_on_with_the_others(name):
    exchange = Listing()

    wrong, right = plan_fetches(MemoryStore(), exchange, [name, "BTCUSDT"], lambda: NOON)

    with pytest.raises(UnknownSymbolError, match=name):
        fetch_batch(exchange, wrong, lambda: NOON)
    assert exchange.asked == []
    assert right.tick_size is not None


GRID = [
    {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
    {"filterType": "LOT_SIZE", "stepSize": "0.00001000"},
]


def entry(symbol, **changes):
    base_asset = symbol.removesuffix("USDT")
    whole = {"symbol": symbol, "status": "TRADING", "baseAsset": base_asset, "quoteAsset": "USDT"}
    made = whole | {"filters": GRID} | changes
    return {name: value for name, value in made.items() if value is not None}


def price_filter(**changes):
    return {"filters": [{k: v for k, v in (GRID[0] | changes).items() if v is not None}, GRID[1]]}


ODD_ENTRIES = {
    "no PRICE_FILTER": {"filters": GRID[1:]},
    "no LOT_SIZE": {"filters": GRID[:1]},
    "no filter at all": {"filters": []},
    "a filter that is none": {"filters": [1, *GRID[1:]]},
    "filters that are no list": {"filters": "none"},
    "no filters": {"filters": None},
    "no status": {"status": None},
    "no base asset": {"baseAsset": None},
    "a status that is no text": {"status": 1},
    "no tick": price_filter(tickSize=None),
    "a tick that is a number": price_filter(tickSize=0.01),
    "a tick that is a list": price_filter(tickSize=["0.01"]),
    "a negative tick": price_filter(tickSize="-0.01"),
    "NaN": price_filter(tickSize="NaN"),
    "infinity": price_filter(tickSize="Infinity"),
    "an exponent": price_filter(tickSize="1e-8"),
    "an empty tick": price_filter(tickSize=""),
    "a huge exponent": price_filter(tickSize="1e999999999"),
}


@pytest.mark.defect(37)
@pytest.mark.parametrize("changes", ODD_ENTRIES.values(), ids=ODD_ENTRIES)
def test_a_symbol_whose_entry_cannot_be_read_fails_alone_and_by_name(client_of, changes):
    """Three are fetched; the second one's entry is odd."""
    entries = [entry("BTCUSDT"), entry("ETHUSDT", **changes), entry("SOLUSDT")]
    exchange = client_of(listing(*entries))

    first, odd, last = plan_fetches(
        MemoryStore(), exchange, ["BTCUSDT", "ETHUSDT", "SOLUSDT"], lambda: NOON
    )

    assert [each.tick_size for each in (first, last)] == [Decimal("0.01")] * 2
    with pytest.raises(UnreadableSymbolError, match=r"'ETHUSDT' cannot be fetched: .*exchangeInfo"):
        fetch_batch(exchange, odd, lambda: NOON)


@pytest.mark.defect(37)
@pytest.mark.parametrize("nameless", [{"status": "TRADING"}, 1, None, "ETHUSDT", {"symbol": 1}])
def test_an_entry_without_a_name_fails_those_that_are_missing(client_of, nameless):
    exchange = client_of(listing(entry("BTCUSDT"), nameless))

    right, missing = plan_fetches(MemoryStore(), exchange, ["BTCUSDT", "ETHUSDT"], lambda: NOON)

    assert right.unreadable == ""
    with pytest.raises(UnreadableSymbolError, match=r"'ETHUSDT'.*names no symbol"):
        fetch_batch(exchange, missing, lambda: NOON)


@pytest.mark.defect(37)
def test_a_tick_of_zero_says_that_there_is_no_such_rule(client_of):
    """So Binance documents it; the symbol is fetched like any other."""
    exchange = client_of(listing(entry("BTCUSDT", **price_filter(tickSize="0.00000000"))))

    (plan,) = plan_fetches(MemoryStore(), exchange, ["BTCUSDT"], lambda: NOON)

    assert (plan.tick_size, plan.unreadable) == (0, "")


def listing(*entries):
    def respond(request):
        server_time = {"serverTime": int(NOON.timestamp() * 1000)}
        content = server_time | ({"symbols": entries} if "Info" in request.url.path else {})
        return httpx.Response(200, stream=httpx.ByteStream(json.dumps(content).encode()))

    return respond
