"""Imports what tasks need in a scheduler whose forks the tasks are; see include/tasks/preload.py.

With another executor the scheduler runs no task, and does without.
"""

import sys

from airflow.configuration import conf

if "scheduler" in sys.argv and "LocalExecutor" in conf.get("core", "executor"):
    import include.tasks.preload  # noqa: F401
