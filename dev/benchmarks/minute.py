"""Measure a minute under Airflow: when its price is stored, where the time goes, and CPU used."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from dev.benchmarks.bench_stack import (
    first_symbols,
    stack_options,
    symbol_count,
    wait_until,
)
from dev.benchmarks.cpu_seconds import CpuSeconds, cpu_seconds, used_between
from dev.benchmarks.measured import Measured, compare, summary
from dev.benchmarks.minute_parts import ingest_parts, publish_parts, say_parts
from dev.benchmarks.row_times import RowTime, row_times
from dev.benchmarks.run_times import RunTimes, failed_tasks, named, run_times
from dev.machine.console import say
from dev.machine.ports import LOOPBACK
from dev.stack.airflow import fetch_lead_seconds
from dev.stack.dag_runs import unpause, wait_for_dag
from dev.stack.executors import Executor
from dev.stack.stack import DAG_TIMEOUT_SECONDS, MINUTE_DAGS, Stack
from include.exchange.transport import BinanceSettings
from include.pipeline.fetching import LOOKS
from include.records.prices import Flag
from include.records.windows import CLOCK_SLACK, LEAD, MINUTE, Window, floor_minute
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.store import connect

INGEST_DAG, AVERAGE_DAG, _ = MINUTE_DAGS
EMPTY_DAGS = Path(__file__).with_name("empty_dags.py")
NO_SETTLING = timedelta(0)
EGRESS = BinanceSettings.egress
# A last resort: hundreds of symbols take their time at first.
START_PATIENCE_SECONDS = 1_800.0
# Each look asks for every task of every run: often, that would be a load of its own.
POLL_SECONDS = 5.0

Cpu = Mapping[str, CpuSeconds]


def main() -> None:
    """Measure the pipeline's minutes, and minutes of the same DAGs with empty tasks.

    One half of the latter comes before and the other after, since a machine may change its speed.
    """
    parser = argparse.ArgumentParser(prog="./dev/bench minute", description=__doc__)
    parser.add_argument("--symbols", type=symbol_count, default=10, help="how many (%(default)s)")
    parser.add_argument(
        "--minutes", type=int, default=10, help="to measure, after the start-up (%(default)s)"
    )
    parser.add_argument(
        "--floor-minutes",
        type=int,
        default=4,
        help="with empty tasks, half of them before and half after; 0 to skip (%(default)s)",
    )
    parser.add_argument(
        "--executor",
        type=Executor,
        # A cluster has a class of its own: dev/stack/cluster.py.
        choices=[each for each in Executor if each is not Executor.CLUSTER],
        default=Executor.LOCAL,
        help="how tasks are run: forks of the scheduler, forks of a Celery worker, or a new "
        "interpreter for each, as on Kubernetes (%(default)s)",
    )
    options = parser.parse_args()
    if options.minutes < 1 or options.floor_minutes < 0:
        parser.error("--minutes must be 1 or more, --floor-minutes 0 or more")
    say(
        f"./dev/bench minute --symbols {options.symbols} --minutes {options.minutes} "
        f"--floor-minutes {options.floor_minutes} --executor {options.executor}"
    )
    say_machine()
    symbols = first_symbols(options.symbols)
    floors = []

    def add_floor(minutes: int) -> None:
        if minutes:
            with tempfile.TemporaryDirectory(prefix="bench-minute-floor-") as folder:
                floors.append(measure_floor(Path(folder), symbols, minutes, options.executor))

    add_floor(options.floor_minutes // 2)
    with tempfile.TemporaryDirectory(prefix="bench-minute-") as folder:
        measured = measure_pipeline(Path(folder), symbols, options.minutes, options.executor)
    add_floor(options.floor_minutes - options.floor_minutes // 2)
    if floors:
        compare(measured, floors)


def say_machine() -> None:
    """Print what the measurement runs on."""
    load = ", ".join(f"{average:.2f}" for average in os.getloadavg())
    say(
        f"{platform.machine()}, {os.cpu_count()} cores, load average before {load}, "
        f"Python {platform.python_version()}"
    )


def measure_pipeline(
    home: Path, symbols: Sequence[str], minutes: int, executor: Executor = Executor.LOCAL
) -> Measured:
    """Measure minutes of the pipeline, and print where their time goes."""
    with Stack(stack_options(home, symbols, executor=executor)) as stack:
        # The daily audit, which a new stack begins with, is not part of a minute.
        stack.start_pipeline(others=())
        window, used = _watch(stack, minutes)
        settings = CassandraSettings(hosts=(LOOPBACK,), port=stack.ports.cassandra)
        try:
            published = Window(window.start - MINUTE, window.end - MINUTE)
            revisions = row_times(settings, symbols, published)
            uses = map(connect(settings).exchange_budget(EGRESS).use, window.minutes())
            weights = sorted(use.taken_weight for use in uses if use)
        finally:
            # Before the server stops, or the driver complains that it is gone.
            SESSIONS.close()
        ingests, averages = _runs(stack, window)
        with stack.rest() as api:
            failed = failed_tasks(api, window.start)
    rows = [row for row in revisions if row.revision == 1]
    values: dict[tuple[str, datetime], timedelta] = {}
    for row in revisions:
        if row.vwap is not None:
            values.setdefault((row.symbol, row.minute), row.stored_delay)
    say(f"the pipeline, {len(symbols)} symbols, minutes that ended in {window}:")
    _show_delays(rows, len(symbols) * minutes)
    say(f"  from a minute's end to its first value: {summary([*values.values()])}")
    say(f"  tasks that failed for good: {named(failed)}")
    say(f"  request weight of a minute: p50 {median(weights)}, largest {weights[-1]}")
    _show_parts(ingests, minutes, settle=LOOKS[0])
    _show_publishing(rows, ingests, averages)
    _show_cpu(used, len(symbols) * minutes, minutes * MINUTE)
    gaps = sum(row.flag is Flag.INGEST_GAP for row in rows)
    return Measured(minutes, [*values.values()], gaps, _total(used), failed)


def measure_floor(
    folder: Path, symbols: Sequence[str], minutes: int, executor: Executor = Executor.LOCAL
) -> Measured:
    """Measure minutes of the same DAGs with empty tasks: what Airflow takes by itself."""
    dags = folder / "dags"
    dags.mkdir()
    shutil.copy(EMPTY_DAGS, dags)
    options = stack_options(folder / "home", symbols, dags, executor)
    (dags / "symbols.txt").write_text("\n".join(symbols[: options.fetch_tasks]), encoding="utf-8")
    with Stack(options) as stack:
        with stack.rest() as api:
            for dag_id in MINUTE_DAGS:
                wait_for_dag(api, dag_id, DAG_TIMEOUT_SECONDS, stack.check)
                unpause(api, dag_id)
        window, used = _watch(stack, minutes)
        ingests, averages = _runs(stack, window)
    say(
        f"the floor, the same DAGs with empty tasks, {len(symbols)} symbols, "
        f"minutes that ended in {window}:"
    )
    for dag, runs, task_id in (("ingest", ingests, "load"), ("average", averages, "publish")):
        delays = [run.tasks[task_id].end - run.due for run in runs.values()]
        say(f"  from a minute's end to the end of {dag}'s {task_id}: {summary(delays)}")
    _show_parts(ingests, minutes, settle=NO_SETTLING)
    _show_cpu(used, len(symbols) * minutes, minutes * MINUTE)
    delays = [run.tasks["load"].end - run.due for run in ingests.values()]
    return Measured(minutes, delays, 0, _total(used), {})


def _watch(stack: Stack, minutes: int) -> tuple[Window, Cpu]:
    """Wait for regular minutes to pass; return them, and the CPU time used meanwhile."""
    # The first runs catch up a quarter of an hour, and are not typical.
    since = after_first_minute(stack) + MINUTE
    window = Window(since, since + minutes * MINUTE)
    wait_until(stack, window.start)
    before = cpu_seconds(stack.servers)
    wait_until(stack, window.end)
    return window, used_between(before, cpu_seconds(stack.servers))


def after_first_minute(stack: Stack) -> datetime:
    """Wait until a minute went through all DAGs but the report's; return the start of the next."""
    begun = floor_minute(datetime.now(UTC))
    deadline = time.monotonic() + START_PATIENCE_SECONDS
    while time.monotonic() < deadline:
        stack.check()
        ingests, averages = _runs(stack, Window(begun, floor_minute(datetime.now(UTC)) + MINUTE))
        if ingests and averages and max(averages) >= min(ingests):
            return floor_minute(datetime.now(UTC)) + MINUTE
        time.sleep(POLL_SECONDS)
    raise SystemExit(f"no minute was published within {START_PATIENCE_SECONDS:.0f} s")


