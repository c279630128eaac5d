"""What a running task knows of itself: the moment, and its run of Airflow."""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import get_current_context

from include.records.batches import Run


def now() -> datetime:
    """Return the moment, aware UTC."""
    return datetime.now(UTC)


def current_run() -> Run | None:
    """Return the run of Airflow that this task belongs to; None outside of Airflow."""
    try:
        task_instance: Any = get_current_context()["ti"]
    except RuntimeError:
        return None
    return Run(task_instance.dag_id, task_instance.run_id)
