"""The bodies of the tasks of ingest_prices, except validate.

That one imports Great Expectations, which takes seconds that a fetch need not spend.
"""

import logging
import os
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from include.exchange.request_budget import Leave
from include.orchestration.alerts import queue_alerts
from include.orchestration.connections import (
    ExchangeAccess,
    open_exchange,
    open_store,
    storage_url,
    symbols,
    whole_number,
)
from include.orchestration.context import current_run, now
from include.orchestration.defaults import FETCH_LEAD, NICENESS
from include.orchestration.failures import (
    explain_disk_full,
    fail_without_retry,
    raise_failures,
)
from include.orchestration.messages import PlanMessage
from include.pipeline.arrivals import Wait, arrivals
from include.pipeline.fetch_tasks import FETCH_TASKS, fetch_task_count, in_groups
from include.pipeline.fetching import (
    USUAL_WEIGHT,
    FetchPlan,
    fetch_batch,
    plan_fetches,
    usual_leaves,
)
from include.pipeline.landing import (
    is_checked,
    is_fetched,
    land_batch,
    land_failure,
    read_batch,
    read_verdict,
    unloaded_batch,
)
from include.pipeline.storing import alarm_of, load_batch
from include.records.batches import Batch, Run
from include.records.errors import LostBatchError, RetryableError
from include.records.isolation import run_each
from include.records.runbook import Heading, see
from include.records.windows import CLOCK_SLACK
from include.store.store import Store
from include.tasks.plan_messages import leave_of, message_of, plan_of

LOADS_AT_A_TIME = 4
# After the minute has ended, or the plan was made; the next run is created 55 s after it.
WAITS_FOR_BATCHES = timedelta(seconds=35)
WAITS_FOR_VERDICTS = timedelta(seconds=45)
LATE_LOOK = timedelta(seconds=20)
UNCHECKED = "was fetched, but not checked; the next run fetches its window again"
# Airflow's table keeps so many characters of a mapped task's name.
LONGEST_NAME = 250

log = logging.getLogger(__name__)


def plan() -> list[list[PlanMessage]]:
    """Plan one fetch per symbol, and divide them among the fetch tasks: one each, or in groups.

    While the exchange does not answer, the windows are planned that earlier runs have fetched and
    not loaded.

    Raises:
        RetryableError: It does not answer, and there are none.
    """
    with fail_without_retry():
        store, names = open_store(), symbols()
        exchange, leaves = open_exchange(store), dict[str, Leave]()
        try:
            with exchange.client(now) as client:
                plans = plan_fetches(store, client, names, now, FETCH_LEAD + CLOCK_SLACK)
        except RetryableError as error:
            plans = _unloaded(store, names)
            if not plans:
                raise
            log.warning("%s; earlier batches that were not loaded are taken", error)
        else:
            leaves = usual_leaves(exchange.budget, plans, now)
    storage, planned_at = storage_url(), now()
    tasks = fetch_task_count(len(plans), whole_number("fetch_tasks", FETCH_TASKS))
    messages = [message_of(plan, storage, planned_at, leaves.get(plan.symbol)) for plan in plans]
    return in_groups(messages, tasks)


def _unloaded(store: Store, names: Sequence[str]) -> list[FetchPlan]:
    """Plan the windows of batches that earlier runs have landed and not loaded."""
    storage, today = storage_url(), now().date()
    return [
        FetchPlan(symbol, batch.window, batch.tick_size, clock_offset=timedelta(0))
        for symbol, mark in store.watermarks(names).items()
        if mark.stored_until
        if (batch := unloaded_batch(storage, symbol, mark.stored_until, today))
    ]


def wait_for(messages: Iterable[PlanMessage], *, longest: timedelta) -> Wait:
    """Return how long a task waits for what the others of its run land.

    Args:
        messages: The planned fetches that it waits for.
        longest: After the moment when the last fetch could begin; a task that starts late looks
            for LATE_LOOK all the same.
    """
    due = [datetime.fromisoformat(message["due_at"]) for message in messages]
    until = max([now() + LATE_LOOK, *(moment + longest for moment in due)])
    return Wait(until, since=min(due, default=None))


def group_name(messages: Sequence[PlanMessage]) -> str:
    """Return the name of a fetch task: its symbols, or the first and the last of many."""
    names = [message["symbol"] for message in messages]
    listed = ", ".join(names)
    if len(listed) <= LONGEST_NAME:
        return listed
    return f"{names[0]} to {names[-1]} ({len(names)})"


