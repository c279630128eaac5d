"""The body of the task validate of ingest_prices: the first gate."""

import functools
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from airflow.sdk.exceptions import AirflowFailException

from include.gx.batches import check_batch, refusal, verdict_line
from include.gx.checkpoints import Checkpoints
from include.orchestration.alerts import push_result
from include.orchestration.connections import open_store
from include.orchestration.defaults import SHARDS
from include.orchestration.failures import fail_without_retry, raise_failures
from include.orchestration.messages import BatchMessage, CheckedMessage
from include.pipeline.landing import land_verdict, read_batch
from include.pipeline.storing import stored_before
from include.records.batches import Batch
from include.records.errors import LostBatchError, RetryableError
from include.records.isolation import run_each
from include.records.klines import Interval, RawRow
from include.records.windows import MINUTE, Window, to_ms
from include.store.store import Store
from include.tasks.gates import open_checkpoints

log = logging.getLogger(__name__)


@functools.cache
def warm_up() -> None:
    """Validate a made-up second once, so that Great Expectations loads what it loads on first use.

    For the process whose forks are the tasks: it saves each of them a quarter of a second. Airflow
    loads plugins anew in each task, but in a fork of a warm process this does nothing.
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
    """Run the checkpoint on every batch of a shard separately, and land the verdicts.

    Args:
        messages: All batches that arrived.
        shard: Every SHARDS-th of them from this one on is validated here.

    Raises:
        AirflowFailException: No batch arrived at all, or the check of one failed with a program
            error; the verdicts on the others are passed on.
        RetryableError: Cassandra did not answer.
    """
    with fail_without_retry():
        checkpoints = open_checkpoints()
        store = open_store()
    mine = {message["symbol"]: message for message in messages[shard::SHARDS]}
    judged = run_each(
        mine, lambda symbol: _checked(store, checkpoints, mine[symbol]), stop_on=RetryableError
    )
    checked = [*judged.done.values()]
    if judged.failed:
        push_result(checked)
        raise_failures(judged.failed)
    if not messages:
        raise AirflowFailException("no batch arrived; the fetch tasks of this run say why")
    return checked


def _checked(store: Store, checkpoints: Checkpoints, message: BatchMessage) -> CheckedMessage:
    """Validate a batch, land the verdict and return it; a batch that is lost is refused."""
    try:
        batch = read_batch(message["url"])
        stored = stored_before(store, batch)
        verdict = check_batch(checkpoints, batch, symbol=message["symbol"], stored=stored)
    except LostBatchError as error:
        verdict = refusal(str(error))
    land_verdict(message["url"], verdict)
    summary = verdict_line(verdict, message["rows"])
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
