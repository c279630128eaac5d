"""The bodies of the tasks of backfill_prices."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

from airflow.sdk.exceptions import AirflowFailException

from include.exchange.days import Source, day_window
from include.orchestration.alerts import queue_alerts
from include.orchestration.connections import open_store, symbols
from include.orchestration.context import current_run, now
from include.orchestration.day_fetcher import open_fetcher
from include.orchestration.defaults import NICENESS
from include.orchestration.failures import fail_without_retry
from include.orchestration.messages import DayMessage, DoneMessage
from include.orchestration.orders import check_size, read_backfill
from include.orchestration.page_links import days_on_prices
from include.pipeline.backfilling import backfill, describe_missing
from include.pipeline.fetching import SETTLE
from include.records.batches import BatchRecord
from include.records.runbook import Heading, see
from include.records.windows import DAY, Window
from include.tasks.gates import alarms_of, open_checkpoints, open_publisher

SHOWN_DAYS = 20
SHOWN_SYMBOLS = 3

log = logging.getLogger(__name__)


def plan(params: Mapping[str, object]) -> list[DayMessage]:
    """Check an order, and split it by symbol and day, oldest first.

    Raises:
        AirflowFailException: The order cannot be carried out; the message says why.
    """
    with fail_without_retry():
        order = read_backfill(params, now().date())
        named = order.symbols or list(symbols())
        check_size(order, len(named))
    return [
        DayMessage(
            symbol=symbol,
            day=(order.first + place * DAY).isoformat(),
            source=order.source.value,
            force=order.force,
            symbols=named,
        )
        for place in range(order.day_count)
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
    log.info("on the page Prices: %s", days_on_prices(symbol, day, day))
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


def finish(planned: Sequence[DayMessage], done: Iterable[DoneMessage]) -> str:
    """Look for causes again now that all symbols are there, and report what is still missing.

    Returns:
        A sentence on what was done, with the days that are not complete by name, each with what
        it lacks; and where to see the days on the page Prices.

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
        raise AirflowFailException(
            f"{len(failed)} of {len(planned)} days failed, their own tasks say why: "
            f"{_listed(failed)}; "
            "the others are published, and a new run of the same order fetches the rest"
        )
    return f"{_sentence([*results.values()], explained, incomplete)} {_where(planned)}"


def _sentence(
    done: Sequence[DoneMessage], explained_count: int, incomplete: Mapping[str, str]
) -> str:
    days = sorted({each["day"] for each in done})
    fetched = sum(1 for each in done if each["state"] != "complete")
    published = sum(each["revisions"] for each in done) + explained_count
    refused = sum(each["quarantined"] for each in done)
    parts = [
        f"{_number(fetched, 'day')} fetched" if fetched else "nothing was fetched",
        f"{_number(len(done) - fetched, 'day')} complete already" if fetched < len(done) else "",
        f"{_number(published, 'minute')} published" if fetched else "",
        f"{_number(refused, 'row')} refused, in quarantine" if refused else "",
        f"still incomplete: {_listed([f'{day} ({lack})' for day, lack in incomplete.items()])}"
        if incomplete
        else "",
    ]
    span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"{_symbols_of(done)}, {span}: {', '.join(filter(None, parts))}."


def _where(planned: Sequence[DayMessage]) -> str:
    """Return where to see the days of the first symbol."""
    first, last = planned[0], planned[-1]
    days = [date.fromisoformat(each["day"]) for each in (first, last)]
    return f"Prices: {days_on_prices(first['symbol'], *days)}"


def _symbols_of(done: Iterable[DoneMessage]) -> str:
    names = [*dict.fromkeys(each["symbol"] for each in done)]
    more = len(names) - SHOWN_SYMBOLS
    return ", ".join(names[:SHOWN_SYMBOLS]) + (f" and {more} more" if more > 0 else "")


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*names[:SHOWN_DAYS], *(["…"] if len(names) > SHOWN_DAYS else [])])


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
