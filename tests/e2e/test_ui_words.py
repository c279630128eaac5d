"""Every page calls a cause the same, draws it the same, and leads to what it means."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from include.records.palette import light
from include.records.vocabulary import CAUSES, GROUPS, words_of
from include.records.windows import MINUTE
from tests.e2e.lone_prices import GAP, open_prices

PAGES = ["/prices/?symbol=BTCUSDT", "/prices/report/", "/prices/run?dag_id=a&run_id=b", "/quality/"]
GAP_WORD = next(word for word in CAUSES if word.code == "INGEST_GAP")


@pytest.fixture
def page(lone_watch):
    lone_watch.page.emulate_media(color_scheme="light")
    return lone_watch.page


def open_words(page):
    page.goto("/prices/glossary")
    page.get_by_role("heading", name="States", exact=True).wait_for()


@pytest.mark.parametrize("address", PAGES)
def test_each_page_leads_to_the_words(page, address):
    page.goto(address)

    page.get_by_test_id("glossary").click()

    page.get_by_role("heading", name="Words", level=1).wait_for()
    expect(page.get_by_text(f"{GAP_WORD.meaning}.")).to_be_visible()


def test_lists_every_word_with_its_code_and_meaning(page):
    open_words(page)

    for group in GROUPS.values():
        for word in group:
            row = page.locator(f"tr[id='{word.code}']")
            expect(row).to_contain_text(word.words)
            expect(row).to_contain_text(word.meaning)


def test_an_address_leads_to_one_word(page):
    page.goto("/prices/glossary#SUPERSEDED")

    expect(page.locator("#SUPERSEDED")).to_be_in_viewport()


def test_the_legend_the_table_and_the_panel_have_the_same_words(page, filled):
    _, now = filled
    minute = now - GAP * MINUTE
    start, end = (f"{minute + place * MINUTE:%Y-%m-%dT%H:%MZ}" for place in (-20, 10))
    open_prices(page, f"symbol=BTCUSDT&from={start}&to={end}")
    page.locator("#listed").evaluate("it => { it.open = true }")

    legend = page.get_by_test_id("legend").get_by_role("listitem")
    assert legend.all_inner_texts()[: len(CAUSES)] == [word.words for word in CAUSES]
    row = page.get_by_test_id("minutes").get_by_role("row")
    row = row.filter(has_text=f"{minute:%Y-%m-%d %H:%M}")
    expect(row.get_by_title(GAP_WORD.meaning)).to_have_text(GAP_WORD.words)
    row.get_by_role("button").click()
    details = page.get_by_test_id("details")
    expect(details).to_contain_text(f"{GAP_WORD.words}: {GAP_WORD.meaning}.")
    expect(details.get_by_role("row", name="flag").first).to_contain_text(GAP_WORD.words)
    # No code is shown where a word is.
    expect(details).not_to_contain_text(re.compile(r"\b[A-Z]+_[A-Z]+\b"))


@pytest.mark.parametrize("code", ["OK", "INGEST_GAP"])
def test_a_cause_has_its_colour_from_the_one_table(page, code):
    """Of the two that are drawn without a pattern."""
    open_words(page)
    swatch = page.locator(f"tr[id='{code}'] canvas")

    drawn = Image.open(io.BytesIO(swatch.screenshot())).convert("RGB")

    red, green, blue = drawn.getpixel((drawn.width // 2, drawn.height - 3))
    assert f"#{red:02x}{green:02x}{blue:02x}" == light(code)
    assert words_of(code) in page.locator(f"tr[id='{code}']").inner_text()
