"""Read start and end times of a DAG's runs and tasks from Airflow's REST API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import stamina

from include.records.windows import LEAD, Window, nearest_end

PAGE_ROWS = 100


@dataclass(frozen=True)
class TaskTimes:
    """Start and end of a task; aware UTC.

    Attributes:
        start: When the first of its mapped instances began.
        end: When the last of them ended.
    """

    start: datetime
    end: datetime


@dataclass(frozen=True)
class RunTimes:
    """Times of a successful run; aware UTC.

    Attributes:
        due: The end of the minute that it works on.
        start: When the scheduler started it.
        tasks: By task id.
    """

    due: datetime
    start: datetime
    tasks: Mapping[str, TaskTimes]


def run_times(
    api: httpx.Client, dag_id: str, window: Window, lead: timedelta = LEAD
) -> list[RunTimes]:
    """Return the successful runs of a DAG that were due in a window, by due time.

    Args:
        api: A client of the API.
        dag_id: The DAG, whose runs have a schedule.
        window: Of the due times.
        lead: How long before their due time they may begin.
    """
    path = f"/dags/{dag_id}/dagRuns"
    due = {
        "run_after_gte": (window.start - lead).isoformat(),
        "run_after_lt": (window.end - lead).isoformat(),
    }
    runs = _all(api, path, "dag_runs", due)
    instances: dict[str, list[dict[str, Any]]] = {}
    for instance in _all(api, f"{path}/~/taskInstances", "task_instances", due):
        instances.setdefault(instance["dag_run_id"], []).append(instance)
    return sorted(
        (
            RunTimes(
                due=nearest_end(datetime.fromisoformat(run["run_after"]), lead),
                start=datetime.fromisoformat(run["start_date"]),
                tasks=_by_task(instances[run["dag_run_id"]]),
            )
            for run in runs
            if run["state"] == "success" and run["dag_run_id"] in instances
        ),
        key=lambda run: run.due,
    )


def failed_tasks(api: httpx.Client, since: datetime) -> Counter[str]:
    """Count the task instances that began since then and failed for good, by DAG and task."""
    filters = {"state": "failed", "start_date_gte": since.isoformat()}
    found = _all(api, "/dags/~/dagRuns/~/taskInstances", "task_instances", filters)
    return Counter(f"{each['dag_id']}.{each['task_id']}" for each in found)


def named(counts: Mapping[str, int]) -> str:
    """Return counts as words, by name."""
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def _by_task(instances: Sequence[Mapping[str, Any]]) -> dict[str, TaskTimes]:
    ran = [each for each in instances if each["start_date"] and each["end_date"]]
    return {
        task_id: TaskTimes(
            start=min(_moments(ran, task_id, "start_date")),
            end=max(_moments(ran, task_id, "end_date")),
        )
        for task_id in {each["task_id"] for each in ran}
    }


def _moments(instances: Sequence[Mapping[str, Any]], task_id: str, name: str) -> list[datetime]:
    return [datetime.fromisoformat(each[name]) for each in instances if each["task_id"] == task_id]


# Once, an API server that was starting a hundred tasks answered 500: what has been measured until
# then should not be lost.
@stamina.retry(on=httpx.HTTPError, attempts=5)
def _all(
    api: httpx.Client, path: str, key: str, filters: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return every row of a listing, page by page."""
    rows: list[dict[str, Any]] = []
    while True:
        # By what no two share, or a row may be on two pages and another on none.
        page: dict[str, str | int] = {"order_by": "id", "limit": PAGE_ROWS, "offset": len(rows)}
        answer = api.get(path, params={**filters, **page}).raise_for_status().json()
        rows += answer[key]
        if not answer[key] or len(rows) >= answer["total_entries"]:
            return rows
