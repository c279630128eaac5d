"""Measure the gate: time of a checkpoint, and its share of the validate task under Airflow."""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median

from dev.benchmarks.bench_stack import (
    first_symbols,
    stack_options,
    symbol_count,
    wait_until,
)
from dev.machine.console import say
from dev.stack.stack import Stack
from include.gx.batches import check_batch, check_batches
from include.gx.checkpoints import Checkpoints
from include.gx.kline_tables import Candidate
from include.records.batches import Batch
from include.records.klines import Interval, RawRow
from include.records.verdicts import Verdict
from include.records.windows import MINUTE, Window, floor_minute, to_ms
from include.store.settings import CassandraSettings
from include.store.store import connect

START = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = 900
ROUNDS = 25
# Batches as in a minute of the pipeline: its seconds with the overlap, and its minutes.
MANY = (10, 100)
LIVE_ROWS = 360
MANY_ROUNDS = 3
START_PATIENCE_SECONDS = 300.0


def main() -> None:
    """Measure the gate alone, then in the running pipeline."""
    parser = argparse.ArgumentParser(prog="./dev/bench gate", description=__doc__)
    parser.add_argument(
        "--symbols", type=symbol_count, default=5, help="symbols in the pipeline (%(default)s)"
    )
    parser.add_argument("--minutes", type=int, default=5, help="minutes to run it, 0 to skip it")
    options = parser.parse_args()
    _measure_alone()
    for count in MANY:
        _compare_together(count)
    if options.minutes > 0:
        _measure_in_airflow(first_symbols(options.symbols), options.minutes)


