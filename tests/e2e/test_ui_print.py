"""On paper each page is light, fits the sheet, and has nothing on it that only a mouse can use."""

import io

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.e2e.lone_prices import open_prices, wait_until_drawn
from tests.e2e.lone_report import write_report
from tests.e2e.looks import IS_DARK, SCROLLS_SIDEWAYS

# A4 upright, less its margins, at 96 pixels an inch.
PAPER = {"width": 718, "height": 1047}
PAGES = [
    "/prices/?symbol=BTCUSDT",
    "/prices/report/",
    "/quality/",
    "/prices/run?dag_id=a&run_id=b",
    "/prices/glossary",
]


@pytest.fixture(scope="module", autouse=True)
def _report(lone_data):
    write_report(lone_data)


@pytest.fixture
def page(lone_watch):
    lone_watch.page.emulate_media(color_scheme="dark")
    return lone_watch.page


def wait_for_theme(page, name):
    """Wait until a page is light, or dark; the page's own policy keeps others from asking often."""
    expect(page.locator("html")).to_have_attribute("data-theme", name)
    assert page.evaluate(IS_DARK) == (name == "dark")


@pytest.mark.parametrize("address", PAGES)
def test_is_light_and_fits_though_the_screen_is_dark(page, address):
    page.goto(address)
    page.get_by_role("heading", level=1).wait_for()
    wait_for_theme(page, "dark")

    page.set_viewport_size(PAPER)
    page.emulate_media(media="print", color_scheme="dark")

    wait_for_theme(page, "light")
    wait_until_drawn(page)
    assert not page.evaluate(SCROLLS_SIDEWAYS)
    expect(page.get_by_test_id("strip")).to_be_visible()
    expect(page.locator("form").locator("visible=true")).to_have_count(0)


def test_a_report_fits_the_sheet(page):
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size(PAPER)

    page.goto("/prices/report/files/latest.html")

    page.get_by_role("table").first.wait_for()
    assert not page.evaluate(SCROLLS_SIDEWAYS)


def test_the_chart_is_a_light_picture_of_the_papers_width(page):
    open_prices(page)

    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size(PAPER)

    canvas = page.locator("#printed canvas")
    box = canvas.bounding_box()
    assert box["width"] <= PAPER["width"]
    shot = Image.open(io.BytesIO(canvas.screenshot())).convert("L")
    assert shot.getpixel((2, 2)) > 250
    # Something is drawn: more than a few greys.
    assert len(shot.getcolors(256)) > 20
    expect(page.get_by_test_id("copy")).to_be_hidden()
    expect(page.get_by_test_id("chart")).not_to_be_in_viewport()


def test_is_as_it_was_after_it_is_printed(page):
    open_prices(page)
    page.emulate_media(media="print", color_scheme="dark")
    wait_for_theme(page, "light")

    page.emulate_media(media="screen", color_scheme="dark")

    wait_for_theme(page, "dark")
    expect(page.locator("#printed")).to_be_hidden()
    expect(page.get_by_test_id("chart")).to_be_visible()


def test_a_sheet_is_made_of_it(page):
    """By the browser's own printing, which tells the page before it begins."""
    open_prices(page)

    made = page.pdf(format="A4")

    assert made.startswith(b"%PDF")
    wait_for_theme(page, "dark")
