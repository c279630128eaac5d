"""The bodies of the tasks of backfill_prices."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

from airflow.sdk.exceptions import AirflowFailException
from pydantic import BaseModel, Field, ValidationError

from include.exchange.days import Source, day_window
from include.orchestration.alerts import queue_alerts
from include.orchestration.connections import open_store, symbols
from include.orchestration.context import current_run, now
from include.orchestration.day_fetcher import open_fetcher
from include.orchestration.defaults import NICENESS
from include.orchestration.failures import fail_without_retry
from include.orchestration.messages import BackfillSummary, DayMessage, DoneMessage
from include.pipeline.backfilling import backfill, describe_missing
from include.pipeline.fetching import SETTLE
from include.records.batches import BatchRecord
from include.records.klines import FIRST_DAY
from include.records.runbook import Heading, see
from include.records.windows import DAY, Window
from include.tasks.form_fields import Symbols, explain
from include.tasks.gates import alarms_of, open_checkpoints, open_publisher

# Airflow maps at most 1,024 tasks.
MOST_DAYS = 1_000
SHOWN_DAYS = 20

log = logging.getLogger(__name__)


class BackfillForm(BaseModel, extra="forbid"):
    """What the form asks for; every field is explained there."""

    symbols: Symbols
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    source: Source
    force: bool


def plan(params: Mapping[str, object]) -> list[DayMessage]:
    """Check an order, and split it by symbol and day, oldest first.

    Raises:
        AirflowFailException: The order cannot be carried out; the message says why.
    """
    try:
        order = BackfillForm.model_validate(dict(params))
    except ValidationError as error:
        raise AirflowFailException(explain(error)) from error
    today = now().date()
    if order.last < order.first:
        raise AirflowFailException(
            f"'to' ({order.last}) is before 'from' ({order.first}): set 'from' to the first day "
            "and 'to' to the last"
        )
    if order.last > today:
        raise AirflowFailException(
            f"'to' ({order.last}) is in the future: the last day with prices is {today}"
        )
    if order.first < FIRST_DAY:
        raise AirflowFailException(
            f"'from' ({order.first}) is before Binance began, on {FIRST_DAY}"
        )
    with fail_without_retry():
        named = order.symbols or list(symbols())
    day_count = (order.last - order.first).days + 1
    if day_count * len(named) > MOST_DAYS:
        raise AirflowFailException(
            f"{day_count} days of {len(named)} symbols exceed {MOST_DAYS} at a time: split the "
            "order into shorter ones"
        )
    return [
        DayMessage(
            symbol=symbol,
            day=(order.first + place * DAY).isoformat(),
            source=order.source.value,
            force=order.force,
            symbols=named,
        )
        for place in range(day_count)
        for symbol in named
    ]


def backfill_day(message: DayMessage) -> DoneMessage:
    """Fetch and publish one symbol's day; skip one that is complete."""
    symbol, day = message["symbol"], date.fromisoformat(message["day"])
    os.nice(NICENESS)
    with fail_without_retry():
        store = open_store()
        window = day_window(day, now(), SETTLE)
        is_whole = window.end - window.start == DAY
        if is_whole and not message["force"]:
            missing = describe_missing(store, symbol, window)
            if not missing:
                log.info("%s %s is complete; set 'force' to fetch it again", symbol, day)
                return DoneMessage(
                    symbol=symbol,
                    day=message["day"],
                    state="complete",
                    revisions=0,
                    gaps=0,
                    quarantined=0,
                    missing="",
                )
            log.info("%s %s is fetched: %s", symbol, day, missing)
        with open_fetcher(store) as fetcher:
            fetched = fetcher.fetch(symbol, window, Source(message["source"]))
        log.info("%s %s: fetched, from %s", symbol, day, fetched.source_names)
        checkpoints = open_checkpoints()
        publisher = open_publisher(checkpoints, message["symbols"])
        done = backfill(publisher, checkpoints, fetched, _say, current_run())
    noted = done.day
    log.info(
        "%s %s: %d rows fetched, %d quarantined; %d revisions, %d gaps",
        *(symbol, day, noted.row_count, noted.quarantined_count),
        *(len(done.publication.prices), noted.gap_count),
    )
    refused = [see(done.alarm, Heading.BACKFILL_QUARANTINED)] if done.alarm else []
    queue_alerts([*alarms_of(done.publication), *refused])
    return DoneMessage(
        symbol=symbol,
        day=message["day"],
        state="backfilled",
        revisions=len(done.publication.prices),
        gaps=noted.gap_count,
        quarantined=noted.quarantined_count,
        missing=describe_missing(store, symbol, window) if is_whole else "",
    )


def finish(planned: Sequence[DayMessage], done: Iterable[DoneMessage]) -> BackfillSummary:
    """Look for causes again now that all symbols are there, and report what is still missing.

    Returns:
        Counts; the days that are not complete by name, each with what it lacks.

    Raises:
        AirflowFailException: Days failed; they are named. The others are published.
    """
    results = {(each["symbol"], each["day"]): each for each in done}
    explained = 0
    incomplete: dict[str, str] = {}
    with fail_without_retry():
        gaps = sorted({day for (_, day), each in results.items() if each["gaps"]})
        if gaps:
            publisher = open_publisher(open_checkpoints(), planned[0]["symbols"])
            for day in gaps:
                start = datetime.fromisoformat(day).replace(tzinfo=UTC)
                again = publisher.explain_again(Window(start, start + DAY))
                explained += len(again.prices)
        incomplete = _incomplete([each for each in results.values() if each["missing"]])
    failed = [
        f"{each['symbol']} {each['day']}"
        for each in planned
        if (each["symbol"], each["day"]) not in results
    ]
    if failed:
        shown = [*failed[:SHOWN_DAYS], *(["…"] if len(failed) > SHOWN_DAYS else [])]
        raise AirflowFailException(
            f"{len(failed)} of {len(planned)} days failed, their own tasks say why: "
            f"{', '.join(shown)}; "
            "the others are published, and a new run of the same order fetches the rest"
        )
    return BackfillSummary(
        days=len(results),
        complete=sum(1 for each in results.values() if each["state"] == "complete"),
        revisions=sum(each["revisions"] for each in results.values()),
        explained=explained,
        incomplete=incomplete,
    )


def _incomplete(suspects: Sequence[DoneMessage]) -> dict[str, str]:
    """Return what days still lack, by symbol and day, and log it."""
    if not suspects:
        return {}
    store = open_store()
    found: dict[str, str] = {}
    for each in suspects:
        window = day_window(date.fromisoformat(each["day"]), now(), SETTLE)
        missing = describe_missing(store, each["symbol"], window)
        if missing:
            name = f"{each['symbol']} {each['day']}"
            log.warning("%s is not complete, and can be fetched again: %s", name, missing)
            found[name] = missing
    return found


def _say(record: BatchRecord) -> None:
    log.info(
        "%s %s: %d rows stored, %d quarantined",
        record.symbol,
        Window(record.window_start, record.window_end),
        record.row_count - record.quarantined_count,
        record.quarantined_count,
    )
