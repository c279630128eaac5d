"""Data Docs and the ways to and from them, in a real browser: no stack is started."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from include.gx.batches import check_batches
from include.gx.checkpoints import Checkpoints
from include.gx.data_docs import build_data_docs
from include.gx.docs_index import Retention
from include.gx.kline_tables import Candidate
from include.records.batches import Run
from include.records.revisions import BackfilledDay
from include.records.windows import DAY, MINUTE, floor_minute, iso
from tests.e2e.conftest import watched
from tests.e2e.looks import (
    DESKTOP,
    PHONE,
    assert_works_by_keyboard,
    wait_until_dark,
    wait_until_it_fits,
)
from tests.e2e.prices_server import serving
from tests.fakes.builders import average, batch, kline, logged
from tests.fakes.memory_store import MemoryStore

SYMBOLS = ("BTCUSDT", "ETHUSDT")
RUN = Run("ingest_prices", "manual__one+two")
NOW = floor_minute(datetime.now(UTC))
LIVE, BACKFILLED = NOW - 10 * MINUTE, NOW - 40 * DAY


def fetched(minute, symbol, fetched_at):
    rows = [kline(minute + timedelta(seconds=index)) for index in range(60)]
    return replace(batch(symbol=symbol, start=minute, seconds=rows), fetched_at=fetched_at)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A minute of two symbols that were judged together, and a backfilled one of 40 days ago."""
    folder = tmp_path_factory.mktemp("storage")
    store, checkpoints = MemoryStore(), Checkpoints(str(folder / "gx"), RUN)
    for minute, at in ((LIVE, LIVE + 63 * MINUTE / 60), (BACKFILLED, NOW - 5 * MINUTE)):
        batches = [
            fetched(minute, symbol, at + place * timedelta(milliseconds=300))
            for place, symbol in enumerate(SYMBOLS)
        ]
        dict(check_batches(checkpoints, [Candidate(each.symbol, each, {}) for each in batches]))
        for each in batches:
            store.minute_prices.append([average(minute, symbol=each.symbol)], at + MINUTE / 6)
            store.log_batch(logged(minute, symbol=each.symbol, fetched_at=each.fetched_at))
    for symbol in SYMBOLS:
        store.days.note_backfill(
            BackfilledDay(symbol, BACKFILLED.date(), NOW - 5 * MINUTE, "archive", 0, 1_440, 0)
        )
    build_data_docs(str(folder / "gx"), NOW.date(), Retention())
    with serving(store, SYMBOLS, folder) as address:
        yield address


@pytest.fixture
def watch(browser, address, request):
    with (
        browser.new_context(base_url=address, viewport=DESKTOP) as context,
        watched(context.new_page(), address, request) as watch,
    ):
        yield watch


@pytest.fixture
def page(watch):
    return watch.page


def open_minute(page, minute, symbol="BTCUSDT"):
    page.goto(f"/prices/?symbol={symbol}&minute={iso(minute)}")
    heading = page.get_by_test_id("details").get_by_role("heading", level=2)
    expect(heading).to_have_text(f"{symbol}, {minute:%Y-%m-%d %H:%M} UTC")


@pytest.mark.parametrize("minute", [LIVE, BACKFILLED], ids=["live", "backfilled"])
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_leads_from_a_minute_to_its_result_and_back(page, minute, symbol):
    open_minute(page, minute, symbol)

    page.get_by_test_id("result-second_prices").click()

    head = page.get_by_test_id("head")
    expect(head.get_by_role("heading", level=1)).to_have_text("second_prices: BTCUSDT, ETHUSDT")
    expect(head).to_contain_text(f"{minute:%Y-%m-%d %H:%M} to {minute + MINUTE:%Y-%m-%d %H:%M} UTC")
    expect(head).to_contain_text("120 fetched, 120 judged, 0 refused")
    head.get_by_role("link", name=symbol, exact=True).click()
    heading = page.get_by_test_id("details").get_by_role("heading", level=2)
    expect(heading).to_have_text(f"{symbol}, {minute:%Y-%m-%d %H:%M} UTC")


def test_leads_from_a_backfilled_minute_to_the_day_of_its_check(page):
    open_minute(page, BACKFILLED)

    page.get_by_test_id("data-docs").click()

    checked_on = (NOW - 5 * MINUTE).date()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"BTCUSDT, {checked_on}")
    expect(page.locator("tbody tr").first).to_contain_text("passed")


