"""The Cassandra driver used as its own documentation shows, the baseline for our store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from datetime import datetime
from decimal import Decimal

import pandas as pd
from cassandra.cluster import Cluster, Session
from cassandra.concurrent import execute_concurrent, execute_concurrent_with_args
from cassandra.query import BatchStatement, BatchType, PreparedStatement

from dev.benchmarks.sample_prices import SYMBOL
from include.records.prices import SecondPrice
from include.store.loader import REQUESTS_IN_FLIGHT, ROWS_PER_BATCH
from include.store.settings import CassandraSettings

AMOUNTS = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "trade_count",
    "taker_volume",
    "taker_quote_volume",
)
# A table like price_by_second with whole numbers in place of decimals.
SCALED = "price_scaled"


class PlainDriver:
    """Loads and reads seconds with the driver's defaults.

    Args:
        session: Of a plain cluster.
        keyspace: Has the tables.
    """

    def __init__(self, session: Session, keyspace: str) -> None:
        self._session = session
        self._keyspace = keyspace

    def write_batches(self, prices: Sequence[SecondPrice]) -> int:
        """Write batches as large as ours, with as many in flight; return the row count."""
        insert, batches = self._insert("price_by_second"), []
        for first in range(0, len(prices), ROWS_PER_BATCH):
            batch = BatchStatement(BatchType.UNLOGGED)
            for price in prices[first : first + ROWS_PER_BATCH]:
                batch.add(insert, _values(price))
            batches.append((batch, ()))
        execute_concurrent(self._session, batches, concurrency=REQUESTS_IN_FLIGHT)
        return len(prices)

    def write_one_by_one(self, prices: Sequence[SecondPrice]) -> int:
        """Write row by row, a hundred in flight; return the row count."""
        rows = list(map(_values, prices))
        insert = self._insert("price_by_second")
        execute_concurrent_with_args(self._session, insert, rows, concurrency=100)
        return len(rows)

    def write_scaled(self, prices: Sequence[SecondPrice]) -> None:
        """Create the table of whole numbers and write seconds to it, amounts times 10^8."""
        columns = ", ".join(
            f"{name} {'int' if name == 'trade_count' else 'bigint'}" for name in AMOUNTS
        )
        self._session.execute(
            f"CREATE TABLE IF NOT EXISTS {self._keyspace}.{SCALED} (symbol text, day date, "
            f"second timestamp, {columns}, PRIMARY KEY ((symbol, day), second))"
        )
        rows = [
            tuple(
                int(value.scaleb(8)) if isinstance(value, Decimal) else value
                for value in _values(price)
            )
            for price in prices
        ]
        execute_concurrent_with_args(self._session, self._insert(SCALED), rows, concurrency=100)

    def read(self, table: str, start: datetime) -> int:
        """Read a day into a frame through the default named tuples; return the row count."""
        rows = self._session.execute(
            f"SELECT symbol, second, {', '.join(AMOUNTS)} FROM {self._keyspace}.{table} "  # noqa: S608 - our names
            "WHERE symbol = %s AND day = %s",
            (SYMBOL, start.date()),
            timeout=60,
        )
        return len(pd.DataFrame(list(rows)))

    def _insert(self, table: str) -> PreparedStatement:
        return self._session.prepare(
            f"INSERT INTO {self._keyspace}.{table} (symbol, day, second, {', '.join(AMOUNTS)}) "  # noqa: S608 - our names
            f"VALUES ({', '.join('?' * (3 + len(AMOUNTS)))})"
        )


@contextmanager
def plain_driver(settings: CassandraSettings) -> Iterator[PlainDriver]:
    """Connect with the driver's defaults."""
    with Cluster(list(settings.hosts), port=settings.port, protocol_version=5) as cluster:
        yield PlainDriver(cluster.connect(), settings.keyspace)


def _values(price: SecondPrice) -> tuple[object, ...]:
    symbol, start, *amounts = astuple(price)
    return (symbol, start.date(), start, *amounts)
