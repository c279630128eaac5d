"""The processes of tasks that run, and how to kill one."""

from __future__ import annotations

import os
import signal

from dev.stack.stack import Stack


def running_task_pids(stack: Stack, dag_id: str, task_id: str) -> list[int]:
    """Return the process ids of a task's instances that run."""
    with stack.rest() as api:
        answer = api.get(
            f"/dags/{dag_id}/dagRuns/~/taskInstances",
            params={"task_id": task_id, "state": "running"},
        )
    found = answer.raise_for_status().json()["task_instances"]
    return [each["pid"] for each in found if each["pid"]]


def kill_task(stack: Stack, dag_id: str, task_id: str) -> bool:
    """Kill (-9) one process of a task that runs; tell whether there was one."""
    for pid in running_task_pids(stack, dag_id, task_id):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            # It has ended since Airflow was asked.
            continue
        return True
    return False
