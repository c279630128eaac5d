"""The tables at the end of a soak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from statistics import median

from dev.benchmarks.minute_outcomes import Key
from dev.benchmarks.run_times import named
from dev.machine.console import say
from dev.soaking.ledger import Fault, Ledger
from include.method.delays import percentile
from include.records.windows import DAY

MIB = 1 << 20
MOST_NAMED = 10


def say_ledger(ledger: Ledger, failed: Mapping[str, int], left: Sequence[str]) -> None:
    """Print what became of the minutes, and how long each kind of fault was felt."""
    say(f"  minutes expected                      {ledger.expected:6}")
    say(f"  published                             {ledger.published:6}")
    say(f"  first otherwise than right, or late   {ledger.otherwise:6}")
    say(f"    explained by a fault                {ledger.explained:6}")
    say(f"    repaired                            {ledger.repaired:6}")
    for name, keys in (
        ("wrong", ledger.wrong),
        ("lost", ledger.lost),
        ("twice", ledger.twice),
        ("unexplained", ledger.unexplained),
    ):
        say(f"  {name:38}{len(keys):6}  {_named(keys)}".rstrip())
    say(f"  {'orphan processes':38}{len(left):6}")
    for line in left:
        say(f"    {line}")
    say(f"  from a minute's end to its value, without a fault: {_summary(ledger.quiet_delays)}")
    say(f"  the same with a fault at most minutes away:        {_summary(ledger.fault_delays)}")
    say(f"  tasks that failed for good: {named(failed)}")
    say("  from the end of a fault to the last value of the minutes it fell on:")
    for name, recoveries in sorted(_by_kind(ledger.recoveries).items()):
        known = [each for each in recoveries if each is not None]
        longest = f"{max(known).total_seconds():6.1f} s" if known else "none came"
        say(f"    {name:34} {len(recoveries)} times, at most {longest}")


def say_footprint(
    peaks: Mapping[str, int],
    before: Mapping[str, int],
    after: Mapping[str, int],
    elapsed: timedelta,
) -> None:
    """Print the memory of each server, and the growth of each folder."""
    say("  peak memory, shared memory in equal parts:")
    for name, taken in sorted(peaks.items(), key=lambda each: -each[1]):
        say(f"    {name:34} {taken / MIB:8.0f} MiB")
    say(f"  disk, growth in {elapsed.total_seconds() / 60:.0f} minutes and of a day at that rate:")
    for name, taken in after.items():
        grown = taken - before.get(name, 0)
        say(
            f"    {name:34} {taken / MIB:8.0f} MiB, {grown / MIB:+8.1f} MiB, "
            f"{grown * (DAY / elapsed) / MIB:+8.0f} MiB a day"
        )


def _by_kind(
    recoveries: Sequence[tuple[Fault, timedelta | None]],
) -> dict[str, list[timedelta | None]]:
    kinds: dict[str, list[timedelta | None]] = {}
    for fault, recovery in recoveries:
        kinds.setdefault(fault.name, []).append(recovery)
    return kinds


def _named(keys: Sequence[Key]) -> str:
    words = [f"{symbol} {minute:%H:%M}" for symbol, minute in keys[:MOST_NAMED]]
    return ", ".join([*words, *(["..."] if len(keys) > MOST_NAMED else [])])


def _summary(delays: Sequence[timedelta]) -> str:
    if not delays:
        return "none"
    seconds = [delay.total_seconds() for delay in delays]
    return (
        f"p50 {median(seconds):.1f} s, p95 {percentile(seconds, 95):.1f} s, "
        f"max {seconds[-1]:.1f} s ({len(seconds)})"
    )
