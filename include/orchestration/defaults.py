"""Settings that every DAG of this project shares."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.timetables.trigger import CronTriggerTimetable

from include.orchestration.failures import point_to_runbook
from include.records.errors import SettingsError
from include.records.windows import LONGEST_LEAD_SECONDS, MINUTE, SECOND, SHORTEST_LEAD_SECONDS

START = datetime(2026, 1, 1, tzinfo=UTC)


def fetch_lead(text: str) -> timedelta:
    """Read FETCH_LEAD_SECONDS from the environment.

    Raises:
        SettingsError: It is no whole number of seconds, or too few or many.
    """
    if text.isdecimal() and SHORTEST_LEAD_SECONDS <= int(text) <= LONGEST_LEAD_SECONDS:
        return timedelta(seconds=int(text))
    raise SettingsError(
        f"FETCH_LEAD_SECONDS in the environment is {text!r}; set it to a whole number from "
        f"{SHORTEST_LEAD_SECONDS} to {LONGEST_LEAD_SECONDS}, or leave it out"
    )


# Fetched where the Variable `symbols` is not set: as in airflow_settings.yaml.
SYMBOLS = "BTCUSDT,ETHUSDT,SOLUSDT,BNBUSDT,XRPUSDT"
# Of the fetch tasks. A task whose pool does not exist is never started, so it is the one that every
# Airflow has, unless FETCH_POOL in the environment names another.
FETCH_POOL = os.environ.get("FETCH_POOL", "").strip() or "default_pool"
# How long before each minute ends a run that fetches begins. More than ten fetch tasks take longer
# to start: docs/deploy.md has what to set.
FETCH_LEAD = fetch_lead(os.environ.get("FETCH_LEAD_SECONDS", str(SHORTEST_LEAD_SECONDS)))


def _before_each_minute(lead: timedelta) -> CronTriggerTimetable:
    """Return the schedule of runs that begin so long before each minute ends, in whole seconds.

    By then a run is created and planned, and its tasks are there. What it works on comes from the
    watermark and the clock.
    """
    # The sixth field is seconds.
    return CronTriggerTimetable(f"* * * * * {(MINUTE - lead) // SECOND}", timezone="UTC")


BEFORE_FETCHING = _before_each_minute(FETCH_LEAD)
BEFORE_PUBLISHING = _before_each_minute(SHORTEST_LEAD_SECONDS * SECOND)

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "prices",
    "weight_rule": "absolute",
    "retries": 1,
    "retry_delay": timedelta(seconds=3),
    "execution_timeout": timedelta(seconds=50),
    "on_failure_callback": [point_to_runbook],
}
# A slow symbol must not hold up the others; the next run fetches its window again.
FETCHING: dict[str, Any] = {
    "pool": FETCH_POOL,
    "map_index_template": "{{ symbols }}",
    "retries": 0,
    "execution_timeout": FETCH_LEAD + timedelta(seconds=20),
}
# Of a task that waits for what others land or store, for 45 s at most after the minute's end, and
# has as long again for its own work. Behind a hundred fetches it would begin too late.
WAITING: dict[str, Any] = {
    "priority_weight": 10,
    "execution_timeout": FETCH_LEAD + timedelta(seconds=85),
}
# Niceness of what no minute waits for, like reports and work on past days: it yields the processor
# to the rest.
NICENESS = 10
# Of each kind of upkeep: it works this long, leaves the rest to the next day, and begins after
# whatever else waits for a place.
UPKEEP_LIMIT = timedelta(minutes=30)
UPKEEP: dict[str, Any] = {
    "priority_weight": 0,
    "max_active_tis_per_dag": 1,
    "execution_timeout": UPKEEP_LIMIT + timedelta(minutes=10),
}
# How long raw batches are kept, and how far back replay_quarantine looks by default: long enough
# for a person to come back from a weekend, with some days to spare.
LANDING_DAYS = 7
# How long everything that grows is kept, by the Airflow Variable that sets it: days, and of
# hourly_reports hours. Where it is FOREVER nothing is removed. `maintain` removes what is older.
FOREVER = 0
KEPT = {
    "airflow_days": 30,
    "task_log_days": 30,
    "landing_days": LANDING_DAYS,
    "data_docs_days": 7,
    "hourly_reports": 48,
    "daily_report_days": FOREVER,
    "export_days": FOREVER,
    "quarantine_days": FOREVER,
    "snapshot_days": 7,
}
# Tasks that run checkpoints at the same time, each on its part of the batches: one per core. A run
# of the checkpoints has a price of its own, about that of so many symbols: fewer are all validated
# by the first task.
SHARDS = 2
SYMBOLS_A_SHARD = 25