def test_shows_what_was_observed_by_every_expectation(page):
    open_minute(page, LIVE)
    page.get_by_test_id("result-exchange_minutes").click()

    page.get_by_test_id("head").wait_for()

    texts = page.locator(".ge-section table tbody tr td:last-child").all_inner_texts()
    assert len(texts) > 10
    assert [text for text in texts if text.strip() in {"", "--"}] == []


def test_a_result_fits_a_phone_at_night_and_works_by_keyboard(page):
    open_minute(page, LIVE)
    page.get_by_test_id("result-second_prices").click()
    page.get_by_test_id("head").wait_for()

    assert_works_by_keyboard(page, most=10)
    page.emulate_media(color_scheme="dark")
    wait_until_dark(page)
    page.set_viewport_size(PHONE)
    wait_until_it_fits(page)


@pytest.mark.parametrize("path", ["nowhere.html", "days/2020-01-01/BTCUSDT.html", "a/b/c/d.html"])
def test_an_unknown_address_leads_back(page, watch, path):
    watch.expect("console error: .* 404 ")
    for name, heading in (
        ("data quality today", "Data quality"),
        ("all results in Data Docs", "Data Docs"),
        ("Prices", "Prices"),
    ):
        page.goto(f"/quality/docs/{path}")
        page.get_by_role("alert").get_by_role("link", name=name, exact=True).click()

        expect(page.get_by_role("heading", level=1)).to_have_text(heading)


def test_says_where_to_go_on_where_no_result_is_kept(page, watch):
    watch.expect("console error: .* 404 ")
    open_minute(page, LIVE)

    page.get_by_test_id("result-minute_prices").first.click()

    said = page.get_by_role("alert")
    expect(said).to_contain_text("there is no result of minute_prices on BTCUSDT")
    expect(page.get_by_role("link", name="Prices", exact=True)).to_be_visible()


def checked(symbol, place):
    """What validate returns of a batch, as Airflow keeps it."""
    return {
        "symbol": symbol, "url": "", "rows": 61, "verdict": "61 of 61 rows good", "refused": False,
        "bad_rows": 0, "failed": [], "evaluated": 33, "met": 33, "check_ms": 12,
        "start": iso(LIVE), "end": iso(LIVE + MINUTE),
        "fetched_at": iso(LIVE + 63 * MINUTE / 60 + place * timedelta(milliseconds=300)),
    }  # fmt: skip


def test_leads_from_a_batch_of_a_run_to_its_result_and_to_its_minute(page):
    """Airflow's own API is played here: it is not part of the pages."""
    task = {"task_id": "validate", "state": "success", "map_index": 0}
    messages = [checked(symbol, place) for place, symbol in enumerate(SYMBOLS)]
    page.route(
        re.compile(r"/api/v2/.*/taskInstances\?"),
        lambda route: route.fulfill(json={"task_instances": [task]}),
    )
    page.route(
        re.compile(r"/api/v2/.*/xcomEntries/"),
        lambda route: route.fulfill(json={"value": json.dumps(messages)}),
    )
    run = f"/prices/run?dag_id={RUN.dag_id}&run_id={RUN.run_id.replace('+', '%2B')}"
    page.goto(run)

    row = page.get_by_role("row", name="ETHUSDT")
    row.get_by_test_id("result-second_prices").click()

    head = page.get_by_test_id("head")
    expect(head).to_contain_text("second_prices: BTCUSDT, ETHUSDT")
    expect(head.get_by_role("link", name=f"{RUN.dag_id}, {RUN.run_id}")).to_have_attribute(
        "href", re.compile(r"/dags/ingest_prices/runs/manual__one%2Btwo$")
    )
    head.get_by_role("link", name="of the run").click()
    page.get_by_role("row", name="ETHUSDT").get_by_test_id("minute").click()
    heading = page.get_by_test_id("details").get_by_role("heading", level=2)
    expect(heading).to_have_text(f"ETHUSDT, {LIVE:%Y-%m-%d %H:%M} UTC")


def test_opens_the_days_that_an_address_names(page):
    """As the last line of a backfill does."""
    day = BACKFILLED.replace(hour=0, minute=0)
    page.goto(f"/prices/?symbol=ETHUSDT&from={day:%Y-%m-%d}T00:00Z&to={day + DAY:%Y-%m-%d}T00:00Z")

    expect(page.get_by_test_id("symbol")).to_have_value("ETHUSDT")
    expect(page.get_by_test_id("tile-vwap")).to_contain_text(f"of {BACKFILLED:%H:%M} UTC")
    expect(page.get_by_label("from")).to_have_value(f"{day:%Y-%m-%d}T00:00")
