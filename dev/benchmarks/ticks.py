"""Backfill and audit two weeks in which the tick changes, with the DAGs' own tasks."""

from __future__ import annotations

import argparse
import logging
import os
import random
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import ROUND_DOWN, Decimal
from pathlib import Path

from dev.benchmarks.backfill import simulator
from dev.cassandra_server.server import CassandraServer
from dev.machine.console import say
from include.reading.queries import as_of
from include.records.windows import DAY, Window
from include.store.schema import migrate
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.store import Store, connect

# As INJUSDT's tick was changed; the simulator lists this symbol with the coarser one.
SYMBOL, CHANGED_ON = "SOLUSDT", date(2024, 1, 12)
BEFORE, AFTER, STEP = Decimal("0.001"), Decimal("0.01"), Decimal("0.00000001")
# The share of trades after the change that match orders from before it.
OLD_ORDERS = 0.1


def main() -> None:
    """Create the days, run both DAGs' tasks over them, and count what is wrong."""
    parser = argparse.ArgumentParser(prog="./dev/bench ticks", description=__doc__)
    parser.add_argument("--days", type=int, default=14, help="days to backfill (%(default)s)")
    options = parser.parse_args()
    # What the steps say in Airflow; here only the figures count.
    logging.disable(logging.WARNING)
    days = [CHANGED_ON + (place - options.days // 2) * DAY for place in range(options.days)]
    with tempfile.TemporaryDirectory(prefix="bench-ticks-") as name:
        folder = Path(name)
        (folder / "archives").mkdir()
        chance = random.Random(20240112)  # noqa: S311 - made-up prices
        for day in days:
            _make_day(folder / "archives", day, chance)
        say(f"{len(days)} days created, {days[0]} to {days[-1]}, tick changed on {CHANGED_ON}")
        with (
            CassandraServer(folder / "cassandra") as server,
            simulator(folder, SYMBOL, "--archives", str(folder / "archives")) as url,
        ):
            settings = CassandraSettings(hosts=(server.host,), port=server.port)
            migrate(settings)
            os.environ |= {
                "AIRFLOW_HOME": str(folder / "airflow"),
                "AIRFLOW_CONN_BINANCE_DEFAULT": f'{{"conn_type": "http", "host": "{url}"}}',
                "AIRFLOW_CONN_CASSANDRA_DEFAULT": f"cassandra://{server.host}:{server.port}/prices",
                "AIRFLOW_VAR_SYMBOLS": SYMBOL,
                "AIRFLOW_VAR_STORAGE_URL": str(folder / "storage"),
            }
            _backfill_and_audit(days)
            is_good = _show(connect(settings), days)
            SESSIONS.close()
    raise SystemExit(not is_good)


def _backfill_and_audit(days: list[date]) -> None:
    # Airflow reads its settings when it is imported.
    from include.tasks import audit_prices, backfill_prices  # noqa: PLC0415

    order = {"from": days[0].isoformat(), "to": days[-1].isoformat()}
    begun = time.perf_counter()
    planned = backfill_prices.plan({"symbols": [], "source": "auto", "force": False, **order})
    done = [backfill_prices.backfill_day(each) for each in planned]
    summary = backfill_prices.finish(planned, done)
    say(f"backfill_prices: {summary}, {time.perf_counter() - begun:.0f} s")
    begun = time.perf_counter()
    found = [audit_prices.audit(each) for each in audit_prices.plan(order)]
    say(f"audit_prices: {found}, {time.perf_counter() - begun:.0f} s")


def _show(store: Store, days: list[date]) -> bool:
    """Print what was quarantined and published; tell whether all is well."""
    today = datetime.now(UTC)
    start = datetime(days[0].year, days[0].month, days[0].day, tzinfo=UTC)
    readings = as_of(store, SYMBOL, Window(start, start + len(days) * DAY), today)
    rows = sum(len(store.quarantine.on_day(SYMBOL, day.date())) for day in (today - DAY, today))
    flags = Counter(each.average.flag.value for each in readings)
    states = Counter(each.state.value for each in readings)
    levels = Counter(each.average.source_level for each in readings)
    say(f"{rows} rows quarantined; minutes: {dict(flags)}, levels {dict(levels)}, {dict(states)}")
    whole = len(days) * 1_440
    return rows == 0 and flags == {"OK": whole} and states == {"AUDITED": whole}


def _make_day(folder: Path, day: date, chance: random.Random) -> None:
    """Write a day's seconds and minutes in the archive's form, with a trade in most seconds."""
    start_ms = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
    price = Decimal("36.123") if day < CHANGED_ON else Decimal("36.12")
    seconds, minutes = [], []
    for minute in range(1_440):
        trades: list[tuple[Decimal, Decimal]] = []
        before = price
        for second in range(60):
            opens_ms = start_ms + (minute * 60 + second) * 1000
            own = [] if second and chance.random() < OLD_ORDERS else [_trade(day, price, chance)]
            seconds.append(_row(opens_ms, 1_000, own, price))
            price = own[-1][0] if own else price
            trades += own
        minutes.append(_row(start_ms + minute * 60_000, 60_000, trades, before))
    for interval, rows in (("1s", seconds), ("1m", minutes)):
        stem = f"{SYMBOL}-{interval}-{day}"
        with zipfile.ZipFile(folder / f"{stem}.zip", "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr(f"{stem}.csv", "".join(_lines(rows)))


def _trade(day: date, price: Decimal, chance: random.Random) -> tuple[Decimal, Decimal]:
    tick = BEFORE if day < CHANGED_ON or chance.random() < OLD_ORDERS else AFTER
    moved = price + tick * chance.randint(-3, 3)
    return max(moved.quantize(tick), Decimal(30)), Decimal(chance.randint(1, 900)).scaleb(-1)


def _row(
    opens_ms: int, length_ms: int, trades: list[tuple[Decimal, Decimal]], before: Decimal
) -> list[object]:
    prices = [price for price, _ in trades] or [before]
    volume = sum((quantity for _, quantity in trades), Decimal(0))
    # Each trade's amount is truncated.
    amounts = [(price * quantity).quantize(STEP, ROUND_DOWN) for price, quantity in trades]
    return [
        opens_ms,
        *(f"{each:.8f}" for each in (prices[0], max(prices), min(prices), prices[-1], volume)),
        opens_ms + length_ms - 1,
        f"{sum(amounts, Decimal(0)):.8f}",
        len(trades),
        "0.00000000",
        "0.00000000",
        "0",
    ]


def _lines(rows: list[list[object]]) -> Iterator[str]:
    for row in rows:
        yield ",".join(map(str, row)) + "\n"


if __name__ == "__main__":
    main()
