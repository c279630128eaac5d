"""Settings that every DAG of this project shares."""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.timetables.trigger import CronTriggerTimetable

START = datetime(2026, 1, 1, tzinfo=UTC)

# Five seconds before each minute ends (the sixth field is seconds): by then a run is created and
# planned, and its tasks are there. What it works on comes from the watermark and the clock.
BEFORE_EACH_MINUTE = CronTriggerTimetable("* * * * * 55", timezone="UTC")

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "prices",
    "weight_rule": "absolute",
    "retries": 1,
    "retry_delay": timedelta(seconds=3),
    "execution_timeout": timedelta(seconds=50),
}
# Of tasks that wait for what the fetches land: behind a hundred of them they would begin too late.
BEFORE_FETCHES = 10
# Of a task that begins with its run's plan and waits for what others land, for 45 s at most; it
# has as long again for its own work.
WAITING: dict[str, Any] = {
    "trigger_rule": "one_success",
    "priority_weight": BEFORE_FETCHES,
    "execution_timeout": timedelta(seconds=90),
}
# Niceness of what no minute waits for, like work on past days: it yields the processor to the rest.
NICENESS = 10
# How long raw batches are kept, and how far back replay_quarantine looks by default: long enough
# for a person to come back from a weekend, with some days to spare.
LANDING_DAYS = 7
# Tasks that run checkpoints at the same time, each on its part of the batches: one per core. A run
# of the checkpoints has a price of its own, about that of so many symbols: fewer are all validated
# by the first task.
SHARDS = 2
SYMBOLS_A_SHARD = 25
# Up to so many symbols are fetched by a task each (the Variable `fetch_tasks` overrides it). Every
# task costs CPU of its own, whatever it does: more symbols are divided into few groups, as many as
# run at the same time beside the tasks that wait for them.
FETCH_TASKS = 100
FETCH_GROUPS = 12
