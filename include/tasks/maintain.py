"""The body of the tasks of maintain, and what they clear in databases."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from include.orchestration.connections import open_store
from include.orchestration.context import now
from include.orchestration.defaults import NICENESS, UPKEEP_LIMIT
from include.orchestration.failures import fail_without_retry
from include.orchestration.forms import Kind
from include.orchestration.messages import UpkeepMessage
from include.orchestration.upkeep import KeptForeverError, Order, log_report
from include.pipeline.forgetting import forget_settled
from include.records.errors import RetryableError, SettingsError
from include.storage.clearing import Clearing, Tally
from include.tasks import maintain_files

SHOWN = 20

log = logging.getLogger(__name__)


def keep_up(
    kind: str, params: Mapping[str, object], limit: timedelta = UPKEEP_LIMIT
) -> UpkeepMessage:
    """Remove what is older than its setting, of one kind; or only count it.

    Args:
        kind: One of `Kind`.
        params: Of the form.
        limit: How long it may take; the next run goes on.

    Raises:
        AirflowFailException: A setting is not valid.
        RetryableError: A server does not answer, or something cannot be removed; the rest is.
    """
    os.nice(NICENESS)
    until = time.monotonic() + limit.total_seconds()
    only_count = bool(params["only_count"])
    order = Order(Kind(kind), only_count, now(), lambda: time.monotonic() >= until)
    with fail_without_retry():
        try:
            done = WORK[order.kind](order)
        except KeptForeverError as reason:
            log.info("%s: %s", kind, reason)
            return order.nothing(str(reason))
    log_report(done)
    return done


def airflow(order: Order) -> UpkeepMessage:
    """Remove old rows of Airflow's metadata, if this deployment lets a task reach it."""
    oldest = order.oldest("airflow_days")
    # Seconds of imports, for this kind alone.
    from include.orchestration import metadata, resting_session  # noqa: PLC0415

    url = metadata.metadata_url()
    if url is None:
        return order.nothing(
            f"skipped: tasks reach Airflow's metadata only by the connection {metadata.CONNECTION}"
            ", which does not exist; docs/operations.md says what to run instead"
        )
    with metadata.open_metadata(url) as engine:
        size_before = metadata.size_bytes(engine)
        cleaned = metadata.clean(
            engine, oldest, only_count=order.only_count, is_time_up=order.is_time_up
        )
        size_after = metadata.size_bytes(engine)
    log.info("before %s: %s", oldest, resting_session.describe(cleaned.old) or "nothing")
    log.info("removed: %s", resting_session.describe(cleaned.removed) or "nothing")
    if cleaned.failed:
        words = "; ".join(f"{name}: {why}" for name, why in cleaned.failed.items())
        raise RetryableError(f"tables were not cleaned, the others are: {words}")
    old, removed = Tally(cleaned.old.total()), Tally(cleaned.removed.total())
    left_out = ", ".join(cleaned.left_out[:SHOWN])
    done = order.report(
        Clearing(old, old, removed, is_finished=cleaned.is_finished),
        f"all runs stay, as the newest or an unfinished one is older: {left_out}"
        if left_out
        else "",
    )
    done["before_bytes"], done["after_bytes"] = size_before, size_after
    return done


def quarantine(order: Order) -> UpkeepMessage:
    """Delete refused rows that were settled long ago, where a setting says so."""
    oldest = order.oldest("quarantine_days")
    store = open_store()
    return order.report(
        forget_settled(store, oldest, only_count=order.only_count, is_time_up=order.is_time_up)
    )


def snapshots(order: Order) -> UpkeepMessage:
    """Name old snapshots of a Cassandra node, and the command that removes them."""
    oldest = order.oldest("snapshot_days")
    try:
        found = open_store().snapshots()
    except SettingsError as error:
        return order.nothing(f"skipped: the server does not list its snapshots ({error})")
    old = [each for each in found if each.created_at is None or each.created_at < oldest]
    names = sorted({each.name for each in old})[:SHOWN]
    commands = "; ".join(f"nodetool clearsnapshot -t {name}" for name in names)
    return order.report(
        Clearing(
            Tally(len(found), sum(each.size_bytes for each in found)),
            Tally(len(old), sum(each.size_bytes for each in old)),
        ),
        f"whoever runs the server removes them, on each node: {commands}" if names else "",
    )


WORK: Mapping[Kind, Callable[[Order], UpkeepMessage]] = {
    Kind.AIRFLOW: airflow,
    Kind.TASK_LOGS: maintain_files.task_logs,
    Kind.LANDING: maintain_files.landing,
    Kind.DATA_DOCS: maintain_files.data_docs,
    Kind.REPORTS: maintain_files.reports,
    Kind.EXPORTS: maintain_files.exports,
    Kind.QUARANTINE: quarantine,
    Kind.DRAFTS: maintain_files.drafts,
    Kind.SNAPSHOTS: snapshots,
}
