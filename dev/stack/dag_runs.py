"""Run and unpause DAGs over Airflow's REST API."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import httpx

from dev.machine.errors import StartError

POLL_SECONDS = 0.5
FINISHED = ("success", "failed")


def wait_for_dag(
    client: httpx.Client, dag_id: str, timeout_seconds: float, check: Callable[[], None]
) -> None:
    """Wait until Airflow has read a DAG.

    Args:
        client: A client of the API.
        dag_id: The DAG.
        timeout_seconds: How long at most.
        check: Called while waiting; raises when waiting is pointless.

    Raises:
        StartError: The DAG did not appear; the message has the folder's import errors.
    """
    deadline = time.monotonic() + timeout_seconds
    while client.get(f"/dags/{dag_id}").status_code != httpx.codes.OK:
        check()
        if time.monotonic() > deadline:
            errors = client.get("/importErrors").raise_for_status().json()["import_errors"]
            told = "\n".join(f"{error['filename']}: {error['stack_trace']}" for error in errors)
            raise StartError(
                f"Airflow has not read the DAG {dag_id} after {timeout_seconds:.0f} s; "
                f"{told or 'no DAG file has an error: is it in the DAG folder?'}"
            )
        time.sleep(POLL_SECONDS)


def unpause(client: httpx.Client, dag_id: str) -> None:
    """Unpause a DAG, so that it runs when it is due."""
    client.patch(f"/dags/{dag_id}", json={"is_paused": False}).raise_for_status()


def run_dag(
    client: httpx.Client,
    dag_id: str,
    timeout_seconds: float,
    check: Callable[[], None],
    form: Mapping[str, object] | None = None,
) -> None:
    """Trigger a DAG and wait for its end.

    Args:
        client: As in `wait_for_dag`, like the others.
        dag_id: The DAG.
        timeout_seconds: How long at most.
        check: Called while waiting.
        form: Fields of its form to fill in; the others have their defaults.

    Raises:
        StartError: It failed, or did not end in time; the message has its tasks' states.
    """
    unpause(client, dag_id)
    runs = f"/dags/{dag_id}/dagRuns"
    body = {"logical_date": None, "conf": dict(form or {})}
    run_id = client.post(runs, json=body).raise_for_status().json()["dag_run_id"]
    deadline = time.monotonic() + timeout_seconds
    while True:
        state = client.get(f"{runs}/{run_id}").raise_for_status().json()["state"]
        if state in FINISHED or time.monotonic() > deadline:
            break
        check()
        time.sleep(POLL_SECONDS)
    if state == "success":
        return
    tasks = client.get(f"{runs}/{run_id}/taskInstances").raise_for_status().json()["task_instances"]
    left = ", ".join(f"{task['task_id']} {task['state']}" for task in tasks)
    pages = client.base_url.copy_with(path=f"/dags/{dag_id}/runs/{run_id}")
    raise StartError(f"the run of {dag_id} is {state} ({left}); see {pages}")
