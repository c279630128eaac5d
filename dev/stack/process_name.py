"""The name of an Airflow process among those of one machine, for its tasks' `hostname`."""

import os
import platform


def process_name() -> str:
    """Return what PROCESS_NAME says; the machine's name without it."""
    return os.environ.get("PROCESS_NAME") or platform.node()
