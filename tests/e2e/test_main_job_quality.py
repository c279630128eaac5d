"""Three bad rows from the exchange to their replay, as the people who run it see them."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from include.marketdata.batches import State
from include.marketdata.windows import MINUTE, Window, floor_minute, to_ms
from tests.e2e.conftest import REPORT, SYMBOLS

NEWCOMER = "ADAUSDT"
BAD_ROWS = 3
EXPECTATION = "expect_prices_to_be_on_tick_grid"


@pytest.fixture(scope="module")
def bad_second(product):
    """The first of three seconds of a new symbol that are off the tick grid when first fetched.

    They lie ten minutes back: in the first batch of a symbol, and in the overlap of none after.
    """
    start = floor_minute(datetime.now(UTC)) - 10 * MINUTE
    span = {"from_ms": to_ms(start), "until_ms": to_ms(start) + 1000 * BAD_ROWS}
    fault = {
        "endpoint": "klines",
        "symbol": NEWCOMER,
        "interval": "1s",
        "effect": {"kind": "rows", "change": "off_tick", **span},
    }
    product.simulator.post("/faults", json=[fault]).raise_for_status()
    with product.extracting([*SYMBOLS, NEWCOMER]):
        product.fetch_now()
        product.wait_until_published(start, symbols=[NEWCOMER])
        yield start
    product.simulator.delete("/faults").raise_for_status()


def quarantined(product):
    return product.store().quarantine.on_day(NEWCOMER, datetime.now(UTC).date())


def held(product, start):
    return product.store().second_prices.between(NEWCOMER, Window(start, start + MINUTE))


def test_stores_the_good_rows_and_says_what_is_wrong_with_the_others(product, bad_second):
    rows = quarantined(product)

    assert [row.open_time for row in rows] == [
        str(to_ms(bad_second) + 1000 * index) for index in range(BAD_ROWS)
    ]
    assert all(EXPECTATION in row.observed for row in rows)
    assert len(held(product, bad_second)) == 60 - BAD_ROWS
    (price,) = product.minutes(NEWCOMER, bad_second, bad_second + MINUTE)
    assert price.average.source_level == 2
    first = product.store().batch_log(NEWCOMER, datetime.now(UTC).date())[-1]
    assert (first.quarantined_count, first.is_refused) == (BAD_ROWS, False)


@pytest.mark.usefixtures("bad_second")
def test_runs_green_and_warns_in_one_line(product):
    validated = product.task_instances("ingest_prices", task_id="validate", state=["success"])
    lines = re.findall(
        rf"{NEWCOMER}: \d+ of \d+ rows good \({EXPECTATION}[^)]*\), \d+ of \d+ expectations met",
        "\n".join(map(product.log, validated[:20])),
    )

    assert lines


def test_shows_them_on_the_quality_page_and_in_data_docs(product, bad_second):
    day = datetime.now(UTC).date()
    page = f"/quality/docs/days/{day}/{NEWCOMER}.html"
    product.wait_for(
        lambda: EXPECTATION in product.page(page), what="the failure in Data Docs", runs_of=REPORT
    )

    quality, docs = product.page("/quality/"), product.page(page)

    result = re.search(
        r'href="\.\./\.\./(results/second_prices/[^"]+)">[^<]*</a></td>\s*<td>3 of', docs
    )
    shown = product.page(f"/quality/docs/{result[1]}")
    for index in range(BAD_ROWS):
        assert str(to_ms(bad_second) + 1000 * index) in quality
    assert quality.count("OPEN") >= BAD_ROWS
    assert "The exchange matches only at multiples of the symbol" in shown
    assert len(re.findall(r"\.\d{5}001\b", shown)) >= BAD_ROWS


def test_stores_them_after_the_fix_and_closes_the_entries(product, bad_second):
    """The rule was wrong: the exchange had made the symbol's tick finer."""
    store = product.store()
    finer = replace(store.symbol_info(NEWCOMER), tick_size=Decimal("1e-8"))
    store.remember_symbol(replace(finer, checked_at=datetime.now(UTC) + timedelta(minutes=1)))

    state, log = product.run_dag(
        "replay_quarantine", action="replay", symbols=[NEWCOMER], note="a finer tick"
    )

    assert state == "success"
    assert f"{NEWCOMER}: {BAD_ROWS} REPLAYED; 1 minutes revised" in log
    assert {(row.state, row.note) for row in quarantined(product)} == {
        (State.REPLAYED, "a finer tick")
    }
    assert len(held(product, bad_second)) == 60
    *_, price = product.history(NEWCOMER, bad_second, bad_second + MINUTE)
    assert (price.revision, price.average.source_level) == (2, 1)
    assert "REPLAYED" in product.page("/quality/")


def test_says_what_is_wrong_with_an_order(product):
    state, log = product.run_dag("replay_quarantine", action="close")

    assert state == "failed"
    assert "say why in 'note'" in log
