"""Run busy processes beside the pipeline: is a minute late, wrong or lost?"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from statistics import median

import httpx

from dev.benchmarks.bench_stack import (
    first_symbols,
    stack_options,
    symbol_count,
    wait_until,
)
from dev.benchmarks.row_times import RowTime, row_times
from dev.benchmarks.run_times import failed_tasks, named
from dev.machine.console import say
from dev.machine.ports import LOOPBACK
from dev.stack.stack import MINUTE_DAGS, Stack
from include.method.delays import percentile
from include.records.prices import Flag
from include.records.windows import MINUTE, Window, floor_minute, from_ms, to_ms
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings

INGEST_DAG, _, _ = MINUTE_DAGS
BUSY = (sys.executable, "-c", "while True: pass")
# Undisturbed minutes before, and afterwards until delays count as usual again.
BEFORE_MINUTES = 3
RECOVERY_MINUTES = 3
AFTER_MINUTES = 3
# After the last minute measured, for what is late.
PATIENCE = timedelta(minutes=10)
# After a minute's end: by then batches have landed, and the task is at work on them.
KILLED_AFTER: Mapping[str, timedelta] = {
    "validate": timedelta(seconds=2.5),
    "load": timedelta(seconds=3.5),
}


@dataclass(frozen=True)
class Phase:
    """A part of the measurement; a minute belongs to that in which it ends."""

    name: str
    window: Window


def main() -> int:
    """Measure minutes before, during and after the overload; compare each with the exchange."""
    parser = argparse.ArgumentParser(prog="./dev/bench overload", description=__doc__)
    parser.add_argument("--symbols", type=symbol_count, default=10, help="how many (%(default)s)")
    parser.add_argument("--busy", type=int, default=4, help="busy processes (%(default)s)")
    parser.add_argument("--minutes", type=int, default=10, help="of overload (%(default)s)")
    parser.add_argument(
        "--kill", action="store_true", help="also kill validate and load (-9) in the middle"
    )
    options = parser.parse_args()
    if options.busy < 1 or options.minutes < 1:
        parser.error("--busy and --minutes must be 1 or more")
    symbols = first_symbols(options.symbols)
    with (
        tempfile.TemporaryDirectory(prefix="bench-overload-") as folder,
        Stack(stack_options(Path(folder), symbols)) as stack,
    ):
        stack.start_pipeline()
        phases, killed = _go_through(stack, options.busy, options.minutes, is_killing=options.kill)
        whole = Window(phases[0].window.start - MINUTE, phases[-1].window.end - MINUTE)
        settings = CassandraSettings(hosts=(LOOPBACK,), port=stack.ports.cassandra)
        try:
            expected = _expected(stack.ports.exchange, symbols, whole)
            rows = _wait_for_values(stack, settings, expected, whole)
        finally:
            # Before the server stops, or the driver complains that it is gone.
            SESSIONS.close()
        with stack.rest() as api:
            failed = failed_tasks(api, phases[0].window.start)
    say(f"{len(symbols)} symbols, {options.busy} busy processes, killed (-9): {named(killed)}")
    due = len(symbols) * whole.minute_count
    if len(expected) != due:
        say(f"  the exchange has {len(expected)} of {due} minutes")
        return 1
    _show_delays(rows, phases, expected)
    say(f"  tasks that failed for good: {named(failed)}")
    return _show_faults(rows, expected)


def _go_through(
    stack: Stack, busy_count: int, minutes: int, *, is_killing: bool
) -> tuple[list[Phase], Counter[str]]:
    """Wait through the phases; return them, and how often each task was killed."""
    # The first runs catch up a quarter of an hour, and are not typical.
    begin = floor_minute(datetime.now(UTC)) + 3 * MINUTE
    phases: list[Phase] = []
    for name, length in (
        ("before", BEFORE_MINUTES),
        ("during", minutes),
        ("recovery", RECOVERY_MINUTES),
        ("after", AFTER_MINUTES),
    ):
        phases.append(Phase(name, Window(begin, begin + length * MINUTE)))
        begin += length * MINUTE
    killed: Counter[str] = Counter()
    for phase in phases:
        wait_until(stack, phase.window.start)
        say(f"  {phase.name}: {phase.window}")
        if phase.name == "during":
            with _busy(busy_count):
                middle = phase.window.start + (phase.window.end - phase.window.start) / 2
                wait_until(stack, middle)
                if is_killing:
                    killed = _kill_tasks(stack, until=phase.window.end)
                wait_until(stack, phase.window.end)
        else:
            wait_until(stack, phase.window.end)
        say(f"    load average at its end {os.getloadavg()[0]:.1f}")
    return phases, killed


@contextmanager
def _busy(count: int) -> Iterator[None]:
    processes = [subprocess.Popen(BUSY) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _kill_tasks(stack: Stack, until: datetime) -> Counter[str]:
    """Kill a process of each task once, while it is at work on a minute."""
    killed: Counter[str] = Counter()
    for task_id, after in KILLED_AFTER.items():
        while not killed[task_id] and datetime.now(UTC) < until:
            wait_until(stack, floor_minute(datetime.now(UTC)) + MINUTE + after)
            for pid in _running(stack, task_id)[:1]:
                # It may have ended since Airflow was asked.
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed[task_id] += 1
    return killed


def _running(stack: Stack, task_id: str) -> list[int]:
    """Return the process ids of a task's instances that run."""
    path = f"/dags/{INGEST_DAG}/dagRuns/~/taskInstances"
    with stack.rest() as api:
        found = (
            api.get(path, params={"task_id": task_id, "state": "running"})
            .raise_for_status()
            .json()["task_instances"]
        )
    return [each["pid"] for each in found if each["pid"]]


