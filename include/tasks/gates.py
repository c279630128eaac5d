"""The gates and the publisher behind them, opened from connections and variables."""

import functools
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from include.gx.checkpoints import Checkpoints
from include.gx.minutes import check_averages
from include.gx.suites import Suite
from include.method.averages import is_contradicted
from include.orchestration.connections import open_store, storage_url, symbols
from include.orchestration.context import current_run, now
from include.pipeline.publishing import Publication, Publisher
from include.records.runbook import Heading, see


def open_checkpoints(*suites: Suite) -> Checkpoints:
    """Return the suites, with their results in the folder of this deployment.

    Args:
        suites: To make before the task waits for what it validates.
    """
    return Checkpoints(f"{storage_url()}/gx", current_run(), suites)


def open_publisher(checkpoints: Checkpoints, among: Sequence[str] = ()) -> Publisher:
    """Return the publisher of averages that pass the second gate.

    Args:
        checkpoints: Keep its results.
        among: The symbols whose data tell a gap from an outage; empty means the Variable's.
    """
    check = functools.partial(check_averages, checkpoints)
    return Publisher(open_store(), among or symbols(), now, check)


def alarms_of(publication: Publication) -> list[str]:
    """Return the alerts of a publication: minutes withheld, restated, or in conflict.

    Each ends with the runbook's heading.
    """
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
        "exchange's seconds and its minute disagree on whether anything traded; the value of the "
        "one with trades is published"
        for symbol, minutes in contradicted.items()
    ]
    by_heading = {
        Heading.WITHHELD: withheld,
        Heading.RESTATED: restated,
        Heading.CONTRADICTED: disagreeing,
    }
    return [see(each, heading) for heading, said in by_heading.items() for each in said]
