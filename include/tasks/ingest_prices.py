"""The bodies of the tasks of ingest_prices, except validate.

That one imports Great Expectations, which takes seconds that a fetch need not spend.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from include.orchestration.alerts import push_result, queue_alerts
from include.orchestration.connections import (
    open_exchange,
    open_store,
    storage_url,
    symbols,
)
from include.orchestration.context import current_run, now
from include.orchestration.defaults import FETCH_TASKS, LANDING_DAYS
from include.orchestration.failures import fail_without_retry, raise_failures
from include.orchestration.messages import BatchMessage, PlanMessage
from include.pipeline.fetching import FetchPlan, fetch_batch, in_groups, plan_fetches
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
# Airflow's table keeps so many characters of a mapped task's name.
LONGEST_NAME = 250

log = logging.getLogger(__name__)


def plan() -> list[list[PlanMessage]]:
    """Plan one fetch per symbol, and divide them among the fetch tasks: one each, or in groups."""
    with fail_without_retry(), open_exchange(store := open_store(), now) as client:
        plans = plan_fetches(store, client, symbols(), now)
    return in_groups([*map(_message, plans)], FETCH_TASKS)


def group_name(messages: Sequence[PlanMessage]) -> str:
    """Return the name of a fetch task: its symbols, or the first and the last of many."""
    names = [message["symbol"] for message in messages]
    listed = ", ".join(names)
    if len(listed) <= LONGEST_NAME:
        return listed
    return f"{names[0]} to {names[-1]} ({len(names)})"


def fetch(messages: Sequence[PlanMessage]) -> list[BatchMessage]:
    """Fetch one or more symbols side by side and land their batches; each fails on its own.

    Raises:
        AirflowFailException: One was not fetched, and another try would not help.
        RetryableError: The exchange did not answer for one. Those that were fetched are passed on.
    """
    with fail_without_retry():
        store = open_store()
    by_symbol = {message["symbol"]: message for message in messages}
    done: dict[str, BatchMessage] = {}

    def fetch_one(symbol: str) -> None:
        done[symbol] = _fetch(store, by_symbol[symbol])

    try:
        failed = run_each(by_symbol, fetch_one, at_a_time=len(by_symbol)).failed
        raise_failures(failed)
    except BaseException:
        # Airflow's time limit, too, must not lose what has arrived.
        push_result([*done.values()])
        raise
    return [*done.values()]


def _fetch(store: Store, message: PlanMessage) -> BatchMessage:
    plan = _plan(message)
    with open_exchange(store, lambda: now() + plan.clock_offset) as client:
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


def load(
    batches: Sequence[Sequence[BatchMessage]], windows: Sequence[Sequence[PlanMessage]]
) -> None:
    """Store the rows that passed the gate, each batch separately, and queue alerts.

    A verdict counts once it has landed, whatever became of the task that made it. Several batches
    at a time: each waits for Cassandra most of its time.

    Args:
        batches: Those that arrived, of each fetch task.
        windows: The planned fetches, of each fetch task.

    Raises:
        AirflowFailException: A batch is missing, unchecked, refused or unreadable, or failed with
            a program error; the others are stored.
        RetryableError: Cassandra did not answer for one.
    """
    problems = {window["symbol"]: "was not fetched" for group in windows for window in group}
    # Read all at once: iterating over XCom requests one more than there are.
    messages = {message["symbol"]: message for group in batches[:] for message in group}
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
