"""The context of a running task: the current time, and its Airflow run."""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import get_current_context

from include.records.batches import Run


def now() -> datetime:
    """Return the current time, aware UTC."""
    return datetime.now(UTC)


def current_run() -> Run | None:
    """Return the Airflow run that this task belongs to; None outside Airflow."""
    try:
        task_instance: Any = get_current_context()["ti"]
    except RuntimeError:
        return None
    return Run(task_instance.dag_id, task_instance.run_id)
