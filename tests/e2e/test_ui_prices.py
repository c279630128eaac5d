"""Prices, Report and Batches in a real browser: what they show is what is stored.

A minute without a value is made at once and looked at last: others use the time until it is there.
"""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from include.records.shown_numbers import price_text
from include.records.windows import HOUR, MINUTE, floor_minute, from_ms, to_ms
from tests.e2e.conftest import REPORT, SYMBOLS
from tests.e2e.looks import wait_until_dark
from tests.e2e.prices_page import (
    CAUSE,
    CLOSE,
    OPEN,
    QUALITY,
    SHOWN,
    VWAP,
    assert_is_a_space,
    choose_span,
    completeness,
    known_at,
    open_prices,
    row_of,
    said_of,
    shown_rows,
    shown_tile,
)

SYMBOL, HALF_SYMBOL = "BTCUSDT", "SOLUSDT"
GAPS = ("SOURCE_GAP", "INGEST_GAP")
# A row of the table runs its cells together.
PUBLISHED = re.compile("OK|source gap|ingest gap")


@pytest.fixture(scope="module")
def gap(product):
    """A minute that the exchange has no row of for one symbol; published while other tests run."""
    # Whole minutes are fetched: of one that began just now nothing is.
    minute = floor_minute(datetime.now(UTC) + MINUTE / 2)
    span = {"from_ms": to_ms(minute), "until_ms": to_ms(minute + MINUTE)}
    fault = {
        "endpoint": "klines",
        "symbol": HALF_SYMBOL,
        "effect": {"kind": "rows", "change": "missing", **span},
    }
    product.simulator.post("/faults", json=[fault]).raise_for_status()
    yield minute
    product.simulator.delete("/faults").raise_for_status()


@pytest.fixture(scope="module", autouse=True)
def _filled(product, gap):
    """There is something to look at."""
    product.wait_until_published(gap - 2 * MINUTE)
    product.wait_for(product.stack.home.report.exists, what="a report", runs_of=REPORT)


def test_shows_the_numbers_that_are_stored(page, product):
    """Where a minute was published while the page was made, it is made again."""

    def stored():
        now = floor_minute(datetime.now(UTC))
        return product.minutes(SYMBOL, now - HOUR, now)

    for _ in range(20):
        before = stored()
        open_prices(page, SYMBOL)
        rows = shown_rows(page)
        tiles = {name: shown_tile(page, name) for name in ("vwap", "grade", "completeness")}
        if before == stored():
            break

    last = [price.average for price in before if price.average.vwap is not None][-1]
    assert tiles["vwap"][:2] == [price_text(last.vwap), f"of {last.minute:%H:%M} UTC"]
    assert tiles["grade"] == [last.grade.value, f"quality {last.quality} of 100"]
    assert tiles["completeness"][0] == completeness(before)
    expected = {price.average.minute: said_of(price) for price in before[-60:]}
    shown = {minute: row[VWAP : QUALITY + 1] for minute, row in rows.items() if minute in expected}
    assert shown == {minute: expected[minute] for minute in rows if minute in expected}
    assert len(shown) >= 15


def test_goes_back_to_what_was_known_at_a_moment(page, product):
    product.wait_for(
        lambda: known_at(product, SYMBOL, datetime.now(UTC) - 3 * MINUTE),
        what="a past",
    )
    open_prices(page, SYMBOL)
    slider = page.get_by_test_id("as-of")

    slider.focus()
    with page.expect_response("**/prices/api/board?**moment=**"):
        for _ in range(2):
            slider.press("ArrowLeft")

    moment = from_ms(60_000 * int(slider.input_value()))
    expect(page.locator("#moment-text")).to_have_text(f"{moment:%Y-%m-%d %H:%M} UTC")
    known = known_at(product, SYMBOL, moment)
    expect(page.get_by_test_id("tile-vwap")).to_contain_text(f"of {known[-1]:%H:%M} UTC")
    rows = shown_rows(page)
    assert max(minute for minute, row in rows.items() if row[OPEN]) == known[-1]

    with page.expect_response("**/prices/api/board?**"):
        slider.press("End")
    expect(page.get_by_test_id("tile-vwap")).not_to_contain_text(f"of {known[-1]:%H:%M} UTC")


def test_picks_a_symbol_and_a_span(page):
    open_prices(page, SYMBOL)
    expect(page.get_by_test_id("symbol").locator("option")).to_have_text([*SYMBOLS])
    before = shown_tile(page, "vwap")

    with page.expect_response(f"**/prices/api/board?symbol={HALF_SYMBOL}**"):
        page.get_by_test_id("symbol").select_option(HALF_SYMBOL)
    expect(page.get_by_test_id("tile-vwap").locator(".value")).not_to_have_text(before[0])

    for hours in (24, 168):
        choose_span(page, hours)