def _runs(
    stack: Stack, window: Window
) -> tuple[dict[datetime, RunTimes], dict[datetime, RunTimes]]:
    """Return the runs that fetch and the runs that average, by due time."""
    # The floor's runs begin with the minute.
    lead = timedelta(seconds=fetch_lead_seconds(stack.options.fetch_tasks)) + CLOCK_SLACK
    with stack.rest() as api:
        ingests, averages = (
            {run.due: run for run in run_times(api, dag_id, window, each)}
            for dag_id, each in ((INGEST_DAG, lead), (AVERAGE_DAG, LEAD))
        )
    return ingests, averages


def _show_delays(rows: Sequence[RowTime], expected: int) -> None:
    gaps = sum(row.flag is Flag.INGEST_GAP for row in rows)
    say(f"  {len(rows)} of {expected} rows published, {gaps} of them first as a gap")
    say(f"  from a minute's end to known_at:       {summary([row.known_delay for row in rows])}")
    say(f"  from a minute's end to the stored row: {summary([row.stored_delay for row in rows])}")


def _show_parts(runs: Mapping[datetime, RunTimes], minutes: int, *, settle: timedelta) -> None:
    say(f"  where the time goes, {len(runs)} of {minutes} runs of {INGEST_DAG} that succeeded:")
    say_parts([(run.due, ingest_parts(run, settle)) for run in runs.values()])


