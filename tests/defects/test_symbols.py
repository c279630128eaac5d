"""A symbol that is not ASCII, on every way in and out."""

import asyncio
import hashlib
import io
import zipfile
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import unquote

import httpx
import pandas as pd
import pytest

from include.exchange.archive_client import ArchiveClient, ArchiveSettings
from include.exchange.archive_files import ArchiveFile, read_klines
from include.gx.batches import check_batch
from include.gx.checkpoints import Checkpoints
from include.gx.data_docs import build_data_docs
from include.gx.docs_index import Retention
from include.pipeline.fetching import FetchPlan, fetch_batch
from include.pipeline.landing import land_verdict, read_batch, read_verdict
from include.pipeline.storing import load_batch
from include.records.klines import Interval
from include.records.prices import MinutePrice
from include.records.windows import MINUTE, Window
from include.reports.picture import drawable
from include.reports.report import Facts, build_report
from include.reports.text_rows import text_frame
from include.simulator.market.exchange import open_exchange
from include.simulator.market.listings import Placement, tape_listings
from include.simulator.serving.app import create_app
from include.watch.settings import read_watch
from tests.fakes.builders import NOON, average, batch, kline, land
from tests.fakes.exchange import client_over
from tests.fakes.memory_store import MemoryStore

SYMBOL = "币安人生USDT"
NOON_MS = int(NOON.timestamp() * 1000)
DAY = ArchiveFile(SYMBOL, Interval.MINUTE, date(2026, 2, 28))


class Simulator:
    """The simulator's own application, without a socket."""

    def __init__(self):
        exchange = open_exchange([SYMBOL, "XRPUSDT"], seed=1, weight_limit=6000)
        self._app = create_app(exchange, lambda: NOON_MS + 60_000)
        self.asked = []

    def __call__(self, request):
        self.asked.append(request.url.raw_path.decode())
        return asyncio.run(self._answer(request))

    async def _answer(self, request):
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as client:
            answer = await client.get(request.url.raw_path.decode())
        return httpx.Response(answer.status_code, stream=httpx.ByteStream(answer.content))


@pytest.fixture
def simulator():
    return Simulator()


@pytest.mark.defect(39)
def test_asks_the_exchange_in_percent_encoded_utf8(simulator):
    """As Binance takes it; it does not know JSON's escapes in a list of symbols."""
    with client_over(simulator) as exchange:
        infos = exchange.symbol_infos([SYMBOL, "XRPUSDT"])
        rows = exchange.klines(SYMBOL, Interval.SECOND, Window(NOON, NOON + MINUTE))
        price = exchange.five_minute_price(SYMBOL, NOON + MINUTE)

    assert infos[SYMBOL].base_asset == "币安人生"
    assert len(rows) == 60
    assert price is None or price > 0
    assert all(path.isascii() for path in simulator.asked)
    assert f'["{SYMBOL}","XRPUSDT"]' in unquote(simulator.asked[0])


@pytest.mark.defect(39)
def test_goes_through_landing_gate_and_store(simulator, checkpoints, tmp_path):
    plan = FetchPlan(SYMBOL, Window(NOON, NOON + MINUTE), Decimal("0.0001"), timedelta(0))
    with client_over(simulator) as exchange:
        landed = fetch_batch(exchange, plan, lambda: NOON + 2 * MINUTE)

    url = land(tmp_path, landed)
    read = read_batch(url)
    land_verdict(url, check_batch(checkpoints, read, symbol=SYMBOL, stored={}))
    store = MemoryStore()
    load_batch(store, read, read_verdict(url), url)

    assert SYMBOL in url
    assert len(store.second_prices.between(SYMBOL, plan.window)) == 60


@pytest.mark.defect(39)
def test_fetches_and_checks_its_day_in_the_archive(simulator, tmp_path):
    """The CHECKSUM names the file in UTF-8, and so does the zip its member."""
    settings = ArchiveSettings(tmp_path)
    with ArchiveClient(settings, httpx.MockTransport(simulator)) as archives:
        rows = list(read_klines(DAY, archives.fetch(DAY)))

    assert len(rows) == 1440
    assert all(path.isascii() for path in simulator.asked)
    assert unquote(simulator.asked[0]) == f"/data/spot/daily/klines/{SYMBOL}/1m/{DAY.name}.CHECKSUM"


@pytest.mark.defect(39)
def test_reads_a_zip_whose_packer_did_not_say_that_its_names_are_utf8(tmp_path):
    """The bytes are those of UTF-8, the flag is not set."""
    line = ",".join(map(str, kline(NOON, Interval.MINUTE)))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(DAY.name.removesuffix(".zip") + ".csv", line + "\n")
    unsaid = packed.getvalue().replace(b"\x00\x08\x00\x00", b"\x00\x00\x00\x00")
    assert hashlib.sha256(unsaid).digest() != hashlib.sha256(packed.getvalue()).digest()
    path = tmp_path / DAY.name
    path.write_bytes(unsaid)

    assert list(read_klines(DAY, path)) == [kline(NOON, Interval.MINUTE)]


@pytest.mark.defect(39)
def test_plays_a_tape_of_it(tmp_path):
    rows = [kline(NOON + index * MINUTE, Interval.MINUTE) for index in range(3)]
    text = "".join(",".join(map(str, row)) + "\n" for row in rows)
    (tmp_path / f"{SYMBOL}-1m-2026-03.csv").write_text(text)
    (tmp_path / "work").mkdir()

    listings = tape_listings(tmp_path, tmp_path / "work", Placement(starts_at=None, loops=False))

    (market,) = [listing.market for listing in listings.values()]
    assert [*listings] == [SYMBOL]
    assert (market.base_asset, market.quote_asset) == ("币安人生", "USDT")


@pytest.mark.defect(39)
def test_has_a_page_in_data_docs(tmp_path):
    check_batch(Checkpoints(str(tmp_path)), batch(symbol=SYMBOL), symbol=SYMBOL, stored={})

    build_data_docs(str(tmp_path), NOON.date(), Retention())

    (page,) = (tmp_path / "docs" / "days").glob(f"*/{SYMBOL}.html")
    assert SYMBOL in page.read_text(encoding="utf-8")


@pytest.mark.defect(39)
@pytest.mark.filterwarnings("error")
def test_is_in_the_report_and_its_picture_in_letters_that_can_be_read():
    """The picture's font has no Chinese: the numbers of the letters stand for them."""
    prices = [MinutePrice(average(NOON, symbol=SYMBOL), 1, NOON + MINUTE)]
    facts = Facts([SYMBOL], text_frame(prices), pd.DataFrame(), NOON + MINUTE)

    report = build_report(facts, Window(NOON, NOON + MINUTE), "Prices")

    assert f'id="{SYMBOL}"' in report.html
    assert SYMBOL in report.text
    assert drawable(SYMBOL) == r"\u5e01\u5b89\u4eba\u751fUSDT"
    assert drawable("BTCUSDT") == "BTCUSDT"


@pytest.mark.defect(39)
def test_can_be_watched():
    (rule,) = read_watch(
        f"rules: [{{name: high, kind: price_above, symbols: {SYMBOL}, threshold: 1}}]", "a test"
    ).rules

    assert rule.symbols == (SYMBOL,)
