"""An executor whose tasks share no memory with the scheduler, as on Kubernetes."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
from multiprocessing.queues import SimpleQueue
from multiprocessing.sharedctypes import Synchronized
from typing import Any

from airflow.executors.local_executor import LocalExecutor


class FreshExecutor(LocalExecutor):
    """LocalExecutor that starts for each task the command that a pod of Kubernetes starts."""

    def _spawn_worker(self) -> None:
        worker = multiprocessing.Process(
            target=_run_workloads,
            args=(self.activity_queue, self.result_queue, self._unread_messages),
        )
        worker.start()
        if worker.pid is None:
            raise RuntimeError("a worker has no process id after its start")
        self.workers[worker.pid] = worker


def _run_workloads(
    workloads: SimpleQueue[Any], results: SimpleQueue[Any], unread: Synchronized[int]
) -> None:
    """Run each workload in a new process until None comes."""
    # A task runs to its end when the scheduler is interrupted.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while (workload := workloads.get()) is not None:
        with unread:
            unread.value -= 1
        if workload.running_state is not None:
            results.put((workload.key, workload.running_state, None))
        command = (sys.executable, "-m", "airflow.sdk.execution_time.execute_workload")
        done = subprocess.run([*command, "--json-string", workload.model_dump_json()], check=False)
        ended = workload.success_state if done.returncode == 0 else workload.failure_state
        results.put((workload.key, ended, None))
