"""The page Prices in a real browser, over minutes that a test chooses: no stack is started."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from include.records.price_strip import duration_text
from include.records.windows import MINUTE, Window, floor_minute
from tests.e2e.lone_prices import (
    REVISED,
    SOURCE,
    SYMBOLS,
    choose,
    click_chart,
    open_prices,
    wait_until_drawn,
)
from tests.e2e.looks import PHONE
from tests.e2e.prices_page import SHOWN


@pytest.fixture
def watch(lone_watch):
    return lone_watch


@pytest.fixture
def page(watch):
    return watch.page


def is_tail(answer):
    """Whether it is a board of the newest half hour, which a refresh asks for."""
    is_board = answer.ok and "/api/board?" in answer.url
    return is_board and len(answer.json()["candles"]["vwap"]) == 30


def test_says_where_the_price_comes_from_and_counts_its_age(page):
    open_prices(page)
    strip = page.get_by_test_id("strip")

    expect(strip).to_contain_text(f"{SOURCE} · price of ")
    before = strip.inner_text()
    expect(strip).not_to_have_text(before)


def test_writes_an_age_as_the_files_and_the_terminal_do(page):
    """At each step from one unit to the next."""
    ages = [0, 59, 60, 119, 120, 7_199, 7_200, 172_799, 172_800, 10**7]
    open_prices(page)

    written = page.evaluate(
        "ages => import('/prices/static/strip.js').then(it => ages.map(it.durationText))", ages
    )

    assert written == [duration_text(timedelta(seconds=age)) for age in ages]


@pytest.mark.parametrize("path", ["report/", "run?dag_id=average_minutes&run_id=one"])
def test_other_pages_have_the_same_strip(page, path, monkeypatch):
    monkeypatch.setattr("include.web.prices_page.storage_url", lambda: "/nowhere")
    page.goto(f"/prices/{path}")

    expect(page.get_by_test_id("strip")).to_contain_text(f"{SOURCE} · price of ")


def test_turns_amber_and_red_while_nothing_new_comes(page, watch):
    """The page's clock is moved on, and the server does not answer any more."""
    watch.expect("failed request|console error")
    page.clock.install()
    open_prices(page)
    strip = page.get_by_test_id("strip")
    expect(strip).to_contain_text("price of")
    page.route("**/api/board?**", lambda route: route.abort())

    page.clock.fast_forward(91_000)
    expect(strip).to_have_class(re.compile("late|stale"))
    page.clock.fast_forward(181_000)
    expect(strip).to_have_class(re.compile("stale"))


def test_a_week_keeps_its_counts_while_its_end_is_asked_for(page):
    """They are of twelve hours; those of the end alone would be of thirty minutes."""
    open_prices(page)
    choose(page, 168)
    tile = page.get_by_test_id("tile-completeness")
    before = tile.inner_text()

    with page.expect_response(is_tail, timeout=90_000) as asked:
        pass
    page.locator(SHOWN).wait_for()

    assert "counted_from" not in asked.value.url
    assert "missing since" in tile.inner_text()
    assert tile.inner_text().splitlines()[-1].split()[-1] == before.splitlines()[-1].split()[-1]
    expect(page.get_by_test_id("tile-vwap")).to_contain_text(re.compile(r"% since \d\d"))


def test_asks_again_when_the_next_minute_is_due(page):
    """For its end alone, and counts the whole hour in the tiles."""
    open_prices(page)
    choose(page, 1)

    with page.expect_response(is_tail, timeout=90_000) as asked:
        pass

    board = asked.value.json()
    assert "counted_from" in asked.value.url
    assert board["tiles"]["valued_count"] > 30


def test_is_not_complete_beside_a_gap(page):
    open_prices(page)
    choose(page, 1)
    tile = page.get_by_test_id("tile-completeness")

    expect(tile).to_contain_text("Completeness, 1\u00a0h")
    expect(tile).not_to_contain_text("100.00 %")


def test_tiles_follow_the_span(page, filled):
    _, now = filled
    open_prices(page)
    page.get_by_test_id("spans").get_by_label("custom").check()
    start = now - 300 * MINUTE
    page.get_by_label("from").fill(f"{start:%Y-%m-%dT%H:%M}")
    page.get_by_label("to", exact=True).fill(f"{start + 60 * MINUTE:%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Show", exact=True).click()

    last = start + 59 * MINUTE
    expect(page.get_by_test_id("tile-vwap")).to_contain_text(f"of {last:%H:%M} UTC")
    expect(page.get_by_test_id("strip")).to_contain_text("in a past span")
    expect(page.get_by_test_id("strip")).not_to_have_class(re.compile("stale|late"))


def test_an_unknown_symbol_leaves_the_known_ones_to_choose_from(page, watch):
    watch.expect(r"console error: .* 404 ")
    page.goto("/prices/?symbol=DOGEUSDT")

    expect(page.get_by_test_id("problem")).to_contain_text("'DOGEUSDT' is not fetched")
    expect(page.get_by_test_id("symbol").locator("option")).to_have_text([*SYMBOLS])
    page.get_by_test_id("symbol").select_option("ETHUSDT")
    expect(page.get_by_test_id("problem")).to_be_hidden()
    expect(page.locator("#rows tr")).not_to_have_count(0)


