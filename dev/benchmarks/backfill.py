"""Backfill a day, compare it with the common recipe, then backfill more days with two workers."""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from dev.cassandra_server.server import CassandraServer
from dev.machine.console import say
from dev.machine.home import CHECKOUT
from dev.machine.locked_environments import locked_environment
from dev.machine.ports import any_free_port
from dev.machine.processes import Processes
from dev.stack.exchange import start_simulator
from include.exchange.archive_client import ArchiveClient, ArchiveSettings
from include.exchange.archive_files import ArchiveFile
from include.exchange.client import BinanceClient
from include.exchange.days import DayFetcher, Source, day_window
from include.exchange.request_budget import RequestBudget
from include.exchange.transport import BinanceSettings
from include.gx.checkpoints import Checkpoints
from include.gx.minutes import check_averages
from include.pipeline.backfilling import backfill
from include.pipeline.fetching import SETTLE
from include.pipeline.publishing import Publisher
from include.records.klines import Interval
from include.records.windows import DAY
from include.store.schema import migrate
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.store import connect
from include.tasks.validate_batches import warm_up

CLIENT_LOCK = CHECKOUT / "tests" / "foreign" / "locks" / "python-binance.txt"
NO_LIMIT = "1000000000"
WORKERS = 2


@dataclass(frozen=True)
class Work:
    """A worker's input to backfill a day.

    Attributes:
        url: Of the exchange and its archive.
        cassandra_port: On loopback.
        folder: For results of the gate.
        symbol: Whose day.
        day: UTC.
    """

    url: str
    cassandra_port: int
    folder: str
    symbol: str
    day: date


def main() -> None:
    """Measure each way in the same run."""
    parser = argparse.ArgumentParser(prog="./dev/bench backfill", description=__doc__)
    parser.add_argument("--symbol", default="XRPUSDT", help="which symbol (%(default)s)")
    parser.add_argument("--days", type=int, default=30, help="days in all (%(default)s)")
    options = parser.parse_args()
    say(
        f"{platform.machine()}, {os.cpu_count()} cores shared with the servers, load average "
        f"{os.getloadavg()[0]:.2f}, Python {platform.python_version()}"
    )
    yesterday = datetime.now(UTC).date() - DAY
    days = [yesterday - back * DAY for back in range(options.days)]
    with tempfile.TemporaryDirectory(prefix="bench-backfill-") as folder:
        archives = Path(folder) / "archives"
        _make_archives(archives, options.symbol, days)
        with (
            CassandraServer(Path(folder) / "cassandra") as server,
            simulator(Path(folder), options.symbol, "--archives", str(archives)) as url,
        ):
            migrate(CassandraSettings(hosts=(server.host,), port=server.port))
            work = functools.partial(Work, url, server.port, folder, options.symbol)
            _compare_a_day(work(days[0]))
            _measure_days([work(day) for day in days[1:]])
            SESSIONS.close()


def backfill_day(work: Work) -> tuple[float, int]:
    """Return the seconds that one day took, and the minutes it published."""
    begun = time.perf_counter()
    settings = CassandraSettings(hosts=("127.0.0.1",), port=work.cassandra_port)
    store = connect(settings)
    checkpoints = Checkpoints(f"{work.folder}/gx")
    exchange = BinanceSettings((work.url,))
    budget = RequestBudget(store.exchange_budget(exchange.egress), exchange.ceiling_ratio)
    with (
        tempfile.TemporaryDirectory() as folder,
        ArchiveClient(ArchiveSettings(Path(folder), work.url)) as archive,
        BinanceClient(exchange, budget, _now) as client,
    ):
        window = day_window(work.day, _now(), SETTLE)
        fetched = DayFetcher(archive, client, _now).fetch(work.symbol, window, Source.AUTO)
    check = functools.partial(check_averages, checkpoints)
    done = backfill(Publisher(store, [work.symbol], _now, check), checkpoints, fetched)
    return time.perf_counter() - begun, len(done.publication.prices)


def _compare_a_day(work: Work) -> None:
    with _workers(1) as pool:
        # An Airflow worker is already connected and has Great Expectations loaded.
        ours, minute_count = pool.submit(backfill_day, work).result()
    say(f"a day, 86,400 seconds to {minute_count:,} published minutes: {ours:.1f} s")
    start = datetime(work.day.year, work.day.month, work.day.day, tzinfo=UTC)
    recipe = Path(__file__).with_name("backfill_recipe.py")
    # The recipe's client is in its own environment; the rest is the same as here.
    site = next((locked_environment(CLIENT_LOCK).parent / "lib").glob("python*/site-packages"))
    run = subprocess.run(
        [
            *(sys.executable, "-P", str(recipe), work.url, str(work.cassandra_port)),
            work.symbol,
            str(int(start.timestamp()) * 1000),
        ],
        env=os.environ | {"PYTHONPATH": str(site)},
        check=True,
        capture_output=True,
        text=True,
    )
    said = json.loads(run.stdout)
    say(
        f"the common recipe, {said['seconds']:,} seconds to {said['minutes']:,} minutes, floats, "
        f"unchecked: {said['wall']:.1f} s (fetch {said['fetch']:.1f}, pandas "
        f"{said['compute']:.1f}, row by row {said['insert']:.1f}); ours is "
        f"{said['wall'] / ours:.1f} times as fast"
    )


def _measure_days(works: list[Work]) -> None:
    with _workers(WORKERS) as pool:
        begun = time.perf_counter()
        taken = list(pool.map(backfill_day, works))
        wall = time.perf_counter() - begun
    minutes = sum(count for _, count in taken)
    say(
        f"{len(works)} more days by {WORKERS} workers: {wall:.1f} s, {wall / len(works):.1f} s per "
        f"day, {minutes:,} minutes published, {minutes / wall:,.0f} per second"
    )


@contextmanager
def _workers(count: int) -> Iterator[ProcessPoolExecutor]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=spawn, initializer=warm_up) as pool:
        for started in [pool.submit(os.getpid) for _ in range(count)]:
            started.result()
        yield pool


def _make_archives(folder: Path, symbol: str, days: list[date]) -> None:
    """Have the simulator create the days' files in advance, so that this is not measured."""
    folder.mkdir()
    begun = time.perf_counter()
    with (
        simulator(folder.parent, symbol) as url,
        ArchiveClient(ArchiveSettings(folder, url)) as archive,
    ):
        for day in days:
            for interval in Interval:
                archive.fetch(ArchiveFile(symbol, interval, day))
    say(f"{len(days)} days of archives created in {time.perf_counter() - begun:.0f} s")


@contextmanager
def simulator(home: Path, symbol: str, *options: str) -> Iterator[str]:
    """Run the exchange simulator with one symbol and no weight limit; yield its URL."""
    processes = Processes(home / "run", home / "logs")
    try:
        listed = ("--symbols", symbol, "--weight-limit", NO_LIMIT)
        yield start_simulator(processes, any_free_port(), [*listed, *options])
    finally:
        processes.stop()


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
