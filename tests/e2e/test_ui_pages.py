"""The pages of this project in Airflow's UI, in a real browser on the running product."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from include.reading.quality_days import quality_day
from tests.e2e.conftest import REPORT, SYMBOLS
from tests.e2e.looks import (
    PHONE,
    SCHEMES,
    SIZES,
    assert_works_by_keyboard,
    wait_until_dark,
    wait_until_it_fits,
)
from tests.e2e.prices_page import SHOWN


@dataclass(frozen=True)
class UiPage:
    """A page: its own address, and its heading, which is its name in Airflow's navigation.

    drawn is there when all of it is: some ask for their data when they are open.
    """

    path: str
    heading: str
    drawn: str = "h1"


PAGES = {
    "prices": UiPage("/prices/", "Prices", SHOWN),
    "report": UiPage("/prices/report/", "Report", "#which:enabled"),
    "quality": UiPage("/quality/", "Data quality"),
    "data-docs": UiPage("/quality/docs/index.html", "Data Docs"),
}
each_page = pytest.mark.parametrize("ui_page", PAGES.values(), ids=PAGES)


@pytest.fixture(scope="module", autouse=True)
def _filled(product):
    """What is looked at is there."""
    product.wait_for(product.stack.home.data_docs.exists, what="Data Docs", runs_of=REPORT)


def open_alone(page, ui_page):
    page.goto(ui_page.path)
    page.get_by_role("heading", name=ui_page.heading, level=1).wait_for()
    page.locator(ui_page.drawn).first.wait_for(state="attached")


def frame_of(page, ui_page):
    """Return the frame in which Airflow shows a page, once it is there."""
    outer = page.frame_locator("iframe")
    outer.get_by_role("heading", name=ui_page.heading, level=1).wait_for()
    outer.locator(ui_page.drawn).first.wait_for(state="attached")
    return page.locator("iframe").element_handle().content_frame()


@each_page
def test_opens_from_the_navigation_and_follows_day_and_night(page, ui_page):
    page.goto("/plugins")
    page.get_by_role("button", name="Plugins").click()
    page.get_by_role("menuitem", name=ui_page.heading).click()
    frame = frame_of(page, ui_page)

    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.locator(f"html.{scheme}").wait_for()
        wait_until_dark(frame, is_dark=scheme == "dark")

    page.set_viewport_size(PHONE)
    wait_until_it_fits(frame)


@each_page
def test_fits_a_phone_and_a_wide_screen(page, ui_page):
    for size in SIZES.values():
        page.set_viewport_size(size)
        open_alone(page, ui_page)
        wait_until_it_fits(page)


@each_page
def test_works_by_keyboard(page, ui_page):
    open_alone(page, ui_page)

    assert_works_by_keyboard(page)


def shown_counts(frame):
    """Return the counts of the quality page by symbol, as numbers."""
    rows = frame.locator("section").first.locator("tbody tr").all()
    by_symbol = {}
    for row in rows:
        symbol, *cells = row.locator("th, td").all_inner_texts()
        by_symbol[symbol] = [int(cell.replace(",", "")) for cell in cells[:6]]
    return by_symbol


def stored_counts(product, day):
    days = [quality_day(product.store(), symbol, day) for symbol in SYMBOLS]
    return {
        each.symbol: [
            each.batch_count,
            each.row_count,
            each.warned_count,
            each.refused_count,
            len(each.rows),
            each.open_count,
        ]
        for each in days
    }


def test_shows_the_counts_that_are_stored(page, product):
    """Where a batch arrived while the page was made, it is made again."""
    day = datetime.now(UTC).date()
    page.goto("/plugin/quality")
    frame = frame_of(page, PAGES["quality"])
    for _ in range(20):
        before = stored_counts(product, day)
        frame.goto(f"/quality/?day={day}")
        shown = shown_counts(frame)
        if before == stored_counts(product, day):
            break

    assert shown == before
    assert all(counts[0] > 0 for counts in shown.values())


def test_the_newest_report_comes_as_a_picture_and_as_text_too(page, product):
    product.wait_for(
        (product.stack.home.data / "reports" / "latest.txt").exists,
        what="the newest report",
        runs_of=REPORT,
    )
    open_alone(page, PAGES["report"])

    kinds = {}
    for name in ("png", "txt"):
        link = page.get_by_test_id(name)
        link.wait_for()
        answer = page.request.get(link.evaluate("each => each.href"))
        kinds[name] = (answer.status, answer.headers["content-type"])

    assert kinds == {"png": (200, "image/png"), "txt": (200, "text/plain; charset=utf-8")}


def test_leads_from_a_symbol_to_its_day_in_data_docs(page):
    open_alone(page, PAGES["quality"])

    page.get_by_role("link", name="BTCUSDT").first.click()

    page.get_by_role("heading", name="BTCUSDT").first.wait_for()
