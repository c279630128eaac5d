"""The body of the task validate of ingest_prices: the first gate."""

import functools
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from include.gx.batches import SUITES, check_batch, check_batches, refusal, verdict_line
from include.gx.checkpoints import Checkpoints
from include.gx.kline_tables import Candidate
from include.orchestration.alerts import push_result
from include.orchestration.connections import open_store
from include.orchestration.context import now
from include.orchestration.defaults import SHARDS, SYMBOLS_A_SHARD
from include.orchestration.failures import fail_without_retry, raise_failures
from include.orchestration.messages import CheckedMessage, PlanMessage
from include.pipeline.arrivals import arrivals
from include.pipeline.landing import (
    has_verdict,
    is_fetched,
    land_verdict,
    read_batch,
    read_verdict,
)
from include.pipeline.storing import stored_before
from include.records.batches import Batch
from include.records.errors import LostBatchError, RetryableError
from include.records.isolation import run_each
from include.records.klines import Interval, RawRow
from include.records.verdicts import Verdict
from include.records.windows import MINUTE, Window, iso, to_ms
from include.store.store import Store
from include.tasks.gates import open_checkpoints
from include.tasks.ingest_prices import WAITS_FOR_BATCHES, wait_for

# Ten symbols arrive within a second and a half. Each run of the checkpoints takes half a second,
# however many batches there are, and the time of the fetches that still work.
QUIET = timedelta(seconds=1)
LONGEST_GATHERING = timedelta(seconds=2)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Read:
    """What there is of a batch.

    Attributes:
        batch: As landed; None where it cannot be read.
        said: What to validate, or the verdict.
    """

    batch: Batch | None
    said: Candidate | Verdict


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


def validate(windows: Sequence[Sequence[PlanMessage]], shard: int) -> list[CheckedMessage]:
    """Run the checkpoints on the batches of a shard as they land, and land the verdicts.

    Those that come together are validated at once.

    Args:
        windows: The planned fetches, of each fetch task.
        shard: Number of the part of them that is validated here.

    Raises:
        AirflowFailException: The check of a batch failed with a program error; the verdicts on
            the others are passed on.
        RetryableError: Cassandra did not answer.
    """
    planned = [message for group in windows[:] for message in group]
    messages = shard_of(planned, shard)
    urls = {message["symbol"]: message["url"] for message in messages}
    if not urls:
        return []
    with fail_without_retry():
        checkpoints = open_checkpoints(*SUITES.values())
        store = open_store()
    read: dict[str, _Read] = {}
    checked: dict[str, CheckedMessage] = {}
    failures: dict[str, Exception] = {}

    def look(awaited: Sequence[str]) -> dict[str, bool | None]:
        """Read each batch as soon as it is there: the checkpoints wait for the whole group."""
        found = {symbol: is_fetched(urls[symbol]) for symbol in awaited}
        landed = [symbol for symbol in awaited if found[symbol]]
        some = run_each(landed, lambda each: _read(store, each, urls[each]), stop_on=RetryableError)
        read.update(some.done)
        failures.update(some.failed)
        return found

    wait = replace(
        wait_for(messages, longest=WAITS_FOR_BATCHES), quiet=QUIET, longest=LONGEST_GATHERING
    )
    for group in arrivals(urls, look, wait, now):
        done, failed = _checked(
            checkpoints, urls, {symbol: read.pop(symbol) for symbol in group if symbol in read}
        )
        checked |= done
        failures |= failed
    judged = [checked[symbol] for symbol in urls if symbol in checked]
    if failures:
        push_result(judged)
        raise_failures(failures)
    return judged


def shard_of(planned: Sequence[PlanMessage], shard: int) -> Sequence[PlanMessage]:
    """Return a shard's part of the planned fetches: of few symbols, the first has all."""
    count = min(SHARDS, math.ceil(len(planned) / SYMBOLS_A_SHARD))
    return planned[shard::count] if shard < count else []


def _read(store: Store, symbol: str, url: str) -> _Read:
    """Read a batch and what it is compared with; a batch that is lost is refused.

    The verdict of an earlier try counts, if one has landed that accepts the batch.
    """
    try:
        batch = read_batch(url)
    except LostBatchError as error:
        return _Read(None, refusal(str(error)))
    verdict = _earlier_verdict(url)
    return _Read(batch, verdict or Candidate(symbol, batch, stored_before(store, batch)))


def _earlier_verdict(url: str) -> Verdict | None:
    try:
        verdict = read_verdict(url) if has_verdict(url) else None
    except LostBatchError as error:
        log.warning("%s; the batch is validated again", error)
        return None
    return None if verdict and verdict.is_refused else verdict


def _checked(
    checkpoints: Checkpoints, urls: Mapping[str, str], read: Mapping[str, _Read]
) -> tuple[dict[str, CheckedMessage], dict[str, Exception]]:
    """Land each verdict as soon as it is certain, so that it counts whatever happens later.

    Returns:
        The messages, and the errors, by symbol: where the validation of all at once ends in an
        error, those that are left are validated each alone.
    """
    checked: dict[str, CheckedMessage] = {}
    decided = {symbol: one.said for symbol, one in read.items() if isinstance(one.said, Verdict)}
    left = {symbol: one.said for symbol, one in read.items() if isinstance(one.said, Candidate)}

    def land(symbol: str, verdict: Verdict) -> None:
        checked[symbol] = _landed(symbol, urls[symbol], read[symbol].batch, verdict)

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
    return checked, failed


def _landed(symbol: str, url: str, batch: Batch | None, verdict: Verdict) -> CheckedMessage:
    """Land a verdict and return it as a message."""
    land_verdict(url, verdict)
    row_count = batch.row_count if batch else 0
    summary = verdict_line(verdict, row_count)
    log.log(
        logging.WARNING if verdict.failed or verdict.is_refused else logging.INFO,
        "%s: %s, %d of %d expectations met in %d ms",
        symbol,
        summary,
        verdict.met_count,
        verdict.evaluated_count,
        verdict.check_ms,
    )
    return CheckedMessage(
        symbol=symbol,
        url=url,
        rows=row_count,
        verdict=summary,
        refused=verdict.is_refused,
        bad_rows=verdict.bad_row_count,
        failed=[*verdict.failed],
        evaluated=verdict.evaluated_count,
        met=verdict.met_count,
        check_ms=verdict.check_ms,
        start=iso(batch.window.start) if batch else "",
        end=iso(batch.window.end) if batch else "",
        fetched_at=iso(batch.fetched_at) if batch else "",
    )
