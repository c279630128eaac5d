"""What the page Prices shows, read from it; and what it is to show of what is stored."""

import io
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal

from PIL import Image
from playwright.sync_api import expect

from include.records.shown_numbers import price_text
from include.records.vocabulary import words_of
from include.records.windows import floor_minute

DAY = timedelta(days=1)
# There while what is selected is shown, and not while it is loaded.
SHOWN = "#board[aria-busy=false]"
# Nothing was traded, so nothing is missing.
SILENT = {"NO_TRADES", "HALTED", "EXCHANGE_OUTAGE"}
# As static/chart.js has them.
VWAP_INK, UP_GREEN, FILLED_RED = "1a1d21", "009e73", "d55e00"
# Cells of the table: minute, VWAP, open, high, low, close, cause, quality, flags, revision.
VWAP, OPEN, CLOSE, CAUSE, QUALITY = 1, 2, 5, 6, 7


def open_prices(page, symbol, hours=1):
    """Open the page outside of Airflow's frame, which takes seconds, with its table unfolded."""
    page.goto(f"/prices/?symbol={symbol}")
    page.locator(SHOWN).wait_for()
    page.locator("#listed").evaluate("it => { it.open = true }")
    choose_span(page, hours)


def choose_span(page, hours):
    """Show the last hours; the page also asks by itself each minute, until now for another span."""

    def is_of_span(answer):
        is_board = answer.ok and "/prices/api/board?" in answer.url
        return is_board and len(answer.json()["candles"]["vwap"]) == 60 * hours

    with page.expect_response(is_of_span):
        page.locator(f"input[name=span][value='{hours}']").check()
    page.locator(SHOWN).wait_for()
    expect(page.get_by_test_id("problem")).to_be_hidden()


def shown_rows(page):
    """Return the cells of the table by the minute that its first one names."""
    rows = page.get_by_test_id("minutes").evaluate(
        "it => [...it.tBodies[0].rows].map(row => [...row.cells].map(it => it.innerText.trim()))"
    )
    return {datetime.fromisoformat(f"{row[0]}Z"): row for row in rows}


def row_of(page, minute):
    return page.get_by_role("row").filter(has_text=f"{minute:%Y-%m-%d %H:%M}")


def shown_tile(page, name):
    return page.get_by_test_id(f"tile-{name}").locator("dd").all_inner_texts()


def said_of(price):
    """What the table is to say of a stored minute."""
    average = price.average
    values = (average.vwap, average.open, average.high, average.low, average.close)
    texts = ["" if value is None else price_text(value) for value in values]
    if average.vwap is None and average.filled_vwap is not None:
        texts[0] = f"○ {price_text(average.filled_vwap)}"
    return [*texts, words_of(average.flag), "" if average.quality is None else str(average.quality)]


def completeness(prices):
    """What of some minutes has a value, from the first one on, in percent, never rounded up."""
    wanted = [price for price in prices if price.average.flag.value not in SILENT]
    valued = [price for price in wanted if price.average.vwap is not None]
    ratio = Decimal(100 * len(valued)) / Decimal(len(wanted))
    return f"{ratio.quantize(Decimal('0.01'), ROUND_FLOOR)} %"


def colours(drawing, count):
    """Return the colours around the middle of each of some minutes in a drawing, as RRGGBB."""
    picture = Image.open(io.BytesIO(drawing.screenshot())).convert("RGB")
    # The chart leaves half a minute free on either side.
    step = picture.width / (count + 1)
    found = []
    for place in range(count):
        middle = (place + 1) * step
        part = picture.crop((int(middle - 0.3 * step), 0, int(middle + 0.3 * step), picture.height))
        found.append({f"{r:02x}{g:02x}{b:02x}" for _, (r, g, b) in part.getcolors(100_000)})
    return found


def assert_is_a_space(page, minutes, gap):
    """Fail unless neither candle nor line is drawn in a minute, and both in the one before."""
    place = minutes.index(gap)
    drawn = colours(page.get_by_test_id("chart").locator("canvas").first, len(minutes))
    assert not drawn[place] & {VWAP_INK, UP_GREEN}
    assert FILLED_RED in drawn[place], "the hollow mark of a filled value"
    assert VWAP_INK in drawn[place - 1]
    assert drawn[place - 1] & {UP_GREEN, FILLED_RED}


def known_at(product, symbol, moment):
    """The minutes whose value was known at a moment, ascending."""
    return [
        price.average.minute
        for price in product.history(symbol, floor_minute(moment - DAY), floor_minute(moment))
        if price.known_at <= moment and price.average.vwap is not None
    ]
