"""Measure a minute under Airflow by the number of symbols: its delay, and the CPU it takes."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from statistics import median

from dev.benchmarks.bench_stack import first_symbols, symbol_count
from dev.benchmarks.measured import Measured
from dev.benchmarks.minute import measure_floor, measure_pipeline, say_machine
from dev.benchmarks.run_times import named
from dev.machine.console import say
from include.method.delays import percentile


def main() -> int:
    """Measure each number of symbols with a stack of its own, then print one table."""
    parser = argparse.ArgumentParser(prog="./dev/bench scale", description=__doc__)
    parser.add_argument(
        "--symbols",
        type=lambda text: [symbol_count(part) for part in text.split(",")],
        default="5,20,50,100,300",
        help="how many, one after another (%(default)s)",
    )
    parser.add_argument("--minutes", type=int, default=10, help="of each (%(default)s)")
    parser.add_argument(
        "--floor-minutes", type=int, default=4, help="with empty tasks, 0 to skip (%(default)s)"
    )
    options = parser.parse_args()
    if options.minutes < 1 or options.floor_minutes < 0:
        parser.error("--minutes must be 1 or more, --floor-minutes 0 or more")
    say_machine()
    pipeline: dict[int, Measured] = {}
    floor: dict[int, Measured] = {}
    try:
        for count in options.symbols:
            pipeline[count] = _measure(measure_pipeline, count, options.minutes)
            if options.floor_minutes:
                floor[count] = _measure(measure_floor, count, options.floor_minutes)
    finally:
        # What was measured is worth its time, whatever became of the next.
        _show_pipeline(pipeline)
        _show_floor(floor)
    return 0


def _measure(
    measure: Callable[[Path, tuple[str, ...], int], Measured], count: int, minutes: int
) -> Measured:
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as folder:
        return measure(Path(folder), first_symbols(count), minutes)


def _show_pipeline(measured: Mapping[int, Measured]) -> None:
    for count, each in measured.items():
        due = count * each.minutes
        say(
            f"pipeline, {count:3} symbols: {len(each.delays)} of {due} have a value, "
            f"{each.gaps} were first a gap; tasks that failed: {named(each.failed)}"
        )
        _show_figures(count, each)
    _show_slopes(measured)


def _show_floor(measured: Mapping[int, Measured]) -> None:
    for count, each in measured.items():
        say(f"floor, {count:3} symbols:")
        _show_figures(count, each)
    _show_slopes(measured)


def _show_figures(count: int, measured: Measured) -> None:
    if not measured.delays:
        return
    seconds = sorted(delay.total_seconds() for delay in measured.delays)
    cpu = measured.cpu_seconds / measured.minutes
    say(
        f"  p50 {median(seconds):.2f} s, p95 {percentile(seconds, 95):.2f} s, "
        f"CPU {cpu:.2f} s a minute, {cpu / count:.3f} s a symbol and minute"
    )


def _show_slopes(measured: Mapping[int, Measured]) -> None:
    """Print what each symbol beyond a smaller number adds to a minute."""
    for (few, less), (many, more) in pairwise(measured.items()):
        if not less.delays or not more.delays or few == many:
            continue
        middles = [median(delay.total_seconds() for delay in each.delays) for each in (less, more)]
        cpu = [each.cpu_seconds / each.minutes for each in (less, more)]
        symbols = many - few
        say(
            f"  from {few} to {many}: {(middles[1] - middles[0]) / symbols:.3f} s and "
            f"{(cpu[1] - cpu[0]) / symbols:.3f} s of CPU a minute for each symbol more"
        )


if __name__ == "__main__":
    sys.exit(main())
