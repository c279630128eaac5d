"""Measure how fast prices are loaded, published and read, against the driver's defaults."""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.progress import track

from dev.benchmarks.plain_driver import SCALED, PlainDriver, plain_driver
from dev.benchmarks.sample_prices import SYMBOL, minute_average, second_price
from dev.cassandra_server.server import CassandraServer
from dev.machine.console import CONSOLE, say
from include.method.delays import percentile
from include.records.prices import MinuteAverage, SecondPrice
from include.records.windows import DAY, MINUTE, SECOND, Window, floor_minute
from include.store.frames import span_frames
from include.store.loader import REQUESTS_IN_FLIGHT, ROWS_PER_BATCH
from include.store.schema import migrate
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.store import Store, connect

ROUNDS = 3
# Row by row is so slow that fewer rows are enough.
ROWS_ONE_BY_ONE = 10_000
LOOKS = 1_000
# After a start Java still compiles what it runs often; a server that has run for a while has.
LOOKS_TO_WARM_UP = 3_000
MINUTES_OF_A_DAY = 1_440
MIB = 1024 * 1024

Works = dict[str, Callable[[], int]]


def show_rates(title: str, works: Works) -> None:
    """Print the best rate of each kind of work, alternating per round, and the first's lead."""
    say(title)
    rates = dict.fromkeys(works, 0.0)
    for _ in range(ROUNDS):
        for name, work in works.items():
            gc.collect()
            started = time.perf_counter()
            rows = work()
            rates[name] = max(rates[name], rows / (time.perf_counter() - started))
    first = next(iter(rates.values()))
    for name, value in rates.items():
        say(f"  {name:44} {value:9,.0f} rows/s   the first is {first / value:5.2f} times as fast")


def show_delays(name: str, look: Callable[[], object]) -> None:
    """Print the time of single reads, p50 and p99."""
    for _ in range(LOOKS_TO_WARM_UP):
        look()
    delays_ms = []
    for _ in range(LOOKS):
        started = time.perf_counter()
        look()
        delays_ms.append((time.perf_counter() - started) * 1000)
    delays_ms.sort()
    p50, p99 = (percentile(delays_ms, percent) for percent in (50, 99))
    say(f"  {name:44} p50 {p50:5.1f} ms   p99 {p99:5.1f} ms")


def seconds_of(day: datetime) -> list[SecondPrice]:
    """Return a day of seconds, the same each time."""
    chance = random.Random(day.toordinal())  # noqa: S311 - no secret
    return [second_price(day + index * SECOND, chance) for index in range(86_400)]


def measure_loading(store: Store, driver: PlainDriver, day: datetime) -> None:
    """Load a day of seconds in three ways."""
    prices = seconds_of(day)

    def ours() -> int:
        store.second_prices.write(prices, datetime.now(UTC))
        return len(prices)

    show_rates(
        f"loading a day of seconds, batches of {ROWS_PER_BATCH}, {REQUESTS_IN_FLIGHT} in flight",
        {
            "our loader": ours,
            "the driver, the same batches in a loop": lambda: driver.write_batches(prices),
            f"the driver, row by row, {ROWS_ONE_BY_ONE:,} rows": lambda: driver.write_one_by_one(
                prices[:ROWS_ONE_BY_ONE]
            ),
        },
    )


def measure_frames(store: Store, driver: PlainDriver, day: datetime) -> None:
    """Read a day of seconds into a frame."""

    def ours(*, exact: bool) -> int:
        window = Window(day, day + DAY)
        return sum(map(len, span_frames(store.second_prices, SYMBOL, window, exact=exact)))

    driver.write_scaled(seconds_of(day))
    show_rates(
        "a day of seconds to a DataFrame",
        {
            "our frames, exact, decimal columns": lambda: ours(exact=True),
            "our frames, double precision": lambda: ours(exact=False),
            "the driver's rows, decimal columns": lambda: driver.read("price_by_second", day),
            "the driver's rows, scaled bigint columns": lambda: driver.read(SCALED, day),
        },
    )


