"""The common recipe for a day of prices, the baseline for the backfill.

Pages the REST API with python-binance, converts to floats with pandas, averages by resampling, and
inserts row by row, as tutorials do. Not part of the product: ./dev/bench backfill runs it.
"""

from __future__ import annotations

import json
import sys
import time

import pandas as pd
from binance.client import Client  # type: ignore[import-not-found] # of the benchmark's environment
from cassandra.cluster import Cluster

COLUMNS = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume"),
    *("trade_count", "taker_volume", "taker_quote_volume", "unused"),
)
KEYSPACE = "recipe"
PAGE = 1000
DAY_MS = 86_400_000


def main(url: str, cassandra_port: int, symbol: str, start_ms: int) -> None:
    """Backfill one day and print the times taken as JSON."""
    begun = time.perf_counter()
    client = Client(ping=False)
    client.API_URL = f"{url}/api"
    seconds = pd.DataFrame(_pages(client, symbol, start_ms), columns=list(COLUMNS))
    fetched = time.perf_counter()
    for name in COLUMNS:
        seconds[name] = pd.to_numeric(seconds[name])
    seconds["time"] = pd.to_datetime(seconds["open_time"], unit="ms", utc=True)
    sums = seconds.set_index("time")[["volume", "quote_volume"]].resample("1min").sum()
    sums["vwap"] = sums["quote_volume"] / sums["volume"]
    computed = time.perf_counter()
    _insert(cassandra_port, symbol, seconds, sums)
    ended = time.perf_counter()
    sys.stdout.write(
        json.dumps(
            {
                "seconds": len(seconds),
                "minutes": len(sums),
                "fetch": fetched - begun,
                "compute": computed - fetched,
                "insert": ended - computed,
                "wall": ended - begun,
            }
        )
    )


def _pages(client: Client, symbol: str, start_ms: int) -> list[list[str | int]]:
    rows: list[list[str | int]] = []
    while not rows or int(rows[-1][0]) < start_ms + DAY_MS - 1000:
        since_ms = int(rows[-1][0]) + 1000 if rows else start_ms
        page = client.get_klines(
            symbol=symbol,
            interval="1s",
            startTime=since_ms,
            endTime=start_ms + DAY_MS - 1,
            limit=PAGE,
        )
        if not page:
            break
        rows += page
    return rows


def _insert(port: int, symbol: str, seconds: pd.DataFrame, minutes: pd.DataFrame) -> None:
    with Cluster(["127.0.0.1"], port=port) as cluster:
        session = cluster.connect()
        session.execute(
            f"CREATE KEYSPACE IF NOT EXISTS {KEYSPACE} WITH replication = "
            "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        session.set_keyspace(KEYSPACE)
        session.execute(
            "CREATE TABLE IF NOT EXISTS second (symbol text, time timestamp, open double, "
            "high double, low double, close double, volume double, quote_volume double, "
            "PRIMARY KEY (symbol, time))"
        )
        session.execute(
            "CREATE TABLE IF NOT EXISTS minute (symbol text, time timestamp, vwap double, "
            "volume double, PRIMARY KEY (symbol, time))"
        )
        second = session.prepare(
            "INSERT INTO second (symbol, time, open, high, low, close, volume, quote_volume) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )
        names = ["time", "open", "high", "low", "close", "volume", "quote_volume"]
        for row in seconds[names].itertuples(index=False):
            session.execute(second, (symbol, *row))
        minute = session.prepare(
            "INSERT INTO minute (symbol, time, vwap, volume) VALUES (?, ?, ?, ?)"
        )
        for row in minutes.reset_index()[["time", "vwap", "volume"]].itertuples(index=False):
            session.execute(minute, (symbol, *row))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