def _show_publishing(
    rows: Sequence[RowTime],
    ingests: Mapping[datetime, RunTimes],
    averages: Mapping[datetime, RunTimes],
) -> None:
    """Print the parts of the averaging run, which waits for the prices the other run stores."""
    say(f"  and of {AVERAGE_DAG}, {len(averages)} runs that succeeded:")
    listed = []
    for due in sorted(averages.keys() & ingests.keys()):
        stored = [row.stored_at for row in rows if row.minute + MINUTE == due]
        if not stored:
            continue
        loaded = ingests[due].tasks["load"].end
        listed.append((due, publish_parts(averages[due], loaded, max(stored))))
    say_parts(listed)


def _show_cpu(used: Cpu, symbol_minutes: int, elapsed: timedelta) -> None:
    say(f"  CPU seconds, {symbol_minutes} symbol-minutes in {elapsed.total_seconds():.0f} s:")
    lines = [
        *((name, cpu.total) for name, cpu in used.items()),
        ("all of them", _total(used)),
        ("of the scheduler: its task processes", used["scheduler"].forked),
    ]
    for name, seconds in lines:
        say(
            f"    {name:40} {seconds / symbol_minutes:6.3f} per symbol-minute, "
            f"{seconds / elapsed.total_seconds():5.1%} of a core"
        )


def _total(used: Cpu) -> float:
    return sum(cpu.total for cpu in used.values())


if __name__ == "__main__":
    main()
