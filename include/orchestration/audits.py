"""The bodies of the tasks of audit_prices."""

import logging
import os
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TypedDict

from airflow.sdk.exceptions import AirflowFailException

from include.marketdata.auditing import ages_to_audit, audit_day
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


class Days(TypedDict):
    """The days of one symbol to audit, YYYY-MM-DD, ascending."""

    symbol: str
    days: list[str]


def plan(params: Mapping[str, object]) -> list[Days]:
    """Return what to audit of each symbol: the days asked for, or those whose archive may be new.

    Raises:
        AirflowFailException: The order asks for what cannot be done; the message says what.
    """
    yesterday = now().date() - timedelta(days=1)
    with no_retry_in_vain():
        daily_count = whole_number("audit_days", AUDITED_DAYS)
        is_ordered = bool(params["to"] or params["from"])
        last = date.fromisoformat(str(params["to"] or yesterday))
        first = date.fromisoformat(str(params["from"] or last - timedelta(days=daily_count - 1)))
        if not first <= last <= yesterday:
            raise AirflowFailException(
                f"from {first} to {last} is no span of days that are over: let 'from' be the "
                f"first day and 'to' the last, {yesterday} at most"
            )
        ages = range((last - first).days + 1) if is_ordered else ages_to_audit(daily_count)
        until = last if is_ordered else now().date()
        days = sorted((until - timedelta(days=age)).isoformat() for age in ages)
        return [Days(symbol=symbol, days=days) for symbol in symbols()]


def audit(asked: Days) -> dict[str, int]:
    """Audit days of a symbol that the archive has and that are not audited yet, oldest first.

    Raises:
        AirflowFailException: Days could not be audited; the others are.
    """
    os.nice(NICENESS)
    counts = {"days": 0, "minutes": 0, "restated": 0, "absent": 0, "contradicted": 0}
    problems: list[str] = []
    alarming: list[str] = []
    symbol = asked["symbol"]
    with no_retry_in_vain():
        checkpoints = open_checkpoints()
        publisher = open_publisher(checkpoints)
        with open_fetcher(publisher.store) as fetcher:
            for day in map(date.fromisoformat, asked["days"]):
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
                    "%s %s: %d minutes compared with the archive, %d averaged again, %d kept "
                    "though it says otherwise; %d are not in it",
                    *(symbol, day, noted.minute_count, noted.restated_count),
                    *(noted.contradicted_count, noted.absent_count),
                )
                for each in result.restated:
                    log.info("%s", each)
                alarming += [result.alarm] if result.alarm else []
                counts["days"] += 1
                counts["minutes"] += noted.minute_count
                counts["restated"] += noted.restated_count
                counts["absent"] += noted.absent_count
                counts["contradicted"] += noted.contradicted_count
    leave_alerts(alarming)
    if problems:
        raise AirflowFailException("; ".join(problems))
    return counts
