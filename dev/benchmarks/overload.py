"""Run busy processes beside the pipeline: is a minute late, wrong or lost?"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from dev.benchmarks.bench_stack import (
    first_symbols,
    stack_options,
    symbol_count,
    wait_until,
)
from dev.benchmarks.busy import busy
from dev.benchmarks.exchange_values import Values, exchange_values
from dev.benchmarks.minute_outcomes import Outcomes, are_right, outcomes
from dev.benchmarks.row_times import RowTime, row_times
from dev.benchmarks.run_times import failed_tasks, named
from dev.benchmarks.task_processes import kill_task
from dev.machine.console import say
from dev.machine.ports import LOOPBACK
from dev.stack.stack import MINUTE_DAGS, Stack
from include.method.delays import percentile
from include.records.windows import MINUTE, Window, floor_minute
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings

INGEST_DAG, _, _ = MINUTE_DAGS
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
            expected = exchange_values(stack.ports.exchange, symbols, whole)
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
    found = outcomes(rows, expected)
    _show_delays(found, phases, expected)
    say(f"  tasks that failed for good: {named(failed)}")
    return _show_faults(found, expected)


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
            with busy(busy_count):
                middle = phase.window.start + (phase.window.end - phase.window.start) / 2
                wait_until(stack, middle)
                if is_killing:
                    killed = _kill_tasks(stack, until=phase.window.end)
                wait_until(stack, phase.window.end)
        else:
            wait_until(stack, phase.window.end)
        say(f"    load average at its end {os.getloadavg()[0]:.1f}")
    return phases, killed


def _kill_tasks(stack: Stack, until: datetime) -> Counter[str]:
    """Kill a process of each task once, while it is at work on a minute."""
    killed: Counter[str] = Counter()
    for task_id, after in KILLED_AFTER.items():
        while not killed[task_id] and datetime.now(UTC) < until:
            wait_until(stack, floor_minute(datetime.now(UTC)) + MINUTE + after)
            killed[task_id] += kill_task(stack, INGEST_DAG, task_id)
    return killed


def _wait_for_values(
    stack: Stack,
    settings: CassandraSettings,
    expected: Values,
    window: Window,
) -> list[RowTime]:
    """Return all revisions, once each minute's last one is right or nothing more is to come."""
    symbols = sorted({symbol for symbol, _ in expected})
    deadline = datetime.now(UTC) + PATIENCE
    while True:
        rows = row_times(settings, symbols, window)
        if are_right(rows, expected) or datetime.now(UTC) > deadline:
            return rows
        stack.check()
        time.sleep(1)


def _show_delays(found: Outcomes, phases: Sequence[Phase], expected: Values) -> None:
    """Print, for each phase, when its minutes first had the exchange's value as OK."""
    for phase in phases:
        here = {key for key in expected if key[1] + MINUTE in phase.window}
        delays = sorted(found.delays[key].total_seconds() for key in here & found.delays.keys())
        words = (
            f"{len(delays)} of {len(here)} minutes, {len(found.otherwise & here)} first otherwise"
        )
        if delays:
            words += (
                f"; from a minute's end to its value p50 {median(delays):.2f} s, "
                f"p95 {percentile(delays, 95):.2f} s, max {delays[-1]:.2f} s"
            )
        say(f"  {phase.name}: {words}")


def _show_faults(found: Outcomes, expected: Values) -> int:
    """Print how many minutes are lost, wrong or doubled; return 1 when there are some."""
    say(
        f"  of {len(expected)} minutes {len(found.lost)} are lost, {len(found.wrong)} do not end "
        f"as OK with the exchange's value, {len(found.uncounted)} lack a revision"
    )
    for name, keys in (
        ("lost", found.lost),
        ("wrong", found.wrong),
        ("lacks a revision", found.uncounted),
    ):
        for symbol, minute in keys[:5]:
            say(f"    {name}: {symbol} {minute:%H:%M}")
    return 1 if found.lost or found.wrong or found.uncounted else 0


if __name__ == "__main__":
    sys.exit(main())
