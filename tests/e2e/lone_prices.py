"""The page Prices without a stack: the minutes that it shows, and how a person uses it."""

from datetime import UTC, datetime, timedelta

from include.records.prices import Flag
from include.records.windows import MINUTE, floor_minute
from tests.e2e.prices_page import SHOWN
from tests.fakes.builders import average, logged

SYMBOLS = ("BTCUSDT", "ETHUSDT")
SOURCE = "REPLAY of 2020-01-01"
# Ago, for what must not change while a test runs.
GAP, REVISED = 30, 20


def fill(store):
    """Half a day of two symbols, up to the minute that ended last; one gap, one revision."""
    now = floor_minute(datetime.now(UTC))
    for place in range(720, 0, -1):
        minute = now - place * MINUTE
        for symbol in SYMBOLS:
            made = average(minute, symbol=symbol, vwap=f"{100 + place % 7}.5")
            if place == GAP:
                made = average(minute, symbol=symbol, vwap=None, flag=Flag.INGEST_GAP)
            known_at = minute + MINUTE + timedelta(seconds=7)
            store.minute_prices.append([made], known_at)
            store.log_batch(
                logged(minute, symbol=symbol, source=SOURCE, fetched_at=known_at - MINUTE / 20)
            )
    revised = average(now - REVISED * MINUTE, vwap="99.25")
    store.minute_prices.append([revised], now - MINUTE)
    return now


def open_prices(page, query="symbol=BTCUSDT"):
    page.goto(f"/prices/?{query}")
    page.locator(SHOWN).wait_for()


def choose(page, hours):
    with page.expect_response("**/prices/api/board?**"):
        page.locator(f"input[name=span][value='{hours}']").check()
    page.locator(SHOWN).wait_for()


def click_chart(page, test_id, x_ratio, y):
    box = page.get_by_test_id(test_id).bounding_box()
    page.mouse.click(box["x"] + x_ratio * box["width"], box["y"] + y)


def zoom_in(page, times=5):
    """Turn the wheel over the middle of the chart."""
    box = page.get_by_test_id("chart").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 80)
    for _ in range(times):
        page.mouse.wheel(0, -400)
    wait_until_drawn(page)


def wait_until_drawn(page):
    """Wait for what a wheel or a button did: the chart does it when it draws the next time."""
    page.evaluate("() => new Promise(it => requestAnimationFrame(() => requestAnimationFrame(it)))")
