"""Ask each part of the product for its health, side by side and in bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from include.orchestration.context import now
from include.reading.freshness import Freshness
from include.reading.health import Facts, State, SymbolFacts
from include.web.health_exchange import ExchangeFacts
from include.web.prices_api import deployment
from include.web.probes import Probe

# Of all probes together; load balancers give up after five seconds or less.
LIMIT_SECONDS = 3.0

HEALTHY = "healthy"


@dataclass(frozen=True)
class AirflowFacts:
    """Airflow's own health.

    Attributes:
        database: Its metadata database.
        scheduler: By its heartbeat.
    """

    database: State
    scheduler: State


class Probes:
    """Everything that a verdict needs, asked side by side.

    Args:
        ask_airflow: Returns Airflow's own health.
        read_symbols: Returns how fresh each symbol is.
        ask_exchange: Returns what is known about the exchange.
        ask_mart: Raises where the mart does not answer.
        clock: Aware UTC.
        limit_seconds: How long all of them together may take.
    """

    def __init__(  # noqa: PLR0913 - one for each part
        self,
        *,
        ask_airflow: Callable[[], AirflowFacts],
        read_symbols: Callable[[], tuple[SymbolFacts, ...]],
        ask_exchange: Callable[[], ExchangeFacts],
        ask_mart: Callable[[], None],
        clock: Callable[[], datetime] = now,
        limit_seconds: float = LIMIT_SECONDS,
    ) -> None:
        self._airflow = Probe("health-airflow", ask_airflow)
        self._store = Probe("health-store", read_symbols)
        self._exchange = Probe("health-exchange", ask_exchange)
        self._mart = Probe("health-mart", ask_mart)
        self._clock = clock
        self._limit_seconds = limit_seconds

    def facts(self) -> Facts:
        """Ask every part and return what was found, within the limit."""
        checked_at = self._clock()
        until_s = time.monotonic() + self._limit_seconds
        for probe in (self._airflow, self._store, self._exchange, self._mart):
            probe.start()
        airflow_state, airflow = self._airflow.result(until_s)
        store_state, symbols = self._store.result(until_s)
        exchange_state, exchange = self._exchange.result(until_s)
        mart_state, _ = self._mart.result(until_s)
        return Facts(
            checked_at=checked_at,
            airflow_database=airflow.database if airflow else airflow_state,
            scheduler=airflow.scheduler if airflow else State.UNKNOWN,
            store=store_state,
            exchange=exchange.state if exchange else exchange_state,
            mart=mart_state,
            breaker_open_until=exchange.breaker_open_until if exchange else None,
            symbols=symbols or (),
        )


def ask_airflow() -> AirflowFacts:
    """Return Airflow's health as its own /api/v2/monitor/health does."""
    # Every process loads the plugin, and only API servers need the scheduler's code for this.
    from airflow.api.common.airflow_health import get_airflow_health  # noqa: PLC0415

    return airflow_facts(get_airflow_health())


def airflow_facts(told: Mapping[str, Mapping[str, str | None]]) -> AirflowFacts:
    """Return the facts in Airflow's answer."""
    database = State.ANSWERS if told["metadatabase"]["status"] == HEALTHY else State.SILENT
    scheduler = State.ANSWERS if told["scheduler"]["status"] == HEALTHY else State.SILENT
    # Its heartbeat is in the database.
    return AirflowFacts(database, scheduler if database is State.ANSWERS else State.UNKNOWN)


class SymbolReader:
    """Reads how fresh each symbol is, over the store that the pages use."""

    def __init__(self) -> None:
        self._freshness = Freshness()

    def __call__(self) -> tuple[SymbolFacts, ...]:
        """Return the facts of every symbol of the Variable."""
        held = deployment()
        return self._freshness.read(held.store, held.symbols, now())
