"""The bodies of the tasks of audit_prices."""

import logging
import os
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TypedDict

from airflow.sdk.exceptions import AirflowFailException

from include.marketdata.auditing import audit_day
from include.marketdata.errors import ArchiveNotFoundError, MarketDataError
from include.orchestration.alerts import leave_alerts
from include.orchestration.checks import open_checkpoints, open_publisher
from include.orchestration.connections import symbols, whole_number
from include.orchestration.day_fetcher import open_fetcher
from include.orchestration.defaults import NICENESS
from include.orchestration.failures import no_retry_in_vain
from include.orchestration.steps import now

AUDITED_DAYS = 7

log = logging.getLogger(__name__)


class Span(TypedDict):
    """The days of one symbol to audit, both inclusive, YYYY-MM-DD."""

    symbol: str
    first: str
    last: str


def plan(params: Mapping[str, object]) -> list[Span]:
    """Return what to audit of each symbol: the days asked for, or the last ones.

    Raises:
        AirflowFailException: The order asks for what cannot be done; the message says what.
    """
    yesterday = now().date() - timedelta(days=1)
    with no_retry_in_vain():
        days = whole_number("audit_days", AUDITED_DAYS)
        last = date.fromisoformat(str(params["to"] or yesterday))
        first = date.fromisoformat(str(params["from"] or last - timedelta(days=days - 1)))
        if not first <= last <= yesterday:
            raise AirflowFailException(
                f"from {first} to {last} is no span of days that are over: let 'from' be the "
                f"first day and 'to' the last, {yesterday} at most"
            )
        return [
            Span(symbol=symbol, first=first.isoformat(), last=last.isoformat())
            for symbol in symbols()
        ]


def audit(asked: Span) -> dict[str, int]:
    """Audit days of a symbol that the archive has and that are not audited yet, oldest first.

    Raises:
        AirflowFailException: Days could not be audited; the others are.
    """
    os.nice(NICENESS)
    counts = {"days": 0, "minutes": 0, "restated": 0}
    problems: list[str] = []
    alarming: list[str] = []
    symbol = asked["symbol"]
    first, last = (date.fromisoformat(asked[end]) for end in ("first", "last"))
    with no_retry_in_vain():
        checkpoints = open_checkpoints()
        publisher = open_publisher(checkpoints)
        with open_fetcher(publisher.store) as fetcher:
            for day in (first + timedelta(days=place) for place in range((last - first).days + 1)):
                try:
                    result = audit_day(publisher, checkpoints, fetcher, symbol, day)
                except ArchiveNotFoundError:
                    log.info("%s %s: the archive does not have it yet", symbol, day)
                    continue
                except MarketDataError as error:
                    problems.append(f"{symbol} {day}: {error}")
                    continue
                if result is None:
                    continue
                noted = result.day
                log.info(
                    "%s %s: %d minutes as in the archive, %d not",
                    *(symbol, day, noted.minute_count - noted.restated_count),
                    noted.restated_count,
                )
                for each in result.restated:
                    log.info("%s", each)
                alarming += [result.alarm] if result.alarm else []
                counts["days"] += 1
                counts["minutes"] += noted.minute_count
                counts["restated"] += noted.restated_count
    leave_alerts(alarming)
    if problems:
        raise AirflowFailException("; ".join(problems))
    return counts
