"""What the page Prices shows is in its address: reload, back, forward, and a link for others."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from include.records.windows import MINUTE
from tests.e2e.lone_prices import choose, open_prices, wait_until_drawn, zoom_in
from tests.e2e.prices_page import SHOWN

# 12:00 on a Sunday.
NOON_MS = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)
MINUTE_MS = 60_000
READ = """([search, now]) =>
  import("/prices/static/address.js").then(it => it.readAddress(search, now))"""
WRITE = """shown => import("/prices/static/address.js").then(it => it.queryOf(shown))"""


@pytest.fixture
def page(lone_watch):
    return lone_watch.page


def text(moment):
    return f"{moment:%Y-%m-%dT%H:%MZ}"


def fixed(now, *, minutes=120, before=240):
    """The query of a span that no clock moves."""
    start = now - before * MINUTE
    return f"symbol=ETHUSDT&from={text(start)}&to={text(start + minutes * MINUTE)}"


def heading(page):
    return page.get_by_test_id("details").get_by_role("heading", level=2)


def visible(page):
    """How the page looks: what is picked in the form, and the minute."""
    return {
        "symbol": page.get_by_test_id("symbol").input_value(),
        "span": page.locator("input[name=span]:checked").input_value(),
        "from": page.get_by_label("from").input_value(),
        "as of": page.locator("#moment-text").inner_text(),
        "minute": heading(page).inner_text(),
        "whole": page.get_by_test_id("grouping").inner_text(),
    }


def read(page, search):
    return page.evaluate(READ, [search, NOON_MS])


def test_an_address_that_says_nothing_shows_the_last_day(page):
    open_prices(page)

    assert read(page, "") == {
        "symbol": "",
        "span": "24",
        "from": None,
        "to": None,
        "moment": None,
        "minute": None,
        "zoom": None,
        "problems": [],
    }


@pytest.mark.parametrize(
    ("span", "from_ms", "to_ms"),
    [("1", None, None), ("168", None, None), ("custom", NOON_MS - 7_200_000, NOON_MS)],
)
def test_reads_what_it_writes(page, span, from_ms, to_ms):
    open_prices(page)
    shown = {
        "symbol": "币安人生USDT",
        "span": span,
        "from": from_ms,
        "to": to_ms,
        "moment": NOON_MS - 2 * MINUTE_MS,
        "minute": NOON_MS - 10 * MINUTE_MS,
        "zoom": {"from": NOON_MS - 20 * MINUTE_MS, "to": NOON_MS - 5 * MINUTE_MS},
    }

    query = page.evaluate(WRITE, shown)

    assert read(page, f"?{query}") == {**shown, "problems": []}


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ("?span=2y", ["span “2y”", "is not one of 1h, 24h, 7d", "the last 24\u00a0h are shown"]),
        ("?span=constructor", ["is not one of"]),
        ("?span=1h&from=noon&to=2026-03-01T12:00Z", ["from “noon”", "the last 1\u00a0h are shown"]),
        ("?from=2026-03-01T11:00Z", ["needs to as well"]),
        ("?to=2026-03-01T11:00Z", ["needs from as well"]),
        ("?from=2026-03-01T11:00&to=2026-03-01T12:00", ["is not a time, which is written like"]),
        ("?moment=2026-02-01T12:00Z", ["not after the start of the span"]),
        ("?minute=2026-03-01T12:00Z", ["not in the span shown: none is picked"]),
        ("?minute=%3Cimg%20src=x%3E", ["“<img src=x>”", "is not a time"]),
        ("?zoom=2026-03-01T12:00Z", ["is not a part of the span"]),
        ("?zoom=2026-01-01T12:00Z/2026-01-01T13:00Z", ["is not a part of the span"]),
        (f"?span={'9' * 5000}", ["“" + "9" * 40 + "”"]),
    ],
)
def test_says_what_of_an_address_makes_no_sense(page, search, words):
    """And shows something all the same."""
    open_prices(page)

    found = read(page, search)

    said = " ".join(found["problems"])
    assert [word for word in words if word not in said] == []
    assert (found["minute"], found["moment"], found["zoom"]) == (None, None, None)


def test_shows_a_sentence_for_a_bad_address_until_something_else_is_picked(page):
    open_prices(page, "symbol=BTCUSDT&span=2y&minute=yesterday")

    noted = page.get_by_test_id("noted")
    expect(noted).to_contain_text("span “2y” in the address is not one of")
    expect(noted).to_contain_text("minute “yesterday” in the address is not a time")
    expect(page.get_by_test_id("problem")).to_be_hidden()
    expect(page.locator("#rows tr")).not_to_have_count(0)
    choose(page, 1)
    expect(noted).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/prices/\?symbol=BTCUSDT&span=1h$"))


def test_says_what_the_server_refuses_of_an_address_and_lets_it_be_corrected(page, lone_watch):
    """A symbol in lower case; and a span whose ends are the wrong way round."""
    lone_watch.expect(r"console error: .* 400 ")
    page.goto("/prices/?symbol=btcusdt")
    expect(page.get_by_test_id("problem")).to_contain_text("write it in upper case")
    page.get_by_test_id("symbol").select_option("BTCUSDT")
    expect(page.get_by_test_id("problem")).to_be_hidden()

    page.goto("/prices/?symbol=BTCUSDT&from=2026-03-01T12:00Z&to=2026-03-01T11:00Z")
    expect(page.get_by_test_id("problem")).to_contain_text("is after to")
    expect(page.get_by_label("from")).to_have_value("2026-03-01T12:00")
    expect(page.get_by_test_id("symbol")).to_have_value("BTCUSDT")


def test_a_reload_shows_the_same(page, filled):
    _, now = filled
    open_prices(page, fixed(now))
    slider = page.get_by_test_id("as-of")
    slider.focus()
    with page.expect_response("**moment=**"):
        for _ in range(3):
            slider.press("ArrowLeft")
    page.locator(SHOWN).wait_for()
    zoom_in(page)
    page.get_by_test_id("axis").focus()
    page.keyboard.press("End")
    for part in ("symbol=ETHUSDT", "moment=", "minute=", "zoom="):
        expect(page).to_have_url(re.compile(part))
    # The last minute brought the end of the span into view.
    expect(page).to_have_url(re.compile(f"zoom=.*/{text(now - 120 * MINUTE)}"))
    expect(heading(page)).to_contain_text("ETHUSDT, ")
    before, address = visible(page), page.url

    page.reload()
    page.locator(SHOWN).wait_for()
    expect(heading(page)).to_contain_text("ETHUSDT, ")
    wait_until_drawn(page)

    assert visible(page) == before
    # The zoom as well: it is written again from what the chart shows.
    expect(page).to_have_url(address)


def test_back_and_forward_show_what_was_shown(page):
    open_prices(page)
    page.get_by_test_id("symbol").select_option("ETHUSDT")
    expect(page).to_have_url(re.compile("symbol=ETHUSDT&span=24h"))
    choose(page, 1)
    expect(page).to_have_url(re.compile("symbol=ETHUSDT&span=1h"))

    page.go_back()
    expect(page.locator("input[name=span][value='24']")).to_be_checked()
    page.locator(SHOWN).wait_for()
    page.go_back()
    expect(page.get_by_test_id("symbol")).to_have_value("BTCUSDT")
    page.locator(SHOWN).wait_for()
    expect(page).to_have_url(re.compile("symbol=BTCUSDT&span=24h"))
    page.go_forward()
    expect(page.get_by_test_id("symbol")).to_have_value("ETHUSDT")


def test_picking_minutes_adds_no_step_to_go_back(page):
    open_prices(page, "symbol=BTCUSDT&span=1h")
    page.locator(SHOWN).wait_for()
    count = page.evaluate("history.length")

    page.get_by_test_id("axis").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("minute="))

    assert page.evaluate("history.length") == count


def copied(page):
    page.get_by_test_id("copy").click()
    expect(page.get_by_test_id("taken")).to_contain_text("Link copied")
    return page.evaluate("navigator.clipboard.readText()")


def test_a_link_follows_the_clock_until_a_minute_is_picked(page):
    """Then it has the span's ends: the minute would leave the last hour."""
    open_prices(page, "symbol=BTCUSDT&span=1h")

    assert copied(page).endswith("/prices/?symbol=BTCUSDT&span=1h")
    page.get_by_test_id("axis").focus()
    page.keyboard.press("Home")
    link = copied(page)

    (start,) = re.findall(r"\?symbol=BTCUSDT&from=(\S+?)&to=\S+?&minute=\1$", link)
    page.goto(link)
    expect(heading(page)).to_contain_text(start[:10])
    expect(heading(page)).to_contain_text(start[11:16])
    expect(page.locator("#rows tr")).to_have_count(60)


