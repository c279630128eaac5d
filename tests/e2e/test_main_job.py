"""The main job on the running product; later tests find what earlier ones published."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from dev.soaking.tape import tape_vwaps
from include.pipeline.publishing import GRACE
from include.records.windows import MINUTE, Window, floor_minute, nearest_end
from tests.e2e.conftest import REPORT, SYMBOLS

NEW_MINUTES = 2
WORK_SECONDS = 0.5


def test_publishes_every_new_minute_of_every_symbol(product):
    """Minutes that closed while it ran, and before them a quarter of an hour it caught up on."""
    product.wait_until_published(product.started_at)
    product.wait_until_published(product.started_at + (NEW_MINUTES - 1) * MINUTE)

    for symbol in SYMBOLS:
        end = product.started_at + NEW_MINUTES * MINUTE
        prices = product.minutes(symbol, end - 15 * MINUTE, end)
        assert [price.average.minute for price in prices] == list(
            Window(end - 15 * MINUTE, end).minutes()
        )


def test_publishes_to_the_last_digit_what_the_tape_says(product):
    end = product.started_at + NEW_MINUTES * MINUTE

    for symbol in SYMBOLS:
        expected = tape_vwaps(symbol)
        prices = product.minutes(symbol, product.started_at - 5 * MINUTE, end)
        assert len(prices) == 5 + NEW_MINUTES
        for price in prices:
            epoch_minute = int(price.average.minute.timestamp()) // 60
            vwap = expected[epoch_minute % len(expected)]
            assert str(price.average.vwap) == str(vwap), (symbol, price)
            assert (price.average.source_level, price.average.is_reconciled) == (1, True)


def test_checked_every_batch_before_it_was_stored(product):
    today = datetime.now(UTC).date()
    store = product.store()
    for symbol in SYMBOLS:
        batches = store.batch_log(symbol, today)
        assert len(batches) >= NEW_MINUTES
        assert all(batch.check_ms > 0 for batch in batches)
        assert not any(batch.is_refused for batch in batches)
        assert store.quarantine.on_day(symbol, today) == []
    results = product.stack.home.data / "gx" / "validations"
    for suite in ("second_prices", "exchange_minutes"):
        assert list((results / suite).iterdir())


def test_reports_what_is_stored(product):
    """The exports hold the digits of Cassandra; the report names every symbol in all its forms."""
    home = product.stack.home
    last = product.started_at + (NEW_MINUTES - 1) * MINUTE
    wanted = f"{last:%Y-%m-%dT%H:%M:%SZ}"

    def exported(symbol):
        file = Path(home.exports, "minute_prices", "csv", f"{last:%Y-%m-%d}", f"{symbol}.csv")
        frame = (
            pd.read_csv(file, dtype=str)
            if file.exists()
            else pd.DataFrame({"minute": [], "vwap": []})
        )
        return frame[frame["minute"] == wanted]

    def stored(symbol):
        (price,) = product.minutes(symbol, last, last + MINUTE)
        return [str(price.average.vwap)]

    # The files hold an earlier revision first, where the minute was fetched late.
    product.wait_for(
        lambda: all([*exported(symbol)["vwap"]] == stored(symbol) for symbol in SYMBOLS),
        what=f"the digits of {wanted} in the exports",
        runs_of=REPORT,
    )
    product.wait_for(home.report.exists, what="the report", runs_of=REPORT)
    for symbol in SYMBOLS:
        assert symbol in Path(home.report).read_text(encoding="utf-8")
        assert symbol in Path(home.report).with_suffix(".txt").read_text(encoding="utf-8")
    assert Path(home.report).with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_builds_data_docs(product):
    index = product.stack.home.data / "gx" / "docs" / "index.html"
    product.wait_for(index.exists, what="Data Docs", runs_of=REPORT)

    assert "BTCUSDT" in index.read_text(encoding="utf-8")


def test_fails_no_task_and_no_import(product):
    assert product.get("/importErrors")["import_errors"] == []
    failed = product.task_instances(state=["failed", "up_for_retry", "upstream_failed"])
    assert [(task.dag_id, task.task_id, task.start_date) for task in failed] == []


def test_logs_no_missing_alert(product):
    """Alerts are asked for after each task, and hardly a task has any."""
    scheduler = (product.stack.home.logs / "scheduler.log").read_text(encoding="utf-8")
    assert "ingest_prices" in scheduler
    assert "XCom not found" not in scheduler


def slowdown():
    """How many times as long as alone a piece of work takes now, beside what else runs here."""
    began, used = time.monotonic(), time.process_time()
    while time.process_time() - used < WORK_SECONDS:
        pass
    return (time.monotonic() - began) / WORK_SECONDS


def test_ends_every_run_within_its_minute(product):
    """A minute of a machine that is ours: one that has other work as well takes longer."""
    runs = product.get("/dags/~/dagRuns", limit=100, state="success")["dag_runs"]

    longest_seconds = 60 * max(1, slowdown())
    late = [run["dag_run_id"] for run in runs if run["duration"] > longest_seconds]

    assert len(runs) >= 2 * NEW_MINUTES
    assert late == []


def test_shows_each_fetch_under_its_symbol(product):
    fetches = product.task_instances("ingest_prices", task_id="fetch", state=["success"])

    assert {task.rendered_map_index for task in fetches} == set(SYMBOLS)


def test_publishes_from_their_rows_what_is_stored_in_time(product):
    """Not how fast: only that a minute waits for no second look where all went well."""
    in_time = {
        minute_end - MINUTE
        for load in product.task_instances("ingest_prices", task_id="load", state=["success"])
        for minute_end in [nearest_end(datetime.fromisoformat(load.run_after))]
        if datetime.fromisoformat(load.end_date) < minute_end + GRACE
    }
    prices = [
        price
        for symbol in SYMBOLS
        for price in product.minutes(
            symbol, product.started_at + MINUTE, floor_minute(datetime.now(UTC))
        )
    ]

    assert prices
    assert {price.revision for price in prices if price.average.minute in in_time} <= {1}
