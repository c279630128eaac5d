"""A scrape of every gauge, each value checked against what the store says itself."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from include.exchange.transport import BinanceSettings
from include.pipeline.storing import load_batch
from include.reading.gauge_facts import GaugeReader
from include.reading.gauges import Gauge
from include.records.errors import StoreSilentError
from include.records.prices import Flag
from include.records.request_weight import EVERY_HOST, Block, Use
from include.records.revisions import Restatement
from include.records.windows import HOUR, MINUTE, Window, floor_minute, whole_ms
from include.store.store import connect
from include.web.metrics import Metrics, add_metrics
from tests.fakes.builders import average, batch, verdict

SYMBOLS = ("BTCUSDT", "ETHUSDT")
EXCHANGE = BinanceSettings(("https://data-api.binance.vision",), ceiling_ratio=0.25)
LONG_SECONDS = 60.0


@pytest.fixture
def store(empty):
    return connect(empty)


def written(store, now):
    """An hour of minutes with gaps, a revision, a restatement, refused rows, weight and a ban.

    One was a gap of our own first.

    Of ETHUSDT everything is well, but the last four minutes are missing.
    """
    closed = floor_minute(now)
    for place in range(1, 66):
        minute = closed - place * MINUTE
        known_at = whole_ms(minute + MINUTE + timedelta(milliseconds=4_250))
        gap = {"vwap": None, "flag": Flag.SOURCE_GAP} if place in {10, 11} else {}
        if place == 30:
            late = average(minute, vwap=None, flag=Flag.INGEST_GAP)
            store.minute_prices.append([late], whole_ms(minute + MINUTE))
        store.minute_prices.append([average(minute, **gap)], known_at)
        if place > 4:
            store.minute_prices.append([average(minute, symbol="ETHUSDT")], known_at)
    store.minute_prices.append([average(closed - 20 * MINUTE, vwap="101")], whole_ms(now))
    for symbol, end in (("BTCUSDT", closed), ("ETHUSDT", closed - 4 * MINUTE)):
        store.set_stored_from(symbol, closed - 90 * MINUTE)
        store.set_stored_until(symbol, end)
        store.set_averaged_until(symbol, end)
    store.restatements.note(
        [
            Restatement(
                symbol="BTCUSDT",
                minute=closed - timedelta(days=2),
                revision=2,
                known_at=whole_ms(now - MINUTE),
                vwap_before=Decimal(100),
                vwap_after=Decimal(101),
                difference_ratio=Decimal("0.01"),
                is_alarming=True,
            )
        ]
    )
    fetch = batch(start=closed - 2 * MINUTE)
    refused = batch(start=closed - 3 * MINUTE)
    bad = {0: {"expect_prices_to_be_in_order": "low 99"}, 7: {"expect_no_gaps": "none"}}
    load_batch(store, fetch, verdict(bad), "batch.json")
    load_batch(store, refused, verdict(reason="too many"), "batch.json")
    store.set_stored_until("BTCUSDT", closed)
    table = store.exchange_budget(EXCHANGE.egress)
    table.set_weight_limit(6_000)
    table.swap_use(None, Use(closed, 62, whole_ms(now), whole_ms(now)))
    table.add_block(Block(EVERY_HOST, 429, whole_ms(now + 5 * MINUTE), "HTTP 429"))


def scrape(store, now):
    """What Prometheus reads, by its own parser."""
    reader = GaugeReader()
    app = FastAPI()
    read = Metrics(
        lambda: reader.read(store, SYMBOLS, EXCHANGE, now),
        lambda: False,
        limit_seconds=LONG_SECONDS,
    )
    add_metrics(app, read)

    async def ask():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
            return await client.get("/metrics")

    answer = asyncio.run(ask())
    assert answer.status_code == 200
    return {
        (sample.name, sample.labels.get("symbol")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def of_store(store, symbol, now):
    """The same figures from whole revisions, logs and ledgers, one after the other."""
    due = floor_minute(now - MINUTE)
    hour = Window(due - HOUR, due)
    every = store.minute_prices.history(symbol, Window(hour.start, floor_minute(now)))
    prices = store.minute_prices.between(symbol, hour)
    newest = store.minute_prices.latest(symbol).average.minute
    first = next(each for each in every if each.average.minute == newest)
    valued = [each for each in prices if each.average.vwap is not None]
    mark = store.watermark(symbol)
    batches = [
        each
        for day in Window(hour.start, floor_minute(now) + MINUTE).days()
        for each in store.batch_log(symbol, day)
        if each.fetched_at > now - HOUR
    ]
    seconds = timedelta(seconds=1)
    return {
        Gauge.PUBLISH_DELAY: (first.known_at - newest - MINUTE) / seconds,
        Gauge.GAP_FIRST: len(
            {
                each.average.minute
                for each in every
                if each.revision == 1 and each.average.flag is Flag.INGEST_GAP
            }
            & {each.average.minute for each in valued}
        ),
        Gauge.FRESHEST_MINUTE_AGE: (now - newest - MINUTE) / seconds,
        Gauge.LATE: float(now - newest - MINUTE > timedelta(minutes=2)),
        Gauge.COMPLETENESS: len(valued) / 60,
        Gauge.MISSING: 60 - len(valued),
        Gauge.BACKLOG: max(0, (due - min(mark.stored_until, mark.averaged_until)) // MINUTE),
        Gauge.QUARANTINED: sum(each.quarantined_count for each in batches),
        Gauge.REFUSED: sum(each.is_refused for each in batches),
        Gauge.REVISIONS: len([each for each in every if each.revision > 1]),
        Gauge.RESTATEMENTS: len(
            store.restatements.between(symbol, Window(due - timedelta(days=3), due))
        ),
    }


def test_a_scrape_has_every_gauge_with_the_stores_own_value(store):
    now = datetime.now(UTC)
    written(store, now)

    found = scrape(store, now)

    table = store.exchange_budget(EXCHANGE.egress)
    used = table.use(floor_minute(now)).taken_weight
    expected = {
        (gauge.metric, symbol): value
        for symbol in SYMBOLS
        for gauge, value in of_store(store, symbol, now).items()
    } | {
        (Gauge.UP.metric, None): 1,
        (Gauge.WEIGHT_USED.metric, None): used,
        (Gauge.WEIGHT_LEFT.metric, None): table.weight_limit() // 4 - used,
        (Gauge.BREAKER_OPEN.metric, None): float(bool(table.blocks())),
    }
    assert {name for name, _ in found} == {gauge.metric for gauge in Gauge}
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_values_are_what_was_written(store):
    """So that a fault of the store's own reading does not hide one of the gauges."""
    now = datetime.now(UTC)
    written(store, now)

    found = scrape(store, now)

    def both(gauge):
        return [found[gauge.metric, symbol] for symbol in SYMBOLS]

    rows = store.quarantine.on_day("BTCUSDT", (floor_minute(now) - MINUTE).date())
    assert both(Gauge.PUBLISH_DELAY) == [4.25, 4.25]
    assert both(Gauge.LATE) == [0, 1]
    assert both(Gauge.BACKLOG) == [0, 3]
    assert both(Gauge.QUARANTINED) == [len(rows), 0] == [2, 0]
    assert both(Gauge.REFUSED) == [1, 0]
    assert both(Gauge.GAP_FIRST) == [1, 0]
    assert both(Gauge.REVISIONS) == [2, 0]
    assert both(Gauge.RESTATEMENTS) == [1, 0]
    assert found[Gauge.WEIGHT_LEFT.metric, None] == 1_500 - 62
    assert found[Gauge.BREAKER_OPEN.metric, None] == 1


def test_a_silent_store_leaves_one_gauge(store, monkeypatch):
    def fail(*_):
        raise StoreSilentError("10.9.8.7 is down")

    monkeypatch.setattr(store, "watermarks", fail)

    assert scrape(store, datetime.now(UTC)) == {(Gauge.UP.metric, None): 0}
