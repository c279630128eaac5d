"""What a measurement of some minutes found, in words and in times of the floor's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from dev.machine.console import say
from include.method.delays import percentile


@dataclass(frozen=True)
class Measured:
    """Some minutes of some symbols.

    Attributes:
        minutes: How many.
        delays: From a minute's end to each first value stored; of the floor, to the end of `load`.
        gaps: How many rows were first published as a gap.
        cpu_seconds: Of all processes.
        failed: Task instances that failed for good, by DAG and task.
    """

    minutes: int
    delays: Sequence[timedelta]
    gaps: int
    cpu_seconds: float
    failed: Mapping[str, int]


def compare(measured: Measured, floors: Sequence[Measured]) -> None:
    """Print the pipeline's figures in times of the floor's, of all its minutes together."""
    floor_p95 = p95_seconds([delay for floor in floors for delay in floor.delays])
    floor_minutes = sum(floor.minutes for floor in floors)
    floor_cpu = sum(floor.cpu_seconds for floor in floors) / floor_minutes
    cpu = measured.cpu_seconds / measured.minutes
    say("in times of the floor's, of all its minutes:")
    p95 = p95_seconds(measured.delays)
    say(f"  p95 {p95:.2f} s, the end of its load {floor_p95:.2f} s: {p95 / floor_p95:.2f} times")
    say(f"  CPU a minute {cpu:.2f} s, {floor_cpu:.2f} s: {cpu / floor_cpu:.2f} times")


def summary(delays: Sequence[timedelta]) -> str:
    """Return p50, p95 and the longest of some delays."""
    if not delays:
        return "none"
    ordered = sorted(delay.total_seconds() for delay in delays)
    return (
        f"p50 {median(ordered):.2f} s, p95 {p95_seconds(delays):.2f} s, max {ordered[-1]:.2f} s "
        f"({len(ordered)})"
    )


def p95_seconds(delays: Sequence[timedelta]) -> float:
    """Return the 95th percentile of some delays."""
    return percentile(sorted(delay.total_seconds() for delay in delays), 95)