def _measure_alone() -> None:
    begun = time.perf_counter()
    command = [sys.executable, "-c", "import include.gx.checkpoints"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    say(f"importing Great Expectations in a new process: {time.perf_counter() - begun:.1f} s")
    seconds = batch(ROWS, minutes=0)
    both = batch(ROWS, minutes=ROWS // 60)
    bad = batch(ROWS, minutes=ROWS // 60)
    for place in (100, 400, 800):
        bad.rows[Interval.SECOND][place][3] = "0.00"
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(folder)

        def check(landed: Batch) -> Callable[[], object]:
            return lambda: check_batch(checkpoints, landed, symbol="BTCUSDT", stored={})

        for name, landed in (
            (f"a checkpoint on {ROWS} seconds", seconds),
            (f"a batch: {ROWS} seconds and {ROWS // 60} minutes, two checkpoints", both),
            ("the same with three bad rows, named", bad),
        ):
            wall, cpu = warm_times(check(landed))
            say(
                f"{name}, warm: p50 {median(wall):.3f} s, worst {max(wall):.3f} s; "
                f"CPU p50 {median(cpu):.3f} s ({ROUNDS} rounds)"
            )


def _compare_together(count: int) -> None:
    """Compare the gate on batches of several symbols at once with the gate on each alone."""
    landed = batch(LIVE_ROWS, minutes=LIVE_ROWS // 60)
    candidates = [
        Candidate(symbol, replace(landed, symbol=symbol), {})
        for symbol in (f"S{number}USDT" for number in range(count))
    ]
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(folder)

        def one_by_one() -> dict[str, Verdict]:
            return {
                symbol: verdict
                for each in candidates
                for symbol, verdict in check_batches(checkpoints, [each])
            }

        def together() -> dict[str, Verdict]:
            return dict(check_batches(checkpoints, candidates))

        dict(check_batches(checkpoints, candidates[:1]))
        ratios, apart_s, together_s = [], [], []
        for _ in range(MANY_ROUNDS):
            begun = time.perf_counter()
            alone = one_by_one()
            between = time.perf_counter()
            joint = together()
            ended = time.perf_counter()
            if {name: _decided(each) for name, each in alone.items()} != {
                name: _decided(each) for name, each in joint.items()
            }:
                raise SystemExit("the verdicts differ")
            apart_s.append(between - begun)
            together_s.append(ended - between)
            ratios.append(apart_s[-1] / together_s[-1])
    say(
        f"{count} symbols, {LIVE_ROWS} seconds and {LIVE_ROWS // 60} minutes each: one by one "
        f"{median(apart_s):.2f} s, together {median(together_s):.2f} s; "
        f"{median(ratios):.1f} times cheaper together, the least of {MANY_ROUNDS} rounds "
        f"{min(ratios):.1f}; the same verdicts"
    )


def _decided(verdict: Verdict) -> Verdict:
    return replace(verdict, check_ms=0)


def warm_times(work: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Return wall and CPU seconds of each round, after two that do not count."""
    wall, cpu = [], []
    for count in range(ROUNDS + 2):
        begun, used = time.perf_counter(), time.process_time()
        work()
        if count > 1:
            wall.append(time.perf_counter() - begun)
            cpu.append(time.process_time() - used)
    return wall, cpu


def batch(seconds: int, *, minutes: int) -> Batch:
    """Return valid klines with as many digits as real ones; minutes are sums of their seconds."""
    chance = random.Random(7)  # noqa: S311 - made-up prices
    window = Window(START, START + timedelta(seconds=seconds))
    rows = {
        Interval.SECOND: [
            _kline(START + timedelta(seconds=index), 1_000, chance) for index in range(seconds)
        ]
    }
    if minutes:
        rows[Interval.MINUTE] = [
            _minute_of(rows[Interval.SECOND][place * 60 : place * 60 + 60])
            for place in range(minutes)
        ]
    return Batch(
        symbol="BTCUSDT",
        window=window,
        fetched_at=window.end + timedelta(seconds=5),
        rows=rows,
        spans=dict.fromkeys(rows, window),
        tick_size=Decimal("0.01"),
        used_weight=4,
        fetch_ms=1,
    )


def _kline(start: datetime, length_ms: int, chance: random.Random) -> RawRow:
    opens_ms = to_ms(start)
    price = Decimal(chance.randrange(6_000_000, 6_100_000)).scaleb(-2)
    volume = Decimal(chance.randrange(10**6, 3 * 10**8)).scaleb(-8)
    turned = (price * volume).quantize(Decimal("1e-8"))
    half = (volume / 2).quantize(Decimal("1e-8"))
    text = f"{price:.8f}"
    return [
        *(opens_ms, text, text, text, text, f"{volume:.8f}", opens_ms + length_ms - 1),
        *(f"{turned:.8f}", 17, f"{half:.8f}", f"{(turned / 2):.8f}", "0"),
    ]


def _minute_of(seconds: list[RawRow]) -> RawRow:
    def total(place: int) -> str:
        return f"{sum((Decimal(row[place]) for row in seconds), Decimal(0)):.8f}"

    highest = max(seconds, key=lambda row: Decimal(row[2]))[2]
    lowest = min(seconds, key=lambda row: Decimal(row[3]))[3]
    return [
        *(seconds[0][0], seconds[0][1], highest, lowest, seconds[-1][4], total(5), seconds[-1][6]),
        *(total(7), sum(int(row[8]) for row in seconds), total(9), total(10), "0"),
    ]


def _measure_in_airflow(symbols: tuple[str, ...], minutes: int) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="bench-gate-") as home,
        Stack(stack_options(Path(home), symbols)) as stack,
    ):
        stack.start_pipeline()
        # The first runs catch up a quarter of an hour, and are not typical.
        since = _next_minute(stack) + MINUTE
        wait_until(stack, since + minutes * MINUTE + timedelta(seconds=30))
        _show_share(stack, symbols, since, minutes)


def _next_minute(stack: Stack) -> datetime:
    """Wait until a minute is published for every symbol; return the start of the next one."""
    settings = CassandraSettings(hosts=("127.0.0.1",), port=stack.ports.cassandra)
    deadline = time.monotonic() + START_PATIENCE_SECONDS
    while time.monotonic() < deadline:
        stack.check()
        store = connect(settings)
        if all(store.watermark(symbol).averaged_until for symbol in stack.options.symbols):
            return floor_minute(datetime.now(UTC)) + MINUTE
        time.sleep(1)
    raise SystemExit("no minute was published for every symbol")


def _show_share(stack: Stack, symbols: tuple[str, ...], since: datetime, minutes: int) -> None:
    with stack.rest() as api:
        path = "/dags/ingest_prices/dagRuns/~/taskInstances"
        asked: dict[str, str | int] = {
            "limit": 100,
            "order_by": "-start_date",
            "task_id": "validate",
        }
        found = api.get(path, params=asked).raise_for_status().json()["task_instances"]
    settings = CassandraSettings(hosts=("127.0.0.1",), port=stack.ports.cassandra)
    store = connect(settings)
    check_ms: dict[datetime, int] = defaultdict(int)
    for symbol in symbols:
        for record in store.batch_log(symbol, since.date()):
            check_ms[floor_minute(record.fetched_at)] += record.check_ms
    walls_s: dict[datetime, float] = defaultdict(float)
    for task in found:
        if task["task_id"] == "validate" and task["duration"]:
            started = datetime.fromisoformat(task["start_date"])
            walls_s[floor_minute(started)] += float(task["duration"])
    pairs = [
        (wall, check_ms[minute] / 1000)
        for minute, wall in walls_s.items()
        if since <= minute < since + minutes * MINUTE and minute in check_ms
    ]
    if not pairs:
        raise SystemExit("no validate task of a regular minute ended")
    walls, gates = [wall for wall, _ in pairs], [gate for _, gate in pairs]
    shares = [gate / wall for wall, gate in pairs]
    say(
        f"under Airflow, {len(symbols)} symbols, {len(pairs)} runs: validate takes p50 "
        f"{median(walls):.2f} s, worst {max(walls):.2f} s; its checkpoints p50 "
        f"{median(gates):.2f} s, {median(gates) / len(symbols):.3f} s a batch of 360 seconds and "
        f"16 minutes; share p50 {median(shares):.0%}"
    )
    rest = [wall - gate for wall, gate in pairs]
    say(
        f"the rest of its tasks (reading, landing, XCom and so on): p50 {median(rest):.2f} s, "
        f"worst {max(rest):.2f} s; an import of Great Expectations would show up here"
    )


if __name__ == "__main__":
    main()
