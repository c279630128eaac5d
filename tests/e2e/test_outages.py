"""What breaks, and that nothing is lost; runs on the product that test_main_job left running."""

import re
import time
from datetime import UTC, datetime

import pytest

from include.records.windows import MINUTE, Window, floor_minute, from_ms, to_ms
from include.simulator.market.markets import MARKETS
from tests.e2e.conftest import SYMBOLS

# The exchange's shortest.
BAN_SECONDS = 120
# What had looked for a ban before it was noted has reached the exchange by then.
ON_THE_WAY_MS = 5_000


def this_minute():
    return floor_minute(datetime.now(UTC))


def wait_until_made_up(product):
    """Wait for the last minute of an outage that is over now, and look at all until then."""
    last = this_minute() - MINUTE
    product.wait_until_published(last)
    assert_complete(product, product.started_at, last + MINUTE)


def assert_complete(product, start, end):
    """Every minute once: its revisions are numbered without a hole, the last one is a value."""
    for symbol in SYMBOLS:
        history = product.history(symbol, start, end)
        by_minute = {}
        for price in history:
            by_minute.setdefault(price.average.minute, []).append(price)
        assert list(by_minute) == list(Window(start, end).minutes())
        for revisions in by_minute.values():
            numbers = [price.revision for price in revisions]
            assert numbers == list(range(1, len(numbers) + 1))
            assert revisions[-1].average.flag.value == "OK"
            assert revisions[-1].average.is_reconciled


def failed_with(product, dag_id, task_id, words):
    """Tell whether a task of a DAG failed with a message that holds some words."""
    tasks = product.task_instances(dag_id, task_id=task_id, state=["failed", "up_for_retry"])
    return any(all(word in product.log(task) for word in words) for task in tasks)


def wait_for_words(product, dag_id, task_id, words):
    """Wait for a task that failed with them: a try that failed is run once more before that."""
    product.wait_for(
        lambda: failed_with(product, dag_id, task_id, words),
        what=f"a failed {task_id} that says {' ... '.join(words)}",
    )


@pytest.fixture(scope="module")
def went_down(product):
    """The minute in which the exchange went down, and was said to be; Cassandra followed, and was.

    Then Airflow stays down for a minute's end and more, while the others are back: one wait for
    all.
    """
    product.stack.stop_exchange()
    minute = this_minute()
    try:
        product.wait_until_health_names("exchange")
        product.wait_until_published(minute, flags=("INGEST_GAP",))
        wait_for_words(product, "ingest_prices", "plan", ["does not answer", "binance_default"])
        product.stack.stop_cassandra()
        try:
            product.wait_until_health_names("cassandra")
            words = ["cassandra_default", "did not answer"]
            wait_for_words(product, "average_minutes", "publish", words)
            product.stack.stop_airflow()
        finally:
            product.stack.start_cassandra()
    finally:
        product.stack.start_exchange()
    time.sleep((this_minute() + MINUTE - datetime.now(UTC)).total_seconds())
    product.stack.start_airflow()
    return minute


def test_publishes_gaps_while_the_exchange_is_down_and_repairs_them(product, went_down):
    product.wait_until_published(went_down)
    assert_complete(product, product.started_at, went_down + MINUTE)
    gap, *_, repaired = product.history("BTCUSDT", went_down, went_down + MINUTE)
    assert gap.average.flag.value == "INGEST_GAP"
    assert repaired.revision > gap.revision


@pytest.mark.usefixtures("went_down")
def test_says_what_is_down_and_makes_up_the_minutes_that_all_of_them_missed(product):
    wait_until_made_up(product)
    product.wait_for(
        lambda: product.health_causes() == (200, set()), what="200 from /prices/health"
    )


def test_fails_the_fetch_of_an_unknown_symbol_and_no_other(product):
    with product.extracting([*SYMBOLS, "NOSUCH"]):
        product.run_dag("ingest_prices")

    tasks = [
        task
        for task in product.task_instances("ingest_prices")
        if task.dag_run_id.startswith("manual")
    ]
    run = [task for task in tasks if task.dag_run_id == tasks[0].dag_run_id]
    fetches = [task for task in run if task.task_id == "fetch"]
    (failed,) = [task for task in fetches if task.state == "failed"]
    assert "NOSUCH" in product.log(failed)
    assert "not listed by the exchange" in product.log(failed)
    assert [task.state for task in fetches].count("success") == len(SYMBOLS)
    (load,) = [task for task in run if task.task_id == "load"]
    loaded = re.findall(r"(\w+) \[[^)]+\): \d+ rows stored", product.log(load))
    assert sorted(loaded) == sorted(SYMBOLS)
    assert "NOSUCH was not fetched" in product.log(load)


def test_says_what_to_do_when_no_symbol_is_named(product):
    with product.extracting([" ", " "]):
        product.fetch_now()

        wait_for_words(product, "ingest_prices", "plan", ["Variable 'symbols' names no"])


def blocks_all(product):
    """Tell whether the exchange's word that nothing may be sent is noted for all workers."""
    return any(
        block.until > datetime.now(UTC)
        for block in product.store().exchange_budget("default").blocks()
    )


def told(product, symbol, minutes):
    """Return what some minutes in a row are flagged as, as far as they are published."""
    prices = product.minutes(symbol, minutes[0], minutes[-1] + MINUTE)
    return [price.average.flag.value for price in prices]


def test_meets_a_ban_once_and_fills_every_window_after_it(product):
    """Twenty mapped fetches; the exchange bans the address while they wait for their minute."""
    symbols = list(MARKETS)[:20]

    def twenty_are_mapped_and_some_run():
        tasks = product.task_instances("ingest_prices", task_id="fetch", limit=20)
        running = [task for task in tasks if task.state == "running"]
        return len({task.map_index for task in tasks}) == 20 and len(running) > 1

    with product.extracting(symbols):
        product.fetch_now()
        product.wait_for(twenty_are_mapped_and_some_run, what="twenty mapped fetches")

        ban = product.simulator.post("/bans", json={"seconds": BAN_SECONDS}).raise_for_status()

        ends_ms = ban.json()["banned_until_ms"]
        began_ms = ends_ms - BAN_SECONDS * 1000
        first, last = (floor_minute(from_ms(moment)) for moment in (began_ms, ends_ms - 60_000))
        banned = list(Window(first, last + MINUTE).minutes())
        product.wait_for(lambda: blocks_all(product), what="the ban in the table that all read")
        noted_ms = to_ms(datetime.now(UTC)) + ON_THE_WAY_MS
        product.wait_for(
            lambda: all(
                told(product, symbol, banned) == ["OK"] * len(banned) for symbol in symbols
            ),
            what=f"every minute from {first} to {last} as OK",
        )
    requests = product.simulator.get("/requests").raise_for_status().json()
    during = [entry for entry in requests if began_ms <= entry["at_ms"] < ends_ms]
    assert {entry["status"] for entry in during} == {418}
    # One, where an answer is noted before the next request may leave; else some more follow it.
    assert len(during) <= len(symbols) // 2
    assert [entry for entry in during if entry["at_ms"] > noted_ms] == []
