"""The body of the task of audit_prices."""

import logging
import os
from datetime import timedelta

from airflow.sdk.exceptions import AirflowFailException

from include.marketdata.auditing import audit_day
from include.marketdata.errors import ArchiveNotFoundError, MarketDataError
from include.orchestration.alerts import leave_alerts
from include.orchestration.checks import open_checkpoints, open_publisher
from include.orchestration.connections import whole_number
from include.orchestration.day_fetcher import open_fetcher
from include.orchestration.defaults import NICENESS
from include.orchestration.failures import no_retry_in_vain
from include.orchestration.steps import now

AUDITED_DAYS = 7

log = logging.getLogger(__name__)


def audit(symbol: str) -> dict[str, int]:
    """Audit the last days of a symbol that the archive has and that are not audited yet.

    Raises:
        AirflowFailException: Days could not be audited; the others are.
    """
    os.nice(NICENESS)
    counts = {"days": 0, "minutes": 0, "restated": 0}
    problems: list[str] = []
    alarming: list[str] = []
    today = now().date()
    with no_retry_in_vain():
        checkpoints = open_checkpoints()
        publisher = open_publisher(checkpoints)
        days = whole_number("audit_days", AUDITED_DAYS)
        with open_fetcher(publisher.store) as fetcher:
            for back in range(days, 0, -1):
                day = today - timedelta(days=back)
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
