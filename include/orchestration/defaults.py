"""What every DAG of this project has in common."""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.timetables.trigger import CronTriggerTimetable

START = datetime(2026, 1, 1, tzinfo=UTC)

# A trigger, not an interval: what a run works on comes from the watermark.
EVERY_MINUTE = CronTriggerTimetable("* * * * *", timezone="UTC")

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "prices",
    "retries": 1,
    "retry_delay": timedelta(seconds=3),
    "execution_timeout": timedelta(seconds=50),
}
# How much work on past days stands back for live tasks where both want the processor.
NICENESS = 10
# How long batches stay as they came, and how far back replay_quarantine looks by itself: as long as
# a person takes to come back from a weekend, and some.
LANDING_DAYS = 7
# Tasks that run checkpoints at the same time, each on its part of the batches: one a core.
SHARDS = 2