def fetch(messages: Sequence[PlanMessage]) -> None:
    """Fetch one or more symbols side by side and land each batch; each fails on its own.

    Where the exchange does not answer, a batch that an earlier run has fetched and not loaded is
    landed instead, and the task fails all the same.

    Raises:
        AirflowFailException: One was not fetched, and another try would not help.
        RetryableError: The exchange did not answer for one.
    """
    by_symbol = {message["symbol"]: message for message in messages}
    try:
        with fail_without_retry():
            exchange = open_exchange(open_store())
        exchange.budget.hold(USUAL_WEIGHT, _leaves(exchange, messages))
        failed = run_each(
            by_symbol, lambda symbol: _fetch(exchange, by_symbol[symbol]), at_a_time=len(by_symbol)
        ).failed
        raise_failures(failed)
    except BaseException as error:
        # Airflow's time limit, too: nobody must wait for what does not come. Where the note cannot
        # be written either, they do.
        with suppress(OSError):
            for url in [message["url"] for message in messages if not is_fetched(message["url"])]:
                land_failure(url, str(error) or type(error).__name__)
        raise
    finally:
        # What is left is the end of a process: the minute's other tasks come first.
        os.nice(NICENESS)


def _fetch(exchange: ExchangeAccess, message: PlanMessage) -> None:
    plan = plan_of(message)
    try:
        with exchange.client(lambda: now() + plan.clock_offset) as client:
            batch = fetch_batch(client, plan, now)
    except RetryableError:
        landed = unloaded_batch(storage_url(), plan.symbol, plan.window.start, now().date())
        if landed:
            _land(message["url"], landed)
            log.warning("%s %s: an earlier batch is taken", landed.symbol, landed.window)
        raise
    _land(message["url"], batch)
    log.info(
        "%s %s: %d rows in %d ms, weight used %d",
        batch.symbol,
        batch.window,
        batch.row_count,
        batch.fetch_ms,
        batch.used_weight,
    )


def _land(url: str, batch: Batch) -> None:
    with explain_disk_full(url.rpartition("/")[0]):
        land_batch(url, batch)


def load(windows: Sequence[Sequence[PlanMessage]]) -> None:
    """Store the rows that passed the gate, each batch as its verdict lands, and queue alerts.

    A verdict counts once it has landed, whatever became of the task that made it. Several batches
    at a time: each waits for Cassandra most of its time.

    Args:
        windows: The planned fetches, of each fetch task.

    Raises:
        AirflowFailException: A batch is missing, unchecked, refused or unreadable, or failed with
            a program error; the others are stored.
        RetryableError: Cassandra did not answer for one.
    """
    messages = [message for group in windows[:] for message in group]
    urls = {message["symbol"]: message["url"] for message in messages}
    problems: dict[str, str] = {}
    failed: dict[str, Exception] = {}
    with fail_without_retry():
        store, run = open_store(), current_run()
    alarms: list[str] = []
    for arrived in arrivals(
        urls,
        lambda awaited: {symbol: is_checked(urls[symbol]) for symbol in awaited},
        wait_for(messages, longest=WAITS_FOR_VERDICTS),
        now,
    ):
        loaded = run_each(
            arrived, lambda each: _load(store, run, urls[each]), at_a_time=LOADS_AT_A_TIME
        )
        failed |= loaded.failed
        problems |= {symbol: problem for symbol, (problem, _) in loaded.done.items()}
        alarms += [alarm for _, alarm in loaded.done.values() if alarm]
    for symbol in urls.keys() - problems.keys() - failed.keys():
        problems[symbol] = UNCHECKED if is_fetched(urls[symbol]) else "was not fetched"
    queue_alerts([see(alarm, Heading.ROWS_QUARANTINED) for alarm in alarms])
    raise_failures(
        failed, [f"{symbol} {problems[symbol]}" for symbol in urls if problems.get(symbol)]
    )


def _load(store: Store, run: Run | None, url: str) -> tuple[str, str]:
    """Load one batch; return what is wrong with it and its alert, if any."""
    try:
        batch = read_batch(url)
        verdict = read_verdict(url)
    except LostBatchError as error:
        return str(error), ""
    record = load_batch(store, batch, verdict, url, run)
    log.info(
        "%s %s: %d rows stored, %d quarantined",
        record.symbol,
        batch.window,
        0 if record.is_refused else record.row_count - record.quarantined_count,
        record.quarantined_count,
    )
    return f"refused: {verdict.reason}" if record.is_refused else "", alarm_of(store, record)


def _leaves(exchange: ExchangeAccess, messages: Sequence[PlanMessage]) -> Collection[Leave]:
    """Return the leaves of a task's fetches: the plan's, or those of a group by itself."""
    leaves = [leave for message in messages if (leave := leave_of(message))]
    if leaves or len(messages) == 1:
        return leaves
    return usual_leaves(exchange.budget, [*map(plan_of, messages)], now).values()
