"""What the page Prices shows, saved: its minutes as CSV and JSON, and its picture."""

import csv
import json
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from include.records.decimals import plain
from include.records.windows import MINUTE, Window
from tests.e2e.lone_prices import SOURCE, SYMBOLS, open_prices, zoom_in
from tests.e2e.looks import PHONE, SCHEMES

SYMBOL = SYMBOLS[0]


@pytest.fixture
def page(lone_watch):
    return lone_watch.page


@pytest.fixture
def hour(filled):
    """An hour that no clock moves."""
    _, now = filled
    return Window(now - 90 * MINUTE, now - 30 * MINUTE)


def open_hour(page, hour, more=""):
    ends = f"from={hour.start:%Y-%m-%dT%H:%MZ}&to={hour.end:%Y-%m-%dT%H:%MZ}"
    open_prices(page, f"symbol={SYMBOL}&{ends}{more}")


def save(page, kind, folder):
    """Press a button; return the file's name and where it is."""
    with page.expect_download() as started:
        page.get_by_test_id(kind).click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    expect(page.get_by_test_id("taken")).to_have_text(f"Saved as {path.name}.")
    return path


def test_saves_the_minutes_as_they_are_stored(page, filled, hour, tmp_path):
    store, _ = filled
    stored = [each.average for each in store.minute_prices.between(SYMBOL, hour)]
    open_hour(page, hour)

    with page.expect_response("**/prices/api/file?**") as answered:
        path = save(page, "csv", tmp_path)
    rows = [*csv.DictReader(path.read_text().splitlines())]

    assert [row["vwap"] for row in rows] == [plain(each.vwap) for each in stored]
    assert {row["source"] for row in rows} == {SOURCE}
    assert len({row["as_of"] for row in rows}) == 1
    # The page and the server give it one name.
    assert f'"{path.name}"' in answered.value.headers["content-disposition"]
    ends = f"{hour.start:%Y-%m-%dT%H%MZ}_{hour.end:%Y-%m-%dT%H%MZ}"
    assert re.fullmatch(rf"{SYMBOL}_{ends}_as_of_\S+Z\.csv", path.name)


def test_saves_the_same_as_json(page, hour, tmp_path):
    open_hour(page, hour)

    made = json.loads(save(page, "json", tmp_path).read_text())

    assert (made["symbol"], made["sources"]) == (SYMBOL, [SOURCE])
    assert len(made["minutes"]) == 60
    assert isinstance(made["minutes"][0]["vwap"], str)


def test_saves_what_was_known_at_the_moment_that_is_shown(page, hour, tmp_path):
    moment = hour.start + 20 * MINUTE
    open_hour(page, hour, f"&moment={moment:%Y-%m-%dT%H:%MZ}")

    path = save(page, "json", tmp_path)

    made = json.loads(path.read_text())
    assert made["as_of"] == f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    # Each is published seven seconds after its end.
    assert len(made["minutes"]) == 19
    assert path.name.endswith(f"_as_of_{moment:%Y-%m-%dT%H%M%SZ}.json")


def test_saves_only_the_part_in_sight(page, hour, tmp_path):
    open_hour(page, hour)
    zoom_in(page)
    expect(page).to_have_url(re.compile("zoom="))
    start, end = re.findall(r"zoom=([^/]+)/([^&]+)", page.url)[0]

    made = json.loads(save(page, "json", tmp_path).read_text())

    assert [made[each].replace(":00Z", "Z") for each in ("from", "to")] == [start, end]
    assert 0 < len(made["minutes"]) < 60


def test_saves_a_picture_of_the_chart_with_its_legend(page, hour, tmp_path):
    """As wide as the chart; above and below it are the heading, the lanes and the legend."""
    open_hour(page, hour)
    chart = page.get_by_test_id("chart").bounding_box()
    lanes = page.get_by_test_id("lanes").bounding_box()

    picture = Image.open(save(page, "png", tmp_path))

    assert chart["width"] < picture.width < chart["width"] + 40
    assert picture.height > chart["height"] + lanes["height"] + 50


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_picture_is_dark_where_the_page_is(page, hour, tmp_path, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(PHONE)
    open_hour(page, hour)

    picture = Image.open(save(page, "png", tmp_path)).convert("L")

    assert (picture.getpixel((2, 2)) < 128) == (scheme == "dark")


def test_saves_in_airflows_frame(page):
    page.goto("/plugin/prices")
    frame = page.frame_locator("iframe")
    frame.locator("#take:enabled").wait_for()

    for kind in ("csv", "png"):
        with page.expect_download() as started:
            frame.get_by_test_id(kind).click()
        assert started.value.suggested_filename.endswith(f".{kind}")


def test_says_why_nothing_is_saved(page, lone_watch, hour):
    lone_watch.expect("console error: .* 503 ")
    open_hour(page, hour)
    page.route(
        "**/api/file?**",
        lambda route: route.fulfill(status=503, json={"problem": "Cassandra does not answer"}),
    )

    page.get_by_test_id("csv").click()

    expect(page.get_by_test_id("taken")).to_have_text("Not saved.")
    expect(page.get_by_test_id("problem")).to_contain_text("Cassandra does not answer")
