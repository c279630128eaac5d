"""Read the facts of the gauges from the store, each with as little of it as it needs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from include.exchange.breaker import closed_until
from include.exchange.request_budget import ceiling_of
from include.exchange.transport import BinanceSettings
from include.reading.freshness import AT_A_TIME, Freshness
from include.reading.gauges import BudgetFacts, GaugeFacts, SymbolCounts
from include.records.errors import RetryableError
from include.records.isolation import run_each
from include.records.windows import HOUR, MINUTE, Window, floor_minute
from include.store.store import Store

# As far back as the audit looks every day, as shipped. The ledger is kept by minute: what is older
# would have to be searched for in every month.
RESTATED_MINUTES = timedelta(days=7)


class GaugeReader:
    """Reads the facts of all gauges; not for several threads at a time."""

    def __init__(self) -> None:
        self._freshness = Freshness()

    def read(
        self, store: Store, symbols: Sequence[str], exchange: BinanceSettings, now: datetime
    ) -> GaugeFacts:
        """Return the facts of every gauge.

        Args:
            store: Holds everything that they are about.
            symbols: Of the Variable.
            exchange: Its hosts, and which budget they are asked within.
            now: Aware UTC.

        Raises:
            RetryableError: Cassandra does not answer.
            Exception: Of a symbol that cannot be read.
        """
        facts = self._freshness.read(store, symbols, now)
        counts = run_each(
            symbols,
            lambda symbol: _counts(store, symbol, now),
            at_a_time=AT_A_TIME,
            stop_on=RetryableError,
        )
        for error in counts.failed.values():
            raise error
        return GaugeFacts(now, facts, tuple(counts.done.values()), _budget(store, exchange, now))


def _counts(store: Store, symbol: str, now: datetime) -> SymbolCounts:
    end = floor_minute(now) + MINUTE
    # The day's log is read back for an hour only: the quarantine itself may hold a whole bad day.
    batches = store.batches_between(symbol, Window(floor_minute(now - HOUR), end))
    recent = [batch for batch in batches if batch.fetched_at > now - HOUR]
    restated = store.restatements.between(symbol, Window(end - RESTATED_MINUTES, end))
    return SymbolCounts(
        symbol=symbol,
        quarantined_rows=sum(batch.quarantined_count for batch in recent),
        refused_batches=sum(1 for batch in recent if batch.is_refused),
        restatements=sum(1 for each in restated if each.known_at > now - HOUR),
    )


def _budget(store: Store, exchange: BinanceSettings, now: datetime) -> BudgetFacts:
    table = store.exchange_budget(exchange.egress)
    use = table.use(floor_minute(now))
    return BudgetFacts(
        used_weight=use.taken_weight if use else 0,
        ceiling_weight=ceiling_of(table.weight_limit(), exchange.ceiling_ratio),
        breaker_open_until=closed_until(table.blocks(), exchange.hosts, now),
    )
