"""The bodies of the tasks of audit_prices."""

import functools
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from airflow.sdk.exceptions import AirflowFailException

from include.orchestration.alerts import queue_alerts
from include.orchestration.connections import symbols, whole_number
from include.orchestration.context import now
from include.orchestration.day_fetcher import open_fetcher
from include.orchestration.defaults import NICENESS
from include.orchestration.failures import describe_failures, fail_without_retry
from include.orchestration.messages import AuditMessage
from include.orchestration.orders import read_audit
from include.pipeline.auditing import AuditResult, ages_to_audit, audit_day
from include.records.errors import ArchiveDamagedError, ArchiveNotFoundError, RetryableError
from include.records.isolation import run_each
from include.records.klines import FIRST_DAY
from include.records.revisions import AuditedDay
from include.records.runbook import Heading, see
from include.records.windows import DAY
from include.tasks.gates import open_checkpoints, open_publisher

AUDITED_DAYS = 7

log = logging.getLogger(__name__)


def plan(params: Mapping[str, object]) -> list[AuditMessage]:
    """Plan the days to audit for each symbol: those asked for, or those whose archive may be new.

    Raises:
        AirflowFailException: The order cannot be carried out; the message says why.
    """
    today = now().date()
    with fail_without_retry():
        daily_count = whole_number("audit_days", AUDITED_DAYS)
        order = read_audit(params, today)
        is_ordered = bool(order.first or order.last)
        last = order.last or today - DAY
        first = order.first or max(FIRST_DAY, last - timedelta(days=daily_count - 1))
        ages = range((last - first).days + 1) if is_ordered else ages_to_audit(daily_count)
        until = last if is_ordered else today
        days = sorted((until - timedelta(days=age)).isoformat() for age in ages)
        return [AuditMessage(symbol=symbol, days=days) for symbol in symbols()]


def audit(asked: AuditMessage) -> str:
    """Audit days of a symbol that the archive has and that are not audited yet, oldest first.

    Returns:
        A sentence on what was found.

    Raises:
        AirflowFailException: Days could not be audited; the others are.
    """
    os.nice(NICENESS)
    symbol = asked["symbol"]
    with fail_without_retry():
        checkpoints = open_checkpoints()
        publisher = open_publisher(checkpoints)
        with open_fetcher(publisher.store) as fetcher:
            audit_one = functools.partial(audit_day, publisher, checkpoints, fetcher, symbol)
            audited = run_each(
                map(date.fromisoformat, asked["days"]), _until_nobody_answers(audit_one)
            )
    results = [result for result in audited.done.values() if result]
    for result in results:
        _say(result)
    queue_alerts([see(result.alarm, Heading.ARCHIVE_DIFFERS) for result in results if result.alarm])
    problems = describe_failures(
        {f"{symbol} {day}": error for day, error in audited.failed.items()}
    )
    if problems:
        raise AirflowFailException("; ".join(problems))
    return _sentence(symbol, [result.day for result in results])


def _sentence(symbol: str, noted: Sequence[AuditedDay]) -> str:
    if not noted:
        return f"{symbol}: no day was to be audited."
    return (
        f"{symbol}: {len(noted)} days audited, "
        f"{sum(each.minute_count for each in noted):,} minutes compared with the archive, "
        f"{sum(each.restated_count for each in noted):,} averaged again, "
        f"{sum(each.contradicted_count for each in noted):,} kept although it differs, "
        f"{sum(each.absent_count for each in noted):,} missing from it."
    )


def _until_nobody_answers(
    audit_one: Callable[[date], AuditResult | None],
) -> Callable[[date], AuditResult | None]:
    """Return a function that audits days one by one, and stops asking once nobody answers.

    Otherwise each day would wait as long for an archive that is down.
    """
    unanswered: list[RetryableError] = []

    def ask(day: date) -> AuditResult | None:
        if unanswered:
            raise unanswered[0]
        try:
            return audit_one(day)
        except ArchiveNotFoundError as error:
            log.info("%s: %s", day, error)
            return None
        except ArchiveDamagedError:
            raise
        except RetryableError as error:
            unanswered.append(error)
            raise

    return ask


def _say(result: AuditResult) -> None:
    noted = result.day
    log.info(
        "%s %s: %d minutes compared with the archive, %d averaged again, %d kept although it "
        "differs; %d are missing from it",
        *(noted.symbol, noted.day, noted.minute_count, noted.restated_count),
        *(noted.contradicted_count, noted.absent_count),
    )
    for each in result.restated:
        log.info("%s", each)