def test_says_what_is_wrong_with_a_span(page, watch):
    watch.expect(r"console error: .* 400 ")
    open_prices(page, SYMBOL)
    now = floor_minute(datetime.now(UTC))
    with page.expect_response("**/prices/api/board?**"):
        page.get_by_test_id("spans").get_by_label("custom").check()

    page.get_by_label("from").fill(f"{now - 2 * MINUTE:%Y-%m-%dT%H:%M}")
    page.get_by_label("to", exact=True).fill(f"{now - 9 * MINUTE:%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Show").click()

    expect(page.get_by_test_id("problem")).to_contain_text("is after to")
    page.get_by_label("to", exact=True).fill(f"{now:%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_test_id("problem")).to_be_hidden()
    expect(page.locator("#rows tr")).to_have_count(2)


def test_tells_the_story_of_a_minute_and_leads_to_its_run(page, product, gap):
    """In Airflow's frame, which its own pages must not be opened in."""
    page.goto("/plugin/prices")
    frame = page.frame_locator("iframe")
    frame.get_by_text("as a table").click()
    minute = f"{gap - 5 * MINUTE:%Y-%m-%d %H:%M}"
    details = frame.get_by_test_id("details")

    frame.get_by_role("button", name=minute).click()

    expect(details.get_by_role("heading", level=2)).to_have_text(f"{SYMBOL}, {minute} UTC")
    (*_, price) = product.history(SYMBOL, gap - 5 * MINUTE, gap - 4 * MINUTE)
    revisions = details.get_by_test_id("revisions")
    expect(revisions).to_contain_text(f"revision {price.revision}")
    expect(revisions).to_contain_text(f"{price.average.vwap:,f}")
    docs = details.get_by_test_id("data-docs").get_attribute("href")
    assert docs.endswith(f"/quality/docs/days/{minute[:10]}/{SYMBOL}.html")

    frame.get_by_test_id("axis").focus()
    page.keyboard.press("ArrowLeft")
    before = f"{gap - 6 * MINUTE:%Y-%m-%d %H:%M}"
    expect(details.get_by_role("heading", level=2)).to_have_text(f"{SYMBOL}, {before} UTC")

    details.get_by_role("link", name="ingest_prices").first.click()
    page.wait_for_url("**/dags/ingest_prices/runs/**")
    page.get_by_role("link", name="Batches").wait_for()


def test_lists_the_batches_of_a_run(page, product):
    newest = {"state": "success", "order_by": "-start_date", "limit": 1}
    runs = product.get("/dags/ingest_prices/dagRuns", **newest)
    run_id = runs["dag_runs"][0]["dag_run_id"]

    page.goto(f"/dags/ingest_prices/runs/{run_id}")
    page.get_by_role("link", name="Batches").click()

    rows = page.frame_locator("iframe").get_by_test_id("verdicts").locator("tbody tr")
    expect(rows).to_have_count(len(SYMBOLS))
    for symbol, cells in zip(sorted(SYMBOLS), rows.all_inner_texts(), strict=True):
        assert cells.startswith(symbol)
        # The minute without a value is worth a remark.
        assert "✓ passed" in cells or symbol == HALF_SYMBOL


def test_shows_the_newest_report_and_those_before(page, product):
    page.goto("/prices/report/")
    report = page.frame_locator("iframe")
    report.locator("table").first.wait_for()
    for symbol in SYMBOLS:
        expect(report.locator("body")).to_contain_text(symbol)

    hours = page.get_by_test_id("which").locator("option[value^=hourly]")
    if hours.count():
        page.get_by_test_id("which").select_option(hours.first.get_attribute("value"))
        path = page.get_by_test_id("png").get_attribute("href")
        picture = page.request.get(f"{product.url}/prices/report/{path}")
        assert picture.body().startswith(b"\x89PNG")


def test_is_dark_where_airflow_is_switched_to_dark(page):
    """Though the system is light."""
    page.emulate_media(color_scheme="light")
    page.goto("/prices/")
    page.evaluate("localStorage.setItem('theme', 'dark')")
    try:
        drawn = {"prices": SHOWN, "price-report": "#which:enabled", "quality": "table"}
        for path, ready in drawn.items():
            page.goto(f"/plugin/{path}")
            page.locator("html.dark").wait_for()
            page.frame_locator("iframe").locator(ready).first.wait_for(state="attached")
            frame = page.locator("iframe").element_handle().content_frame()
            wait_until_dark(frame)
            for inner in frame.child_frames:
                inner.locator("html[data-theme=dark] table").first.wait_for()
                wait_until_dark(inner)
    finally:
        page.evaluate("localStorage.removeItem('theme')")


def test_shows_a_new_minute_by_itself_and_a_space_where_it_has_no_value(page, product, gap):
    """Without being loaded again: the minute comes as others do, at its time."""
    page.emulate_media(color_scheme="light")
    open_prices(page, HALF_SYMBOL)
    page.evaluate("window.isSamePage = true")
    there = [minute for minute, row in shown_rows(page).items() if PUBLISHED.search(row[CAUSE])]
    coming = max(gap, max(there) + MINUTE)

    product.wait_until_published(coming, flags=("OK", *GAPS), symbols=[HALF_SYMBOL])
    expect(row_of(page, coming)).to_contain_text(PUBLISHED)
    # A slow machine fetches late, and publishes at first that nothing was fetched.
    product.wait_until_published(gap, flags=("SOURCE_GAP",), symbols=[HALF_SYMBOL])
    expect(row_of(page, gap)).to_contain_text("source gap")

    assert page.evaluate("window.isSamePage")
    rows = shown_rows(page)
    (price,) = product.minutes(HALF_SYMBOL, gap, gap + MINUTE)
    assert price.average.vwap is None
    assert rows[gap][VWAP : QUALITY + 1] == said_of(price)
    assert rows[gap][OPEN : CLOSE + 1] == [""] * 4
    assert_is_a_space(page, [*reversed(rows)], gap)
    expect(page.get_by_test_id("legend").get_by_title("SOURCE_GAP")).to_be_visible()

    row_of(page, gap).get_by_role("button").click()
    details = page.get_by_test_id("details")
    expect(details).to_contain_text("source gap: ")
    vwaps = details.get_by_test_id("revisions").get_by_role("row", name="VWAP")
    expect(vwaps).to_contain_text("none")
