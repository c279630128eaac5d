"""The body of the task of average_minutes."""

import logging

from pydantic import JsonValue

from include.gx.suites import Suite
from include.orchestration.alerts import queue_alerts
from include.orchestration.failures import describe_failures, fail_without_retry
from include.tasks.gates import alarms_of, open_checkpoints, open_publisher
from include.tasks.gauges import send_gauges

log = logging.getLogger(__name__)


def publish() -> tuple[dict[str, JsonValue], list[str]]:
    """Average and publish every closed minute.

    Returns:
        The asset event's content, and the problem of each symbol that could not be averaged.
        Only tasks that succeed emit asset events, so another task must fail for these.
    """
    with fail_without_retry():
        publisher = open_publisher(open_checkpoints(Suite.MINUTE_PRICES))
        publication = publisher.publish_closed_minutes()
    for price in publication.prices:
        log.info(
            "%s %s revision %d: %s %s",
            price.average.symbol,
            price.average.minute.isoformat(),
            price.revision,
            price.average.flag.value,
            price.average.vwap,
        )
    queue_alerts(alarms_of(publication))
    send_gauges(publisher.store, publisher.symbols)
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
    return event, describe_failures(publication.failed)
