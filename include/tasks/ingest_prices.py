"""The bodies of the tasks of ingest_prices, except validate.

That one imports Great Expectations, which takes seconds that a fetch need not spend.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from include.orchestration.alerts import queue_alerts
from include.orchestration.connections import (
    open_exchange,
    open_store,
    storage_url,
    symbols,
)
from include.orchestration.context import current_run, now
from include.orchestration.defaults import LANDING_DAYS
from include.orchestration.failures import fail_without_retry, raise_failures
from include.orchestration.messages import BatchMessage, PlanMessage
from include.pipeline.fetching import FetchPlan, fetch_batch, plan_fetches
from include.pipeline.landing import (
    delete_before,
    has_verdict,
    land_batch,
    read_batch,
    read_verdict,
)
from include.pipeline.storing import alarm_of, load_batch
from include.records.batches import Run
from include.records.errors import LostBatchError
from include.records.isolation import run_each
from include.records.windows import MINUTE, Window
from include.store.store import Store

LOADS_AT_A_TIME = 4

log = logging.getLogger(__name__)


def plan() -> list[PlanMessage]:
    """Plan one fetch per symbol."""
    with fail_without_retry(), open_exchange(store := open_store(), now) as client:
        return [_message(plan) for plan in plan_fetches(store, client, symbols(), now)]


def fetch(message: PlanMessage) -> BatchMessage:
    """Fetch one symbol and land the batch."""
    plan = _plan(message)
    with (
        fail_without_retry(),
        open_exchange(open_store(), lambda: now() + plan.clock_offset) as client,
    ):
        batch = fetch_batch(client, plan, now)
    url = land_batch(storage_url(), batch)
    log.info(
        "%s %s: %d rows in %d ms, weight used %d",
        batch.symbol,
        batch.window,
        batch.row_count,
        batch.fetch_ms,
        batch.used_weight,
    )
    return BatchMessage(symbol=batch.symbol, url=url, rows=batch.row_count)


def load(batches: Sequence[BatchMessage], windows: Iterable[PlanMessage]) -> None:
    """Store the rows that passed the gate, each batch separately, and queue alerts.

    A verdict counts once it has landed, whatever became of the task that made it. Several batches
    at a time: each waits for Cassandra most of its time.

    Args:
        batches: Those that arrived.
        windows: The planned fetches.

    Raises:
        AirflowFailException: A batch is missing, unchecked, refused or unreadable, or failed with
            a program error; the others are stored.
        RetryableError: Cassandra did not answer for one.
    """
    problems = {window["symbol"]: "was not fetched" for window in windows}
    # Read all at once: iterating over XCom requests one more than there are.
    messages = {message["symbol"]: message for message in batches[:]}
    with fail_without_retry():
        store, run = open_store(), current_run()
    loaded = run_each(
        messages, lambda each: _load(store, run, messages[each]), at_a_time=LOADS_AT_A_TIME
    )
    problems |= {symbol: problem for symbol, (problem, _) in loaded.done.items()}
    problems |= dict.fromkeys(loaded.failed, "")
    queue_alerts([alarm for _, alarm in loaded.done.values() if alarm])
    delete_before(storage_url(), now().date() - timedelta(days=LANDING_DAYS))
    raise_failures(
        loaded.failed,
        [f"{symbol} {problem}" for symbol, problem in problems.items() if problem],
    )


def _load(store: Store, run: Run | None, message: BatchMessage) -> tuple[str, str]:
    """Load one batch; return what is wrong with it and its alert, if any."""
    url = message["url"]
    if not has_verdict(url):
        return "was fetched, but not checked; the next run fetches its window again", ""
    try:
        batch = read_batch(url)
        verdict = read_verdict(url)
    except LostBatchError as error:
        return str(error), ""
    record = load_batch(store, batch, verdict, url, run)
    log.info(
        "%s: %d rows stored, %d quarantined",
        record.symbol,
        0 if record.is_refused else record.row_count - record.quarantined_count,
        record.quarantined_count,
    )
    return f"refused: {verdict.reason}" if record.is_refused else "", alarm_of(store, record)


def _message(plan: FetchPlan) -> PlanMessage:
    return PlanMessage(
        symbol=plan.symbol,
        start=plan.window.start.isoformat(),
        end=plan.window.end.isoformat(),
        tick_size=str(plan.tick_size) if plan.tick_size is not None else None,
        clock_offset_ms=plan.clock_offset // timedelta(milliseconds=1),
        unreadable=plan.unreadable,
        overlap_minutes=plan.overlap // MINUTE,
    )


def _plan(message: PlanMessage) -> FetchPlan:
    tick_size = message["tick_size"]
    return FetchPlan(
        symbol=message["symbol"],
        window=Window(
            datetime.fromisoformat(message["start"]), datetime.fromisoformat(message["end"])
        ),
        tick_size=Decimal(tick_size) if tick_size is not None else None,
        clock_offset=timedelta(milliseconds=message["clock_offset_ms"]),
        unreadable=message["unreadable"],
        overlap=message["overlap_minutes"] * MINUTE,
    )
