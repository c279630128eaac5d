"""The bodies of the tasks that run Great Expectations."""

import functools
import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from airflow.sdk.exceptions import AirflowFailException
from pydantic import JsonValue

from include.gx.batches import check_batch, describe, refusal
from include.gx.checkpoints import Checkpoints
from include.gx.data_docs import build_data_docs
from include.gx.docs_index import Retention
from include.gx.minutes import check_averages
from include.method.averages import is_contradicted
from include.orchestration.alerts import hand_on, leave_alerts
from include.orchestration.connections import open_store, storage_url, symbols, whole_number
from include.orchestration.defaults import SHARDS
from include.orchestration.failures import fail_for, no_retry_in_vain, problems_of
from include.orchestration.messages import BatchMessage, CheckedMessage
from include.orchestration.steps import now
from include.pipeline.landing import land_verdict, read_batch
from include.pipeline.publishing import Publication, Publisher
from include.pipeline.storing import stored_before
from include.records.batches import Batch
from include.records.errors import LostBatchError, RetryableError
from include.records.isolation import each_apart
from include.records.klines import Interval, RawRow
from include.records.windows import MINUTE, Window, to_ms
from include.store.store import Store

log = logging.getLogger(__name__)


def open_checkpoints() -> Checkpoints:
    """Return the suites, with their results in the folder of this deployment."""
    return Checkpoints(f"{storage_url()}/gx")


@functools.cache
def warm_up() -> None:
    """Judge a made-up second once, so that Great Expectations has loaded what it loads when used.

    For the process whose forks are the tasks: it saves each of them a quarter of a second. Airflow
    loads plugins anew in each task, but a fork of a process that is warm does nothing here.
    """
    start = datetime(2026, 1, 1, tzinfo=UTC)
    opens_ms = to_ms(start)
    row: RawRow = [opens_ms, *["1.00"] * 5, opens_ms + 999, "1.00", 1, "1.00", "1.00", "0"]
    window = Window(start, start + MINUTE)
    batch = Batch(
        symbol="WARMUP",
        window=window,
        fetched_at=window.end,
        rows={Interval.SECOND: [row], Interval.MINUTE: []},
        spans=dict.fromkeys(Interval, window),
        tick_size=Decimal(1),
        used_weight=0,
        fetch_ms=0,
    )
    check_batch(Checkpoints("memory://warm-up"), batch, symbol=batch.symbol, stored={})


def validate(messages: Sequence[BatchMessage], shard: int) -> list[CheckedMessage]:
    """Run the checkpoint on every batch of a shard, each on its own, and land the verdicts.

    Args:
        messages: All batches that arrived.
        shard: Every SHARDS-th of them from this one on is judged here.

    Raises:
        AirflowFailException: No batch arrived at all, or the check of one met an error of the
            program; what was judged of the others is handed on.
        RetryableError: Cassandra did not answer.
    """
    with no_retry_in_vain():
        checkpoints = open_checkpoints()
        store = open_store()
    mine = {message["symbol"]: message for message in messages[shard::SHARDS]}
    judged = each_apart(
        mine, lambda symbol: _checked(store, checkpoints, mine[symbol]), ends_all=RetryableError
    )
    checked = [*judged.done.values()]
    if judged.failed:
        hand_on(checked)
        fail_for(judged.failed)
    if not messages:
        raise AirflowFailException("no batch arrived; the fetch tasks of this run say why")
    return checked


def _checked(store: Store, checkpoints: Checkpoints, message: BatchMessage) -> CheckedMessage:
    """Judge a batch, land the verdict and say it; a batch that is lost is refused."""
    try:
        batch = read_batch(message["url"])
        stored = stored_before(store, batch)
        verdict = check_batch(checkpoints, batch, symbol=message["symbol"], stored=stored)
    except LostBatchError as error:
        verdict = refusal(str(error))
    land_verdict(message["url"], verdict)
    summary = describe(verdict, message["rows"])
    log.log(
        logging.WARNING if verdict.failed or verdict.is_refused else logging.INFO,
        "%s: %s, %d of %d expectations met in %d ms",
        message["symbol"],
        summary,
        verdict.met_count,
        verdict.evaluated_count,
        verdict.check_ms,
    )
    return CheckedMessage(
        **message,
        verdict=summary,
        refused=verdict.is_refused,
        bad_rows=verdict.bad_row_count,
        failed=[*verdict.failed],
        evaluated=verdict.evaluated_count,
        met=verdict.met_count,
        check_ms=verdict.check_ms,
    )


def publish() -> tuple[dict[str, JsonValue], list[str]]:
    """Average and publish every closed minute.

    Returns:
        What the asset event should say, and of each symbol that could not be averaged what is
        wrong. Asset events are of tasks that succeed: another must fail for these.
    """
    with no_retry_in_vain():
        publication = open_publisher(open_checkpoints()).publish_closed_minutes()
    for price in publication.prices:
        log.info(
            "%s %s revision %d: %s %s",
            price.average.symbol,
            price.average.minute.isoformat(),
            price.revision,
            price.average.flag.value,
            price.average.vwap,
        )
    leave_alerts(alarms_of(publication))
    window = publication.window
    event: dict[str, JsonValue] = {
        "closed_until": publication.closed_until.isoformat(),
        "start": window.start.isoformat() if window else None,
        "end": window.end.isoformat() if window else None,
        "symbols": [*sorted({price.average.symbol for price in publication.prices})],
        "revisions": len(publication.prices),
        "by_flag": {**publication.counts_by_flag()},
        "withheld": len(publication.withheld),
        "restated": len(publication.restated),
    }
    return event, problems_of(publication.failed)


def alarms_of(publication: Publication) -> list[str]:
    """Return what should alarm somebody: minutes withheld, taken back, or told differently."""
    withheld = [
        f"{row.symbol} {row.open_time} was withheld: {', '.join(row.observed)}"
        for row in publication.withheld
    ]
    restated = [f"restated: {each}" for each in publication.restated if each.is_alarming]
    contradicted: dict[str, list[datetime]] = defaultdict(list)
    for price in publication.prices:
        if is_contradicted(price.average):
            contradicted[price.average.symbol].append(price.average.minute)
    disagreeing = [
        f"{symbol}: in {len(minutes)} minutes, the first {min(minutes):%Y-%m-%dT%H:%MZ}, the "
        "exchange's seconds and its minute disagree whether anything traded; the value of the one "
        "that says so is published"
        for symbol, minutes in contradicted.items()
    ]
    return withheld + restated + disagreeing


def open_publisher(checkpoints: Checkpoints, among: Sequence[str] = ()) -> Publisher:
    """Return what publishes averages that pass the second gate.

    Args:
        checkpoints: Keep its results.
        among: The symbols whose data tell a gap from an outage; those of the Variable without.
    """
    check = functools.partial(check_averages, checkpoints)
    return Publisher(open_store(), among or symbols(), now, check)


def data_docs() -> str:
    """Build Data Docs of the results since the last build; return where they are."""
    with no_retry_in_vain():
        retention = Retention(
            days=whole_number("data_docs_days", Retention.days),
            passed_count=whole_number("data_docs_passed", Retention.passed_count),
            failed_count=whole_number("data_docs_failed", Retention.failed_count),
        )
        build = build_data_docs(f"{storage_url()}/gx", now().date(), retention)
    log.info("%d pages made, %d results too old", build.page_count, build.removed_count)
    return build.index_url
