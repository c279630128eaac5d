"""Three bad rows from the exchange to their replay, as the people who run it see them."""

import re
from datetime import UTC, datetime

import pytest

from include.records.verdicts import State
from include.records.vocabulary import words_of
from include.records.windows import MINUTE, Window, floor_minute, to_ms
from tests.e2e.conftest import REPORT, SYMBOLS

NEWCOMER = "ADAUSDT"
BAD_ROWS = 3
EXPECTATIONS = ("expect_close_time_to_end_interval", "expect_kline_to_be_closed")
NOTE = "closed long ago, and right but for its close time"
YEAR_MS = 365 * 86_400_000


@pytest.fixture(scope="module")
def bad_second(product, backfill_of_recorded_days):
    """The first of three seconds of a new symbol that close in a year when first fetched.

    They lie ten minutes back: in the first batch of a symbol, and in the overlap of none after.
    Past days are backfilled while these tests wait, before others take the servers down.
    """
    start = floor_minute(datetime.now(UTC)) - 10 * MINUTE
    span = {"from_ms": to_ms(start), "until_ms": to_ms(start) + 1000 * BAD_ROWS}
    fault = {
        "endpoint": "klines",
        "symbol": NEWCOMER,
        "interval": "1s",
        "effect": {"kind": "rows", "change": "unclosed", **span},
    }
    product.simulator.post("/faults", json=[fault]).raise_for_status()
    with product.extracting([*SYMBOLS, NEWCOMER]):
        product.fetch_now()
        product.wait_until_published(start, symbols=[NEWCOMER])
        yield start
    product.simulator.delete("/faults").raise_for_status()
    product.end_of_run("backfill_prices", backfill_of_recorded_days)


def quarantined(product):
    return product.store().quarantine.on_day(NEWCOMER, datetime.now(UTC).date())


def held(product, start):
    return product.store().second_prices.between(NEWCOMER, Window(start, start + MINUTE))


def test_stores_the_good_rows_and_says_what_is_wrong_with_the_others(product, bad_second):
    rows = quarantined(product)

    assert [row.open_time for row in rows] == [
        str(to_ms(bad_second) + 1000 * index) for index in range(BAD_ROWS)
    ]
    assert {tuple(row.observed) for row in rows} == {EXPECTATIONS}
    assert len(held(product, bad_second)) == 60 - BAD_ROWS
    (price,) = product.minutes(NEWCOMER, bad_second, bad_second + MINUTE)
    assert price.average.source_level == 2
    first = product.store().batch_log(NEWCOMER, datetime.now(UTC).date())[-1]
    assert (first.quarantined_count, first.is_refused) == (BAD_ROWS, False)


@pytest.mark.usefixtures("bad_second")
def test_runs_green_and_warns_in_one_line(product):
    validated = product.task_instances("ingest_prices", task_id="validate", state=["success"])
    lines = re.findall(
        rf"{NEWCOMER}: \d+ of \d+ rows good \({', '.join(EXPECTATIONS)}[^)]*\), "
        r"\d+ of \d+ expectations met",
        "\n".join(map(product.log, validated[:20])),
    )

    assert lines


def test_shows_them_on_the_quality_page_and_in_data_docs(product, bad_second):
    day = datetime.now(UTC).date()
    page = f"/quality/docs/days/{day}/{NEWCOMER}.html"
    product.wait_for(
        lambda: EXPECTATIONS[0] in product.page(page),
        what="the failure in Data Docs",
        runs_of=REPORT,
    )

    quality, docs = product.page("/quality/"), product.page(page)

    result = re.search(
        r'href="\.\./\.\./(results/second_prices/[^"]+)">[^<]*</a></td>\s*<td>3 of', docs
    )
    shown = product.page(f"/quality/docs/{result[1]}")
    for index in range(BAD_ROWS):
        opens_ms = to_ms(bad_second) + 1000 * index
        assert str(opens_ms) in quality
        assert str(opens_ms + 999 + YEAR_MS) in shown
    assert quality.count(">open</span>") >= BAD_ROWS
    assert "A truncated close time marks a kline cut by an outage" in shown


def test_stores_what_a_person_accepts_and_closes_the_entries(product, bad_second):
    """Their close times alone are wrong, and no average rests on those."""
    state, log = product.run_dag(
        "replay_quarantine",
        action="replay",
        symbols=[NEWCOMER],
        accept=[*EXPECTATIONS],
        note=NOTE,
    )

    assert state == "success"
    assert f"{NEWCOMER}: {BAD_ROWS} ACCEPTED; 1 minutes revised" in log
    assert {(row.state, row.note) for row in quarantined(product)} == {(State.ACCEPTED, NOTE)}
    assert len(held(product, bad_second)) == 60
    *_, price = product.history(NEWCOMER, bad_second, bad_second + MINUTE)
    assert (price.revision, price.average.source_level) == (2, 1)
    assert f">{words_of(State.ACCEPTED)}<" in product.page("/quality/")


def test_says_what_is_wrong_with_an_order(product):
    status, message = product.refusal_of("replay_quarantine", action="close")

    assert status == 400
    assert "give the reason in 'note'" in message
