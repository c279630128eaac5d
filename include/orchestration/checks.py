"""The bodies of the tasks that run Great Expectations."""

import logging
from collections.abc import Iterable

from airflow.sdk.exceptions import AirflowFailException

from include.gx.checkpoints import build_data_docs, open_context
from include.marketdata.landing import land_verdict, read_batch
from include.marketdata.quality import check_batch, describe, refusal
from include.orchestration.connections import storage_url
from include.orchestration.failures import UNREADABLE, no_retry_in_vain
from include.orchestration.messages import BatchMessage

log = logging.getLogger(__name__)


def validate(messages: Iterable[BatchMessage]) -> list[BatchMessage]:
    """Run the checkpoint on every batch that arrived, each on its own, and land the verdicts."""
    with no_retry_in_vain():
        context = open_context(f"{storage_url()}/gx")
    checked = []
    for message in messages:
        try:
            verdict = check_batch(context, read_batch(message["url"]))
        except UNREADABLE as error:
            verdict = refusal(f"the batch could not be checked ({error!r})")
        land_verdict(message["url"], verdict)
        summary = describe(verdict, message["rows"])
        log.log(
            logging.WARNING if verdict.failed or verdict.is_refused else logging.INFO,
            "%s: %s, checked in %d ms",
            message["symbol"],
            summary,
            verdict.check_ms,
        )
        checked.append(BatchMessage(**{**message, "verdict": summary}))
    if not checked:
        raise AirflowFailException("no batch arrived; the fetch tasks of this run say why")
    return checked


def data_docs() -> str:
    """Build Data Docs of the latest checkpoint results; return where they are."""
    return build_data_docs(f"{storage_url()}/gx")