def _expected(
    port: int, symbols: Sequence[str], window: Window
) -> dict[tuple[str, datetime], Decimal]:
    """Return the VWAP of each minute from the exchange's own minutes, by no code of the product.

    Every symbol of the simulator trades in every minute.
    """
    values = {}
    with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=60) as exchange:
        for symbol in symbols:
            asked: dict[str, str | int] = {
                "symbol": symbol,
                "interval": "1m",
                "startTime": to_ms(window.start),
                "endTime": to_ms(window.end) - 1,
                "limit": 1000,
            }
            for row in exchange.get("/api/v3/klines", params=asked).raise_for_status().json():
                with localcontext(prec=60):
                    vwap = Decimal(row[7]) / Decimal(row[5])
                    exact = vwap.quantize(Decimal("1e-12"), ROUND_HALF_UP)
                values[symbol, from_ms(row[0])] = exact
    return values


def _wait_for_values(
    stack: Stack,
    settings: CassandraSettings,
    expected: Mapping[tuple[str, datetime], Decimal],
    window: Window,
) -> list[RowTime]:
    """Return all revisions, once each minute's last one is right or nothing more is to come."""
    symbols = sorted({symbol for symbol, _ in expected})
    deadline = datetime.now(UTC) + PATIENCE
    while True:
        rows = row_times(settings, symbols, window)
        last = {(row.symbol, row.minute): row for row in rows}
        is_right = all(
            key in last and (last[key].flag, last[key].vwap) == (Flag.OK, vwap)
            for key, vwap in expected.items()
        )
        if is_right or datetime.now(UTC) > deadline:
            return rows
        stack.check()
        time.sleep(1)


def _show_delays(
    rows: Sequence[RowTime],
    phases: Sequence[Phase],
    expected: Mapping[tuple[str, datetime], Decimal],
) -> None:
    """Print, for each phase, when its minutes first had the exchange's value as OK."""
    right: dict[tuple[str, datetime], float] = {}
    other: set[tuple[str, datetime]] = set()
    for row in rows:
        key = (row.symbol, row.minute)
        if (row.flag, row.vwap) == (Flag.OK, expected.get(key)):
            right.setdefault(key, row.stored_delay.total_seconds())
        elif key not in right:
            other.add(key)
    for phase in phases:
        here = {key for key in expected if key[1] + MINUTE in phase.window}
        delays = sorted(right[key] for key in here & right.keys())
        words = f"{len(delays)} of {len(here)} minutes, {len(other & here)} first otherwise"
        if delays:
            words += (
                f"; from a minute's end to its value p50 {median(delays):.2f} s, "
                f"p95 {percentile(delays, 95):.2f} s, max {delays[-1]:.2f} s"
            )
        say(f"  {phase.name}: {words}")


def _show_faults(rows: Sequence[RowTime], expected: Mapping[tuple[str, datetime], Decimal]) -> int:
    """Print how many minutes are lost, wrong or doubled; return 1 when there are some."""
    found: dict[tuple[str, datetime], list[RowTime]] = {key: [] for key in expected}
    for row in rows:
        found.setdefault((row.symbol, row.minute), []).append(row)
    lost = [key for key, revisions in found.items() if not revisions]
    wrong = [
        key
        for key, revisions in found.items()
        if revisions and (revisions[-1].flag, revisions[-1].vwap) != (Flag.OK, expected.get(key))
    ]
    uncounted = [
        key
        for key, revisions in found.items()
        if [row.revision for row in revisions] != [*range(1, len(revisions) + 1)]
    ]
    say(
        f"  of {len(expected)} minutes {len(lost)} are lost, {len(wrong)} do not end as OK with "
        f"the exchange's value, {len(uncounted)} lack a revision"
    )
    for name, keys in (("lost", lost), ("wrong", wrong), ("lacks a revision", uncounted)):
        for symbol, minute in keys[:5]:
            say(f"    {name}: {symbol} {minute:%H:%M}")
    return 1 if lost or wrong or uncounted else 0


if __name__ == "__main__":
    sys.exit(main())