def test_before_the_first_publication_it_says_so_and_leads_back(page):
    open_prices(page)
    slider = page.get_by_test_id("as-of")
    slider.focus()
    with page.expect_response("**moment=**"):
        slider.press("Home")

    empty = page.get_by_test_id("empty")
    expect(empty).to_contain_text("nothing of this span was known at")
    expect(empty).not_to_contain_text("DAGs")
    empty.get_by_role("button").click()
    expect(empty).to_be_hidden()


def test_a_minute_that_is_not_due_says_when_it_is(page, filled):
    """The one that ended last, before it is published."""
    store, _ = filled
    now = datetime.now(UTC)
    newest = floor_minute(now) - MINUTE
    is_there = store.minute_prices.between("BTCUSDT", Window(newest, newest + MINUTE))
    # Half a minute after its end it is late.
    if is_there or now > newest + MINUTE + timedelta(seconds=20):
        left = newest + 2 * MINUTE - now
        page.wait_for_timeout(left.total_seconds() * 1000 + 500)
    open_prices(page)
    choose(page, 1)
    page.get_by_test_id("axis").focus()
    page.keyboard.press("End")

    details = page.get_by_test_id("details")
    expect(details).to_contain_text("is not published yet: it usually is by")
    expect(details).not_to_contain_text("backfill_prices")


def test_the_current_revision_comes_first(page, filled):
    _, now = filled
    page.set_viewport_size(PHONE)
    open_prices(page)
    choose(page, 1)
    page.locator("#listed").evaluate("it => { it.open = true }")

    page.get_by_role("button", name=f"{now - REVISED * MINUTE:%Y-%m-%d %H:%M}").click()

    heads = page.get_by_test_id("revisions").locator("thead th")
    expect(heads.nth(1)).to_have_text("revision 2")
    box = page.get_by_test_id("revisions").get_by_role("row", name="VWAP").locator("td").first
    assert box.bounding_box()["x"] < PHONE["width"] / 2
    expect(box).to_contain_text("99.25")


def test_on_a_phone_the_chart_is_on_the_first_screen(page):
    page.set_viewport_size(PHONE)
    open_prices(page)

    top = page.get_by_test_id("chart").bounding_box()["y"]

    assert top < 0.6 * PHONE["height"]
    expect(page.locator("#keys")).to_be_hidden()


def test_zooms_out_to_all_there_is_and_back_with_one_button(page):
    open_prices(page)
    choose(page, 1)
    box = page.get_by_test_id("chart").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + 80)
    grouping = page.get_by_test_id("grouping")

    for _ in range(30):
        page.mouse.wheel(0, 400)
    wait_until_drawn(page)
    # Still the hour: further out, minutes would be too narrow to be drawn one by one.
    expect(grouping).to_have_text("")
    for _ in range(5):
        page.mouse.wheel(0, -400)
    wait_until_drawn(page)
    page.get_by_test_id("whole").click()
    wait_until_drawn(page)
    click_chart(page, "chart", 0.01, 80)

    first = floor_minute(datetime.now(UTC)) - 60 * MINUTE
    heading = page.get_by_test_id("details").get_by_role("heading", level=2)
    expect(heading).to_contain_text(re.compile(f"{first:%H:%M}|{first + MINUTE:%H:%M}"))


def test_shows_the_whole_span_though_a_refresh_comes_before_it_is_drawn(page):
    open_prices(page)

    shown = page.evaluate("""async () => {
      const { makeChart } = await import("/prices/static/chart.js");
      const frames = () => new Promise(
        (done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      const to = new Date(Math.floor(Date.now() / 60000) * 60000);
      const from = new Date(to - 3600000);
      const board = await (await fetch("/prices/api/board?" + new URLSearchParams(
        { symbol: "BTCUSDT", from: from.toISOString(), to: to.toISOString() }))).json();
      const view = makeChart(document.getElementById("chart"), () => {});
      view.show(board, false);
      await frames();
      view.chart.timeScale().setVisibleLogicalRange({ from: 20, to: 40 });
      await frames();
      view.fit();
      view.show(board, true);
      await frames();
      return view.chart.timeScale().getVisibleLogicalRange();
    }""")

    assert shown == {"from": pytest.approx(-0.5, abs=0.1), "to": pytest.approx(59.5, abs=0.1)}


def test_joins_minutes_that_are_too_narrow_to_be_seen(page):
    """1,440 of them in some eleven hundred pixels."""
    open_prices(page)
    choose(page, 24)

    expect(page.get_by_test_id("grouping")).to_contain_text("a candle is ")
    choose(page, 1)
    expect(page.get_by_test_id("grouping")).to_have_text("")


def test_a_minute_of_another_ribbon_is_shown_under_its_own_chart(page):
    open_prices(page)
    choose(page, 1)

    # The second ribbon.
    click_chart(page, "lanes", 0.4, 28)

    expect(page.get_by_test_id("symbol")).to_have_value("ETHUSDT")
    heading = page.get_by_test_id("details").get_by_role("heading", level=2)
    expect(heading).to_contain_text("ETHUSDT, ")
