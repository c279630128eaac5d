"""Save days of published minutes, restore them to an empty server, and compare every answer."""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from dev.benchmarks.sample_prices import minute_average, second_price
from dev.cassandra_server.server import CassandraServer
from dev.machine.console import say
from include.reading.queries import Reading, as_of
from include.records.prices import ExchangeMinute
from include.records.revisions import restatement
from include.records.windows import DAY, HOUR, MINUTE, SECOND, Window
from include.store.schema import migrate
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.store import Store, connect

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT")
KIB_PER_MIB = 1024
# Minutes published in one transaction, which become known at the same moment.
TOGETHER = 10
# Every tenth minute has a second revision, as an overlap makes it; every fiftieth is restated.
REVISED_EVERY, RESTATED_EVERY = 10, 50
Answers = dict[tuple[str, datetime], list[Reading]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; return 1 if an answer or a row of the mart differs."""
    parser = argparse.ArgumentParser(prog="./dev/bench backup", description=__doc__)
    parser.add_argument("--days", type=int, default=3, help="days of minutes (%(default)s)")
    parser.add_argument(
        "--symbols", type=int, default=len(SYMBOLS), help="number of symbols (%(default)s)"
    )
    options = parser.parse_args(arguments)
    say(
        f"{platform.machine()}, Python {platform.python_version()}, {os.cpu_count()} cores shared "
        f"with the server, load average {os.getloadavg()[0]:.1f}"
    )
    symbols = SYMBOLS[: options.symbols]
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    window = Window(midnight - options.days * DAY, midnight)
    with tempfile.TemporaryDirectory(prefix="bench-backup-") as name:
        folder = Path(name)
        backup = str(folder / "backup")
        marts = [folder / "first.db", folder / "second.db"]
        with served(folder / "first") as settings:
            migrate(settings)
            with timed(f"{options.days} days of {len(symbols)} symbols stored and published"):
                fill(connect(settings), symbols, window)
            with timed("loaded into a mart"):
                fill_mart(connect(settings), symbols, window, marts[0])
            before = answers(connect(settings), symbols, window)
            with timed("saved"):
                run_command(settings, marts[0], "save", backup)
        with timed("verified"):
            run_command(None, marts[0], "verify", backup)
        with served(folder / "second") as settings:
            with timed("restored to an empty server and an empty mart"):
                run_command(settings, marts[1], "restore", backup)
            after = answers(connect(settings), symbols, window)
        is_same = show_answers(before, after, window, len(symbols))
        return 0 if show_marts(*marts) and is_same else 1


@contextmanager
def served(home: Path) -> Iterator[CassandraSettings]:
    """Run a server of its own; yield the settings of a keyspace on it."""
    with CassandraServer(home) as server:
        yield CassandraSettings(hosts=(server.host,), port=server.port)
        SESSIONS.close()


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Print how long something took."""
    started = time.perf_counter()
    yield
    say(f"  {name}: {time.perf_counter() - started:.1f} s")


def fill(store: Store, symbols: Sequence[str], window: Window) -> None:
    """Store every second and minute, publish every minute, and revise some."""
    chance = random.Random(20)  # noqa: S311 - no secret
    for symbol in symbols:
        for day in window.days():
            start = datetime(day.year, day.month, day.day, tzinfo=UTC)
            seconds = [
                replace(second_price(start + at * SECOND, chance), symbol=symbol)
                for at in range(DAY // SECOND)
            ]
            store.second_prices.write(seconds, start + DAY)
            minutes = [ExchangeMinute(**vars(each)) for each in seconds[:: MINUTE // SECOND]]
            store.exchange_minutes.write(minutes, start + DAY)
            for hour in range(DAY // HOUR):
                publish_hour(store, symbol, start + hour * HOUR, chance)
        store.set_stored_from(symbol, window.start)
        store.set_stored_until(symbol, window.end)
        store.set_averaged_until(symbol, window.end)


def publish_hour(store: Store, symbol: str, hour: datetime, chance: random.Random) -> None:
    """Publish an hour, some minutes at a time, then revise and restate some of them."""
    made = [
        replace(minute_average(minute, chance), symbol=symbol)
        for minute in Window(hour, hour + HOUR).minutes()
    ]
    published = {
        price.average.minute: price
        for first in range(0, len(made), TOGETHER)
        for some in [made[first : first + TOGETHER]]
        for price in store.minute_prices.append(some, some[-1].minute + MINUTE + 2 * SECOND)
    }
    for every, later in ((REVISED_EVERY, HOUR), (RESTATED_EVERY, 8 * HOUR)):
        changed = [
            replace(minute_average(each.minute, chance), symbol=symbol) for each in made[::every]
        ]
        revised = store.minute_prices.append(changed, hour + HOUR + later)
        restated = (restatement(published[each.average.minute], each) for each in revised)
        store.restatements.note(each for each in restated if each)


def fill_mart(store: Store, symbols: Sequence[str], window: Window, file: Path) -> None:
    """Load the published minutes into an SQLite mart, as report_prices does."""
    os.environ["AIRFLOW_HOME"] = str(file.parent)
    os.environ["AIRFLOW_CONN_MART"] = json.dumps({"conn_type": "sqlite", "host": str(file)})
    # The SDK reports each of its steps.
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "WARNING"
    # Only now is it known where Airflow's home and the mart are.
    from include.mart import creation, mart  # noqa: PLC0415

    creation.create_tables()
    for symbol in symbols:
        mart.refresh(store.minute_prices.history(symbol, window))
        mart.take_restatements(store.restatements.between(symbol, window))
    mart.advance_watermark(mart.newest() or "")


def run_command(settings: CassandraSettings | None, mart: Path, name: str, backup: str) -> None:
    """Run a command of include.backup; print its summary and the memory that it took.

    Raises:
        CalledProcessError: It failed.
    """
    server = ["--host", settings.hosts[0], "--port", str(settings.port)] if settings else []
    connection = json.dumps({"conn_type": "sqlite", "host": str(mart)})
    command = [sys.executable, "-m", "include.backup", name, *server, backup]
    process = subprocess.Popen(
        command,
        env=os.environ | {"AIRFLOW_CONN_MART": connection},
        stdout=subprocess.PIPE,
        # A line for each file.
        stderr=subprocess.DEVNULL,
        text=True,
    )
    said = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    say("".join(f"    {line}\n" for line in said.splitlines()).rstrip("\n"))
    say(f"    largest memory: {used.ru_maxrss / KIB_PER_MIB:,.0f} MiB")
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def answers(store: Store, symbols: Sequence[str], window: Window) -> Answers:
    """Return every minute as known at several moments, between its revisions and after all."""
    moments = [window.start + part * (window.end - window.start) / 4 for part in range(1, 5)]
    moments += [moments[0] + 30 * MINUTE, window.end + DAY]
    return {
        (symbol, moment): as_of(store, symbol, window, moment)
        for symbol in symbols
        for moment in moments
    }


def show_answers(before: Answers, after: Answers, window: Window, symbol_count: int) -> bool:
    """Print how many answers are equal; return whether all are."""
    different = [key for key, readings in before.items() if after[key] != readings]
    counted = sum(len(readings) for readings in before.values())
    say(
        f"as_of: {counted:,} answers about {window.minute_count * symbol_count:,} minutes at "
        f"{len(before) // symbol_count} moments; of {len(before)} lists {len(different)} differ"
    )
    return bool(counted) and not different


def show_marts(first: Path, second: Path) -> bool:
    """Print how many rows of the marts are equal; return whether all are."""
    rows = [_mart_rows(file) for file in (first, second)]
    say(f"the mart: {len(rows[0]):,} rows, {len(rows[0] ^ rows[1])} differ")
    return rows[0] == rows[1]


def _mart_rows(file: Path) -> set[str]:
    """Return the rows of all tables that are kept, each as a text of its own."""
    with closing(sqlite3.connect(file)) as connection:
        return {
            f"{table} {row!r}"
            for table in ("minute", "hourly_summary", "daily_summary", "hourly_quality")
            for row in connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - its own names
        }


if __name__ == "__main__":
    sys.exit(main())
