"""Run many workers against a low limit: does the shared budget keep all of them within it?"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dev.cassandra_server.server import CassandraServer
from dev.machine.console import say
from dev.machine.ports import any_free_port
from dev.machine.processes import Processes
from dev.stack.exchange import start_simulator
from include.exchange.client import BinanceClient
from include.exchange.request_budget import RequestBudget
from include.exchange.transport import BinanceSettings
from include.records.klines import Interval
from include.records.windows import MINUTE, Window, floor_minute
from include.store.schema import migrate
from include.store.settings import CassandraSettings
from include.store.store import Store, connect

WEIGHT_LIMIT = 600
CEILING_RATIO = 0.5
# Longer than a minute, so that a worker can wait until a spent one is over.
PATIENCE_SECONDS = 130.0


@dataclass(frozen=True)
class Storm:
    """A storm's figures from the simulator's own log.

    Attributes:
        served: Answers with rows.
        limited_ms: Milliseconds since the start of the clock minute of each 429.
        bans: Answers with 418.
        weights: Weight used in each whole minute, by its start.
        failures: Requests that were never served, as errors.
    """

    served: int
    limited_ms: tuple[int, ...]
    bans: int
    weights: dict[datetime, int]
    failures: tuple[str, ...]

    @property
    def ceiling(self) -> int:
        """The weight per minute that all workers together may use."""
        return int(WEIGHT_LIMIT * CEILING_RATIO)


@contextmanager
def servers(home: Path) -> Iterator[tuple[CassandraSettings, str, Path]]:
    """Run a real Cassandra with the tables, and a simulator with a low limit that logs requests.

    Yields:
        Cassandra's settings, the simulator's URL and its log.
    """
    log, port = home / "requests.jsonl", any_free_port()
    processes = Processes(home / "run", home)
    with CassandraServer(home / "cassandra") as server:
        settings = CassandraSettings(hosts=(server.host,), port=server.port)
        migrate(settings)
        options = ["--weight-limit", str(WEIGHT_LIMIT), "--request-log", str(log)]
        try:
            url = start_simulator(processes, port, options)
            yield settings, url, log
        finally:
            processes.stop()


def run_storm(home: Path, *, workers: int, minutes: int) -> Storm:
    """Let workers request klines as fast as permitted, for whole clock minutes."""
    with servers(home) as (cassandra, url, log):
        with _client(connect(cassandra), url) as client:
            client.symbol_infos(["BTCUSDT"])
        start = floor_minute(datetime.now(UTC)) + MINUTE
        end = start + minutes * MINUTE
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            asking = [pool.submit(_ask, cassandra, url, start, end) for _ in range(workers)]
            failures = tuple(failure for worker in asking for failure in worker.result())
        return _read(log, Window(start, end), failures)


def _client(store: Store, url: str) -> BinanceClient:
    settings = BinanceSettings((url,), PATIENCE_SECONDS, ceiling_ratio=CEILING_RATIO)
    budget = RequestBudget(store.exchange_budget(settings.egress), settings.ceiling_ratio)
    return BinanceClient(settings, budget, lambda: datetime.now(UTC))


def _ask(cassandra: CassandraSettings, url: str, start: datetime, end: datetime) -> list[str]:
    """Send requests as fast as the budget permits, in a separate process; return the failures."""
    failures = []
    window = Window(start - 15 * MINUTE, start)
    with _client(connect(cassandra), url) as client:
        time.sleep(max(0.0, (start - datetime.now(UTC)).total_seconds()))
        while datetime.now(UTC) < end:
            client.transport.restart_patience()
            try:
                rows = client.klines("BTCUSDT", Interval.MINUTE, window)
            except Exception as error:  # noqa: BLE001 - whatever it is, it counts as not served
                failures.append(repr(error))
            else:
                if len(rows) != window.minute_count:
                    failures.append(f"{len(rows)} rows")
    return failures


def _read(log: Path, window: Window, failures: tuple[str, ...]) -> Storm:
    requests = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    statuses = Counter(request["status"] for request in requests)
    weights = dict.fromkeys(window.minutes(), 0)
    for request in requests:
        minute = datetime.fromtimestamp(request["at_ms"] // 60_000 * 60, UTC)
        if minute in weights:
            weights[minute] = max(weights[minute], request["used_weight"])
    return Storm(
        served=statuses[200],
        limited_ms=tuple(r["at_ms"] % 60_000 for r in requests if r["status"] == 429),  # noqa: PLR2004
        bans=statuses[418],
        weights=weights,
        failures=failures,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the storm and print the figures from the simulator's log."""
    parser = argparse.ArgumentParser(prog="./dev/bench storm", description=__doc__)
    parser.add_argument("--workers", type=int, default=8, help="worker processes (%(default)s)")
    parser.add_argument("--minutes", type=int, default=5, help="whole minutes to run (%(default)s)")
    options = parser.parse_args(arguments)
    say(f"{options.workers} workers, {WEIGHT_LIMIT} weight per minute, {options.minutes} minutes")
    with tempfile.TemporaryDirectory() as home:
        storm = run_storm(Path(home), workers=options.workers, minutes=options.minutes)
    for minute, weight in storm.weights.items():
        say(f"  {minute:%H:%M} UTC  {weight} used, {weight / storm.ceiling:.0%} of the ceiling")
    say(f"  {storm.served} served, {len(storm.failures)} not served, {storm.bans} answers 418")
    say(f"  429 at these milliseconds of the minute: {list(storm.limited_ms) or 'none'}")
    return 0 if not storm.failures and not storm.bans else 1


if __name__ == "__main__":
    sys.exit(main())
