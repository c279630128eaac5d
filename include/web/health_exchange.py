"""Whether the exchange answers: by what workers noted, else by a light request of our own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow.sdk import Variable

from include.exchange.breaker import closed_until
from include.orchestration.connections import ExchangeAccess, open_exchange
from include.orchestration.context import now
from include.reading.health import State
from include.records.errors import ExchangeBusyError, MarketDataError, StoreSilentError
from include.records.windows import MINUTE, floor_minute
from include.store.store import Store
from include.web.prices_api import deployment

# An answer of the exchange to any worker counts for so long; after that the check asks by itself,
# and again no sooner.
ANSWER_KEPT = timedelta(seconds=15)
# Within the time that all probes have together (health_probes.py).
PATIENCE_SECONDS = 2.0
# `off` where the API server must not send requests.
ASKS_EXCHANGE = "health_asks_exchange"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExchangeFacts:
    """What is known about the exchange.

    Attributes:
        state: Whether it answers.
        breaker_open_until: None where a request may be sent now.
    """

    state: State
    breaker_open_until: datetime | None = None


class ExchangeQuestion:
    """Tells whether the exchange answers; not for several threads at a time.

    Workers note its answers in the shared budget, but they ask in some seconds of a minute only:
    by that alone an exchange that has just stopped would be noticed after a minute. So when no
    worker has had an answer for some seconds, its clock is asked for (weight 1), within the budget
    of all workers; the answer is noted there too, for every API server.

    Args:
        clock: Aware UTC.
    """

    def __init__(self, clock: Callable[[], datetime] = now) -> None:
        self._clock = clock
        self._failed_at: datetime | None = None

    def __call__(self) -> ExchangeFacts:
        """Return what is known about the exchange; it asks rarely.

        Raises:
            MarketDataError: The store, which holds the budget, does not answer.
        """
        store, moment = deployment().store, self._clock()
        access = open_exchange(store, patience_seconds=PATIENCE_SECONDS)
        table = store.exchange_budget(access.settings.egress)
        if until := closed_until(table.blocks(), access.settings.hosts, moment):
            return ExchangeFacts(State.UNKNOWN, until)
        answered_at = last_answer(store, access.settings.egress, moment)
        failed_at = self._failed_at
        if answered_at and (failed_at is None or failed_at < answered_at):
            if moment - answered_at < ANSWER_KEPT:
                return ExchangeFacts(State.ANSWERS)
        elif failed_at and moment - failed_at < ANSWER_KEPT:
            return ExchangeFacts(State.SILENT)
        if str(Variable.get(ASKS_EXCHANGE, default="on")).strip().lower() == "off":
            return ExchangeFacts(State.UNKNOWN)
        return ExchangeFacts(self._ask(access))

    def _ask(self, access: ExchangeAccess) -> State:
        try:
            with access.client(self._clock) as client:
                client.server_time()
        except ExchangeBusyError:
            # The minute's weight is used up by workers, whom it has answered.
            return State.UNKNOWN
        except StoreSilentError:
            # It holds the budget.
            raise
        except MarketDataError as error:
            self._failed_at = self._clock()
            log.warning("health: exchange: %s", error)
            return State.SILENT
        self._failed_at = None
        return State.ANSWERS


def last_answer(store: Store, egress: str, moment: datetime) -> datetime | None:
    """Return when the exchange last answered any worker well, as noted in this minute or the last.

    Args:
        store: Holds the budget.
        egress: Name of the address that requests leave from.
        moment: Now, aware UTC.
    """
    table = store.exchange_budget(egress)
    minutes = (floor_minute(moment), floor_minute(moment) - MINUTE)
    answers = [use.answered_at for minute in minutes if (use := table.use(minute))]
    return max(filter(None, answers), default=None)