def measure_publishing(store: Store, day: datetime) -> None:
    """Publish a day of minutes in batches and one by one."""
    chance = random.Random(3)  # noqa: S311 - no secret
    minutes = list(Window(day, day + DAY).minutes())
    number = itertools.count()

    def append(averages: Sequence[MinuteAverage]) -> int:
        known_at = day + 2 * DAY + next(number) * SECOND
        return len(store.minute_prices.append(averages, known_at))

    def revision() -> list[MinuteAverage]:
        return [minute_average(minute, chance) for minute in minutes]

    show_rates(
        "publishing a revision of each minute of a day",
        {
            "fifty minutes a transaction": lambda: append(revision()),
            "one minute a transaction": lambda: sum(append([each]) for each in revision()),
        },
    )


def fill(store: Store, days: int, now: datetime) -> None:
    """Load days of seconds and a year of minutes that end now."""
    for back in track(range(days, 0, -1), "loading days of seconds", console=CONSOLE):
        day = now.replace(hour=0, minute=0) - back * DAY
        store.second_prices.write(seconds_of(day), now)
    chance = random.Random(2)  # noqa: S311 - no secret
    minutes = list(Window(now - 365 * DAY, now).minutes())
    firsts = range(0, len(minutes), MINUTES_OF_A_DAY)
    for first in track(firsts, "publishing a year of minutes", console=CONSOLE):
        some = minutes[first : first + MINUTES_OF_A_DAY]
        store.minute_prices.append([minute_average(minute, chance) for minute in some], now)


def show_size(home: Path, table: str, rows: int) -> None:
    """Print a table's size on disk."""
    folders = (home / "data" / "data" / "prices").glob(f"{table}-*")
    size = sum(file.stat().st_size for folder in folders for file in folder.glob("*.db"))
    say(f"  {table}: {rows:,} rows, {size / MIB:,.1f} MiB on disk, {size / rows:.0f} bytes per row")


def measure_lookups(server: CassandraServer, settings: CassandraSettings, days: int) -> None:
    """Read single minutes from a store with a year of minutes and days of seconds."""
    now = floor_minute(datetime.now(UTC))
    started = time.perf_counter()
    fill(connect(settings), days, now)
    say(f"look-ups, in data that took {time.perf_counter() - started:.0f} s to load")
    # A server that is stopped gracefully writes to disk what it still holds in memory.
    SESSIONS.close()
    server.stop()
    server.start()
    show_size(server.home, "price_by_second", days * 86_400)
    show_size(server.home, "minute_price", 365 * MINUTES_OF_A_DAY)
    store = connect(settings)
    chance = random.Random(4)  # noqa: S311 - no secret

    def seconds_of_a_minute() -> int:
        start = now - chance.randrange(MINUTES_OF_A_DAY, days * MINUTES_OF_A_DAY) * MINUTE
        return len(store.second_prices.between(SYMBOL, Window(start, start + MINUTE)))

    def a_published_minute() -> int:
        start = now - chance.randrange(1, 364 * MINUTES_OF_A_DAY) * MINUTE
        return len(store.minute_prices.between(SYMBOL, Window(start, start + MINUTE)))

    show_delays("the 60 seconds of any minute", seconds_of_a_minute)
    show_delays("any published minute of a year", a_published_minute)
    show_delays("the latest published minute", lambda: store.minute_prices.latest(SYMBOL))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every measurement and print the results."""
    parser = argparse.ArgumentParser(prog="./dev/bench store", description=__doc__)
    parser.add_argument(
        "--days", type=int, default=30, help="days of seconds to load for look-ups (%(default)s)"
    )
    options = parser.parse_args(arguments)
    say(
        f"{platform.machine()}, Python {platform.python_version()}, {os.cpu_count()} cores shared "
        f"with the server, load average {os.getloadavg()[0]:.1f}; best of {ROUNDS} rounds"
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        CassandraServer(Path(folder) / "cassandra") as server,
    ):
        settings = CassandraSettings(hosts=(server.host,), port=server.port)
        trials = replace(settings, keyspace="trials")
        migrate(trials)
        migrate(settings)
        day = datetime(2026, 3, 1, tzinfo=UTC)
        with plain_driver(trials) as driver:
            measure_loading(connect(trials), driver, day)
            measure_frames(connect(trials), driver, day)
        measure_publishing(connect(trials), day)
        measure_lookups(server, settings, options.days)
        SESSIONS.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
