"""The executors that a stack can run its tasks with."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

CELERY_EXECUTOR = "CeleryExecutor"
# Of a cluster.
WORKERS = ("worker-1", "worker-2")
# A task that its worker took from the queue and never began is queued again after this.
QUEUED_SECONDS = "60"
# How often an empty queue is looked at; Celery's default of a second would add to each delay.
QUEUE_POLL_SECONDS = "0.1"


class Executor(StrEnum):
    """How a stack runs its tasks."""

    LOCAL = "local"
    """Forks of the scheduler."""

    CELERY = "celery"
    """Forks of a Celery worker, which reads its queue in a folder."""

    CLUSTER = "cluster"
    """Forks of two Celery workers that share no disk, and read their queue in Redis."""

    FRESH = "fresh"
    """A new interpreter for each task, as on Kubernetes."""


def executor_settings(executor: Executor, queue_folder: Path, places: int) -> dict[str, str]:
    """Return Airflow's settings for an executor.

    Args:
        executor: How tasks are run.
        queue_folder: Where a single Celery worker keeps its queue; it stands in for Redis.
        places: How many tasks may run at a time.
    """
    match executor:
        case Executor.LOCAL:
            return {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor"}
        case Executor.FRESH:
            return {"AIRFLOW__CORE__EXECUTOR": "dev.stack.fresh_executor.FreshExecutor"}
        case Executor.CLUSTER:
            return {
                "AIRFLOW__CORE__EXECUTOR": CELERY_EXECUTOR,
                "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(-(-places // len(WORKERS))),
                "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
                "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": QUEUED_SECONDS,
                "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
                "AIRFLOW__CORE__HOSTNAME_CALLABLE": "dev.stack.process_name.process_name",
            }
        case Executor.CELERY:
            options = "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__"
            for name in ("messages", "control"):
                (queue_folder / name).mkdir(parents=True, exist_ok=True)
            return {
                "AIRFLOW__CORE__EXECUTOR": CELERY_EXECUTOR,
                "AIRFLOW__CELERY__BROKER_URL": "filesystem://",
                "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(places),
                "AIRFLOW__CELERY__WORKER_ENABLE_REMOTE_CONTROL": "False",
                f"{options}DATA_FOLDER_IN": str(queue_folder / "messages"),
                f"{options}DATA_FOLDER_OUT": str(queue_folder / "messages"),
                f"{options}CONTROL_FOLDER": str(queue_folder / "control"),
                f"{options}POLLING_INTERVAL": QUEUE_POLL_SECONDS,
            }
