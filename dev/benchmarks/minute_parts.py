"""The parts of a minute under Airflow, from its end to its stored price, and their times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

from dev.benchmarks.run_times import RunTimes
from dev.machine.console import say

INGEST_TASKS = ("plan", "fetch", "validate", "load")

# In their order: name and the moment at which each ends.
Parts = list[tuple[str, datetime]]


def ingest_parts(run: RunTimes, settle: timedelta) -> Parts:
    """Return the parts of a run of ingest_prices, each of which waits for the previous one.

    Args:
        run: The run.
        settle: How long after the minute's end a fetch starts; zero for one that does not wait.
    """
    plan, fetch, validate, load = (run.tasks[task_id] for task_id in INGEST_TASKS)
    settling = ("fetch waits for the minute to settle", max(fetch.start, run.due + settle))
    return [
        ("the scheduler starts the run", run.start),
        ("until plan begins", plan.start),
        ("plan", plan.end),
        ("until the first fetch begins", fetch.start),
        *([settling] if settle else []),
        ("fetch, to the end of the last symbol's", fetch.end),
        ("until validate begins, where it has not", max(validate.start, fetch.end)),
        ("validate", validate.end),
        ("until load begins, where it has not", max(load.start, validate.end)),
        ("load", load.end),
    ]


def publish_parts(run: RunTimes, loaded: datetime, stored: datetime) -> Parts:
    """Return the parts of a run of average_minutes, which waits for the other run's rows.

    Args:
        run: The run.
        loaded: When the other run's load ended. The rows are stored a little earlier, so the
            time of the next part can be negative.
        stored: When the minute's last row was stored.
    """
    task = run.tasks["publish"]
    return [
        ("the scheduler starts the run", run.start),
        ("until publish begins", task.start),
        ("publish waits for the end of load", loaded),
        ("until the last symbol's row is stored", stored),
        ("until publish ends", task.end),
    ]


def say_parts(listed: Sequence[tuple[datetime, Parts]]) -> None:
    """Print the time of each part, and how long after the minute's end it is over.

    Args:
        listed: The end of each minute, and its parts, which are the same for all.
    """
    for place in range(len(listed[0][1]) if listed else 0):
        took, over = [], []
        for due, parts in listed:
            name, end = parts[place]
            before = parts[place - 1][1] if place else due
            took.append((end - before).total_seconds())
            over.append((end - due).total_seconds())
        say(
            f"    {name:40} p50 {median(took):6.2f} s  max {max(took):6.2f} s   "
            f"over {median(over):6.2f} s after the minute"
        )
