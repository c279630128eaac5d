"""No page of ours has a fault that axe-core finds, by day and by night; and what is read out."""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from include.records.windows import MINUTE, floor_minute
from tests.e2e.conftest import watched
from tests.e2e.lone_prices import open_prices
from tests.e2e.lone_report import write_report
from tests.e2e.looks import DESKTOP, PHONE, SCHEMES
from tests.e2e.prices_page import SHOWN
from tests.fakes.builders import average, quarantined_row

AXE = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text("utf-8")
# All rules, those of good practice included; each frame is looked at by itself.
FINDINGS = """() => axe.run(document, { iframes: false, resultTypes: ["violations"] })
  .then(({ violations }) => violations.map(({ id, help, nodes }) =>
    `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`))"""
RUN = "manual__2026-03-01T12:00:00+00:00"
RUN_PATH = f"/prices/run?dag_id=ingest_prices&run_id={quote(RUN)}"
CHECKED = {
    "symbol": "BTCUSDT",
    "rows": 81,
    "verdict": "1 of 9 expectations was not met",
    "refused": False,
    "bad_rows": 1,
    "failed": ["expect_seconds_to_add_up"],
    "evaluated": 9,
    "met": 8,
    "check_ms": 250,
}
# By name: the address, and what is there when all of it is.
PAGES = {
    "prices": ("/prices/?symbol=BTCUSDT&span=1h", SHOWN),
    "prices, a bad address": ("/prices/?symbol=BTCUSDT&span=2y", "#noted p"),
    "prices, an unknown symbol": ("/prices/?symbol=DOGEUSDT", "#problem:not([hidden])"),
    "report": ("/prices/report/", "#report:not([hidden])"),
    "quality": ("/quality/", "h2"),
    "quality, another day": ("/quality/?day=yesterday", "[role=alert]"),
    "batches": (RUN_PATH, "#verdicts td"),
    "batches of another DAG": ("/prices/run?dag_id=average_minutes&run_id=one", "#said"),
    "words": ("/prices/glossary", "canvas"),
}


@pytest.fixture(scope="module", autouse=True)
def _full(filled, lone_data):
    """Something in every part of every page."""
    store, now = filled
    store.quarantine.keep([quarantined_row([1, "x"], detected_at=now - MINUTE)])
    write_report(lone_data)


@pytest.fixture
def watch(browser, lone_address, request):
    """A watched page at which Airflow's own API has one run with one batch.

    axe-core styles a page for a moment, which the policy of the pages refuses: here they have none.
    """
    with (
        browser.new_context(
            base_url=lone_address, viewport=DESKTOP, has_touch=False, bypass_csp=True
        ) as context,
        watched(context.new_page(), lone_address, request) as watch,
    ):
        tasks = [{"task_id": "validate", "map_index": -1, "state": "success"}]
        watch.page.route(
            "**/taskInstances?**", lambda it: it.fulfill(json={"task_instances": tasks})
        )
        watch.page.route("**/xcomEntries/**", lambda it: it.fulfill(json={"value": [CHECKED]}))
        yield watch


@pytest.fixture
def page(watch):
    return watch.page


def findings(frame):
    frame.evaluate(AXE)
    return frame.evaluate(FINDINGS)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", PAGES)
def test_axe_core_finds_nothing(page, watch, name, scheme):
    watch.expect(r"console error: .* 40[04] ")
    address, there = PAGES[name]
    page.emulate_media(color_scheme=scheme)
    page.goto(address)
    page.locator(there).first.wait_for()
    if name == "prices":
        page.locator("#listed").evaluate("it => { it.open = true }")
        page.get_by_test_id("axis").focus()
        page.keyboard.press("End")
        page.get_by_test_id("details").get_by_role("heading", level=2).wait_for()

    assert {frame.url: found for frame in page.frames if (found := findings(frame))} == {}


def test_axe_core_finds_nothing_on_a_phone(page):
    page.set_viewport_size(PHONE)
    for address, there in (PAGES["prices"], PAGES["quality"], PAGES["batches"]):
        page.goto(address)
        page.locator(there).first.wait_for()

        assert findings(page) == []


def test_reads_out_the_minute_that_is_picked_in_one_line(page, filled):
    """And not the whole panel below the chart, nor the time of each refresh."""
    _, now = filled
    minute = now - 5 * MINUTE
    # No refresh, which has news of its own.
    start, end = (f"{each:%Y-%m-%dT%H:%MZ}" for each in (now - 60 * MINUTE, now))
    open_prices(page, f"symbol=BTCUSDT&from={start}&to={end}")
    page.locator("#listed").evaluate("it => { it.open = true }")

    page.get_by_role("button", name=f"{minute:%Y-%m-%d %H:%M}").click()

    news = page.get_by_test_id("news")
    expect(news).to_have_text(f"BTCUSDT, {minute:%H:%M} UTC: 105.5, OK")
    heading = page.get_by_test_id("details").get_by_role("heading", level=2)
    expect(heading).to_have_text(f"BTCUSDT, {minute:%Y-%m-%d %H:%M} UTC")
    live = page.locator("[aria-live], [role=status], [role=alert], output").filter(visible=True)
    texts = [text for text in live.all_inner_texts() if text]
    assert texts == [news.inner_text()]


def test_reads_out_the_price_that_is_new(page, filled):
    store, _ = filled
    open_prices(page, "symbol=ETHUSDT&span=1h")
    news = page.get_by_test_id("news")
    expect(news).to_have_text("")
    now = datetime.now(UTC)
    newest = average(floor_minute(now) - MINUTE, symbol="ETHUSDT", vwap="105.25")
    store.minute_prices.append([newest], now)

    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(news).to_have_text(f"ETHUSDT, {newest.minute:%H:%M} UTC: 105.25")
