"""Measure maintain on much old metadata: its time, what it removes, and how late minutes are."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from dev.benchmarks.bench_stack import first_symbols, stack_options, symbol_count, wait_until
from dev.benchmarks.measured import summary
from dev.benchmarks.minute import after_first_minute, say_machine
from dev.benchmarks.old_metadata import TABLES, counts, fill, metadata_of, size_bytes
from dev.benchmarks.row_times import row_times
from dev.benchmarks.run_times import failed_tasks, named
from dev.machine.console import say
from dev.machine.ports import LOOPBACK
from dev.stack.dag_runs import run_dag
from dev.stack.stack import Stack
from include.orchestration.forms import Kind
from include.records.windows import MINUTE, Window, floor_minute
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings

DAG = "maintain"
MOST_RUNS = 5
RUN_TIMEOUT_SECONDS = 3 * 3_600.0
# No minute may be later than usual by more.
MOST_LATER = timedelta(seconds=5)


@dataclass(frozen=True)
class Delays:
    """How late the minutes of a window got their first value.

    Attributes:
        expected: Symbols times minutes.
        values: From a minute's end to the stored row, of those that have a value.
    """

    expected: int
    values: Sequence[timedelta]

    def said(self) -> str:
        """Return them as words."""
        return f"{summary(self.values)}, of {self.expected}"


def main() -> int:
    """Measure; return 0 if no minute is missing, and none later than usual by more than 5 s."""
    parser = argparse.ArgumentParser(prog="./dev/bench maintain", description=__doc__)
    parser.add_argument(
        "--task-instances", type=int, default=500_000, help="old ones (%(default)s)"
    )
    parser.add_argument("--symbols", type=symbol_count, default=10, help="how many (%(default)s)")
    parser.add_argument(
        "--minutes", type=int, default=10, help="of usual minutes before (%(default)s)"
    )
    options = parser.parse_args()
    if options.task_instances < 1 or options.minutes < 1:
        parser.error("--task-instances and --minutes must be 1 or more")
    say(
        f"./dev/bench maintain --task-instances {options.task_instances} "
        f"--symbols {options.symbols} --minutes {options.minutes}"
    )
    say_machine()
    symbols = first_symbols(options.symbols)
    with (
        tempfile.TemporaryDirectory(prefix="bench-maintain-") as folder,
        Stack(stack_options(Path(folder), symbols)) as stack,
    ):
        return measure(stack, symbols, options.task_instances, options.minutes)


def measure(stack: Stack, symbols: Sequence[str], task_instances: int, minutes: int) -> int:
    """Fill the metadata of a running stack, measure usual minutes, then those beside maintain."""
    stack.start_pipeline(others=(DAG,))
    wait_until(stack, after_first_minute(stack) + MINUTE)
    with metadata_of(stack) as cursor:
        began = time.monotonic()
        fill(cursor, task_instances)
        before, size_before = counts(cursor), size_bytes(cursor)
    say(f"{task_instances:,} old task instances made in {time.monotonic() - began:.0f} s")
    usual = _usual_minutes(minutes)
    wait_until(stack, usual.end)
    began_at = datetime.now(UTC)
    with stack.rest() as api:
        _maintain(stack, api)
        during = Window(floor_minute(began_at), floor_minute(datetime.now(UTC)) + MINUTE)
        # Its last minute may still be published.
        wait_until(stack, during.end + MINUTE)
        failed = failed_tasks(api, usual.start)
    with metadata_of(stack) as cursor:
        after, size_after = counts(cursor), size_bytes(cursor)
    _show_rows(before, after)
    say(f"database: {size_before / 1e6:.0f} MB before, {size_after / 1e6:.0f} MB after")
    say("  (Postgres fills freed pages again; only VACUUM FULL gives them back to the disk)")
    settings = CassandraSettings(hosts=(LOOPBACK,), port=stack.ports.cassandra)
    try:
        usually, meanwhile = (_delays(settings, symbols, each) for each in (usual, during))
    finally:
        SESSIONS.close()
    say("from a minute's end to its first value:")
    say(f"  usually:        {usually.said()}")
    say(f"  beside {DAG}: {meanwhile.said()}")
    say(f"tasks that failed for good: {named(failed)}")
    if not usually.values or len(meanwhile.values) < meanwhile.expected:
        say("minutes are missing")
        return 1
    later = max(meanwhile.values) - max(usually.values)
    say(f"the latest minute is {later.total_seconds():+.2f} s from the latest usual one")
    return int(later > MOST_LATER)


def _usual_minutes(minutes: int) -> Window:
    # What Postgres tidies up after the fill is not usual.
    start = floor_minute(datetime.now(UTC)) + 2 * MINUTE
    return Window(start, start + minutes * MINUTE)


def _maintain(stack: Stack, api: httpx.Client) -> None:
    """Run maintain until it has finished, and print what each run says."""
    for number in range(1, MOST_RUNS + 1):
        began = time.monotonic()
        run_dag(api, DAG, RUN_TIMEOUT_SECONDS, stack.check)
        say(f"run {number} of {DAG}: {time.monotonic() - began:.0f} s")
        reports = _reports(api)
        for report in reports:
            say(
                f"  {report['kind']:12} old {report['old']:>9,} removed {report['removed']:>9,}"
                f"{'' if report['is_finished'] else ', not finished'} {report['note']}"
            )
        if all(report["is_finished"] for report in reports):
            return
    say(f"it has not finished in {MOST_RUNS} runs")


def _reports(api: httpx.Client) -> list[dict[str, Any]]:
    """Return what each kind of the newest run said."""
    newest: dict[str, str | int] = {"order_by": "-id", "limit": 1}
    (run,) = api.get(f"/dags/{DAG}/dagRuns", params=newest).raise_for_status().json()["dag_runs"]
    task = f"/dags/{DAG}/dagRuns/{run['dag_run_id']}/taskInstances/keep_up"
    path = f"{task}/xcomEntries/return_value"
    answers = [api.get(path, params={"map_index": index}) for index in range(len(Kind))]
    return [answer.raise_for_status().json()["value"] for answer in answers]


def _show_rows(before: Mapping[str, int], after: Mapping[str, int]) -> None:
    say("rows, those of the minutes meanwhile included:")
    for table in TABLES:
        say(
            f"  {table:30} {before[table]:>10,} before, {after[table]:>10,} after, "
            f"{before[table] - after[table]:>10,} fewer"
        )


def _delays(settings: CassandraSettings, symbols: Sequence[str], window: Window) -> Delays:
    """Return the delays of the minutes that ended in a window."""
    published = Window(window.start - MINUTE, window.end - MINUTE)
    first: dict[tuple[str, datetime], timedelta] = {}
    for row in row_times(settings, symbols, published):
        if row.vwap is not None:
            first.setdefault((row.symbol, row.minute), row.stored_delay)
    return Delays(len(symbols) * published.minute_count, [*first.values()])


if __name__ == "__main__":
    sys.exit(main())