def test_a_link_opens_the_same_in_airflows_frame(page, filled, lone_address):
    """The frame's own address would open the page without Airflow around it."""
    _, now = filled
    page.goto("/plugin/prices")
    frame = page.frame_locator("iframe")
    frame.locator(SHOWN).wait_for()
    frame.get_by_test_id("symbol").select_option("ETHUSDT")
    expect(page).to_have_url(re.compile(r"/plugin/prices/prices/\?symbol=ETHUSDT&span=24h"))
    frame.get_by_text("as a table").click()
    minute = f"{now - 10 * MINUTE:%Y-%m-%d %H:%M}"
    frame.get_by_role("button", name=minute).click()
    frame.get_by_test_id("copy").click()
    expect(frame.get_by_test_id("taken")).to_contain_text("Link copied")
    link = page.evaluate("navigator.clipboard.readText()")

    assert link.startswith(f"{lone_address}/plugin/prices/prices/?symbol=ETHUSDT&from=")
    page.goto(link)
    opened = frame.get_by_test_id("details").get_by_role("heading", level=2)
    expect(opened).to_have_text(f"ETHUSDT, {minute} UTC")


def test_in_airflows_frame_reload_and_back_show_the_same(page):
    page.goto("/plugin/prices")
    frame = page.frame_locator("iframe")
    frame.locator(SHOWN).wait_for()
    frame.get_by_test_id("symbol").select_option("ETHUSDT")
    expect(page).to_have_url(re.compile("symbol=ETHUSDT"))

    page.reload()
    frame.locator(SHOWN).wait_for()
    expect(frame.get_by_test_id("symbol")).to_have_value("ETHUSDT")
    frame.get_by_test_id("symbol").select_option("BTCUSDT")
    expect(page).to_have_url(re.compile("symbol=BTCUSDT"))
    page.go_back()
    expect(frame.get_by_test_id("symbol")).to_have_value("ETHUSDT")
    expect(page).to_have_url(re.compile("symbol=ETHUSDT"))


@pytest.mark.parametrize("is_allowed", [True, False], ids=["old command", "nothing"])
def test_a_link_is_there_without_a_clipboard(page, is_allowed):
    """Browsers have none where Airflow is served without HTTPS."""
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    if not is_allowed:
        page.add_init_script("document.execCommand = () => false")
    open_prices(page, "symbol=BTCUSDT&span=1h")

    page.get_by_test_id("copy").click()

    said, link = page.get_by_test_id("taken"), page.get_by_test_id("link")
    if is_allowed:
        expect(said).to_contain_text("Link copied")
        expect(link).to_be_hidden()
    else:
        expect(said).to_contain_text("Copy this link")
        expect(link).to_have_value(re.compile("symbol=BTCUSDT&span=1h$"))
        assert page.evaluate("getSelection().toString()").endswith("span=1h")
