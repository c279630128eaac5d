"""The body of the task validate of ingest_prices: the first gate."""

import functools
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from airflow.sdk.exceptions import AirflowFailException

from include.gx.batches import check_batch, check_batches, refusal, verdict_line
from include.gx.checkpoints import Checkpoints
from include.gx.kline_tables import Candidate
from include.orchestration.alerts import push_result
from include.orchestration.connections import open_store
from include.orchestration.defaults import SHARDS
from include.orchestration.failures import fail_without_retry, raise_failures
from include.orchestration.messages import BatchMessage, CheckedMessage
from include.pipeline.landing import has_verdict, land_verdict, read_batch, read_verdict
from include.pipeline.storing import stored_before
from include.records.batches import Batch
from include.records.errors import LostBatchError, RetryableError
from include.records.isolation import run_each
from include.records.klines import Interval, RawRow
from include.records.verdicts import Verdict
from include.records.windows import MINUTE, Window, to_ms
from include.store.store import Store
from include.tasks.gates import open_checkpoints

# Each mostly waits for Cassandra and the landing folder.
READS_AT_A_TIME = 4

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


def validate(batches: Sequence[Sequence[BatchMessage]], shard: int) -> list[CheckedMessage]:
    """Run the checkpoints on the batches of a shard, all at once, and land the verdicts.

    Args:
        batches: All that arrived, of each fetch task.
        shard: Every SHARDS-th of them from this one on is validated here.

    Raises:
        AirflowFailException: No batch arrived at all, or the check of one failed with a program
            error; the verdicts on the others are passed on.
        RetryableError: Cassandra did not answer.
    """
    # Read all at once: iterating over XCom requests one more than there are.
    arrived = [message for group in batches[:] for message in group]
    with fail_without_retry():
        checkpoints = open_checkpoints()
        store = open_store()
    mine = {message["symbol"]: message for message in arrived[shard::SHARDS]}
    read = run_each(
        mine,
        lambda symbol: _read(store, mine[symbol]),
        at_a_time=READS_AT_A_TIME,
        stop_on=RetryableError,
    )
    checked, failed = _checked(checkpoints, mine, read.done)
    if failures := read.failed | failed:
        push_result(checked)
        raise_failures(failures)
    if not arrived:
        raise AirflowFailException("no batch arrived; the fetch tasks of this run say why")
    return checked


def _read(store: Store, message: BatchMessage) -> Candidate | Verdict:
    """Read a batch and what it is compared with; a batch that is lost is refused.

    Returns:
        The verdict of an earlier try instead, if one has landed that accepts the batch.
    """
    if earlier := _earlier_verdict(message["url"]):
        return earlier
    try:
        batch = read_batch(message["url"])
    except LostBatchError as error:
        return refusal(str(error))
    return Candidate(message["symbol"], batch, stored_before(store, batch))


def _earlier_verdict(url: str) -> Verdict | None:
    try:
        verdict = read_verdict(url) if has_verdict(url) else None
    except LostBatchError as error:
        log.warning("%s; the batch is validated again", error)
        return None
    return None if verdict and verdict.is_refused else verdict


def _checked(
    checkpoints: Checkpoints,
    messages: Mapping[str, BatchMessage],
    read: Mapping[str, Candidate | Verdict],
) -> tuple[list[CheckedMessage], dict[str, Exception]]:
    """Land each verdict as soon as it is certain, so that it counts whatever happens later.

    Returns:
        The messages in the order of the batches, and the errors by symbol: where the validation
        of all at once ends in an error, those that are left are validated each alone.
    """
    checked: dict[str, CheckedMessage] = {}
    decided = {symbol: each for symbol, each in read.items() if isinstance(each, Verdict)}
    left = {each.symbol: each for each in read.values() if isinstance(each, Candidate)}

    def land(symbol: str, verdict: Verdict) -> None:
        checked[symbol] = _landed(messages[symbol], verdict)

    def land_verdicts(candidates: Sequence[Candidate]) -> None:
        for symbol, verdict in check_batches(checkpoints, candidates):
            land(symbol, verdict)
            del left[symbol]

    failed = run_each(decided, lambda symbol: land(symbol, decided[symbol])).failed
    together = run_each([0], lambda _: land_verdicts([*left.values()]))
    if together.failed:
        log.warning(
            "the batches could not be validated together: each alone", exc_info=together.failed[0]
        )
        failed |= run_each([*left], lambda symbol: land_verdicts([left[symbol]])).failed
    return [checked[symbol] for symbol in messages if symbol in checked], failed


def _landed(message: BatchMessage, verdict: Verdict) -> CheckedMessage:
    """Land a verdict and return it as a message."""
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
