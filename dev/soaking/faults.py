"""The kinds of fault that a soak draws from: what each does to the stack, and how it ends."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import httpx
import psutil  # type: ignore[import-untyped]

from dev.benchmarks.bench_stack import wait_until
from dev.benchmarks.busy import busy
from dev.benchmarks.task_processes import kill_task
from dev.stack.stack import MINUTE_DAGS, Stack
from include.records.windows import MINUTE, floor_minute

INGEST_DAG, AVERAGE_DAG, REPORT_DAG = MINUTE_DAGS
BUSY_PROCESSES = 4
# Less than a commit log segment of Cassandra, which it then cannot create.
FULL_DISK_BYTES = 1 << 20
SKEW_MS = 2_500
# A task that does not run within so many minutes is not killed.
MOST_MINUTES_TO_KILL = 4


class Group(StrEnum):
    """What a fault befalls."""

    STORE = "Cassandra"
    DATABASE = "Postgres"
    REFUSAL = "exchange refuses"
    BROKEN = "exchange breaks off"
    LIE = "exchange lies"
    TASK = "tasks"
    AIRFLOW = "Airflow"
    MACHINE = "machine"


@dataclass(frozen=True)
class Scene:
    """What faults act on.

    Attributes:
        stack: Running.
        control: A client of the simulator's control port.
    """

    stack: Stack
    control: httpx.Client


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        name: In a few words.
        group: What it befalls.
        seconds: How long it lasts, without the time until what was killed is up again.
        impose: Returns a context in which it is in force.
    """

    name: str
    group: Group
    seconds: float
    impose: Callable[[Scene], AbstractContextManager[None]]


def _killed(*servers: str) -> Callable[[Scene], AbstractContextManager[None]]:
    @contextmanager
    def impose(scene: Scene) -> Iterator[None]:
        for name in servers:
            scene.stack.send(name, signal.SIGKILL)
        try:
            yield
        finally:
            for name in servers:
                scene.stack.start_again(name)

    return impose


def _frozen(server: str) -> Callable[[Scene], AbstractContextManager[None]]:
    @contextmanager
    def impose(scene: Scene) -> Iterator[None]:
        scene.stack.send(server, signal.SIGSTOP)
        try:
            yield
        finally:
            scene.stack.send(server, signal.SIGCONT)

    return impose


@contextmanager
def _disk_full(scene: Scene) -> Iterator[None]:
    """Limit the size of the files that Cassandra may write, which needs no root."""
    (server,) = (each for each in scene.stack.servers if each.name == "cassandra")
    process = psutil.Process(server.pid)
    before = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (FULL_DISK_BYTES, before[1]))
    try:
        yield
    finally:
        if process.is_running():
            process.rlimit(psutil.RLIMIT_FSIZE, before)
        # It stops accepting clients for good when it cannot write its log.
        scene.stack.send("cassandra", signal.SIGKILL)
        scene.stack.start_again("cassandra")


def _exchange(*faults: dict[str, object]) -> Callable[[Scene], AbstractContextManager[None]]:
    @contextmanager
    def impose(scene: Scene) -> Iterator[None]:
        scene.control.post("/faults", json=faults).raise_for_status()
        try:
            yield
        finally:
            scene.control.delete("/faults").raise_for_status()

    return impose


def _answer(status: int, **fields: object) -> Callable[[Scene], AbstractContextManager[None]]:
    return _exchange({"effect": {"kind": "answer", "status": status, **fields}})


def _effect(kind: str, **fields: object) -> Callable[[Scene], AbstractContextManager[None]]:
    return _exchange({"effect": {"kind": kind, **fields}})


def _rows(change: str, **fields: object) -> Callable[[Scene], AbstractContextManager[None]]:
    effect = {"kind": "rows", "change": change, **fields}
    return _exchange({"endpoint": "klines", "effect": effect})


@contextmanager
def _banned(scene: Scene) -> Iterator[None]:
    # The exchange ends it by itself.
    scene.control.post("/bans", json={"seconds": 60}).raise_for_status()
    yield


@contextmanager
def _skewed(scene: Scene) -> Iterator[None]:
    scene.control.post("/clock", json={"skew_ms": SKEW_MS}).raise_for_status()
    try:
        yield
    finally:
        scene.control.post("/clock", json={"skew_ms": 0}).raise_for_status()


@contextmanager
def _busy(_scene: Scene) -> Iterator[None]:
    with busy(BUSY_PROCESSES):
        yield


def _task_killed(
    dag_id: str, task_id: str, after: timedelta
) -> Callable[[Scene], AbstractContextManager[None]]:
    """Kill a task so long after a minute's end, or as soon as it runs after that."""

    @contextmanager
    def impose(scene: Scene) -> Iterator[None]:
        last = floor_minute(datetime.now(UTC)) + MOST_MINUTES_TO_KILL * MINUTE
        wait_until(scene.stack, floor_minute(datetime.now(UTC)) + MINUTE + after)
        while not kill_task(scene.stack, dag_id, task_id):
            if datetime.now(UTC) > last:
                raise LookupError(f"no {task_id} of {dag_id} ran that could be killed")
            wait_until(scene.stack, datetime.now(UTC) + timedelta(seconds=0.3))
        yield

    return impose


_AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer")

KINDS: tuple[Kind, ...] = (
    Kind("Cassandra killed", Group.STORE, 15, _killed("cassandra")),
    Kind("Cassandra frozen", Group.STORE, 30, _frozen("cassandra")),
    Kind("Cassandra's disk full", Group.STORE, 30, _disk_full),
    Kind("Postgres frozen", Group.DATABASE, 20, _frozen("postgres")),
    Kind("429", Group.REFUSAL, 45, _answer(429, headers={"retry-after": "20"})),
    Kind("418, a ban", Group.REFUSAL, 60, _banned),
    Kind("403", Group.REFUSAL, 70, _answer(403, body="<html>Forbidden</html>")),
    Kind("451", Group.REFUSAL, 70, _answer(451)),
    Kind("503", Group.REFUSAL, 70, _answer(503)),
    Kind("exchange hangs", Group.BROKEN, 70, _effect("hang")),
    Kind("exchange resets", Group.BROKEN, 70, _effect("reset")),
    Kind("answers cut short", Group.BROKEN, 70, _effect("cut_short")),
    Kind("answers damaged", Group.BROKEN, 70, _effect("corrupt")),
    Kind("exchange killed", Group.BROKEN, 40, _killed("exchange")),
    Kind("rows unsettled", Group.LIE, 90, _rows("unsettled", seconds=3)),
    Kind("rows revised", Group.LIE, 70, _rows("revised")),
    Kind("rows doubled", Group.LIE, 70, _rows("duplicated")),
    Kind("rows off the grid", Group.LIE, 70, _rows("off_grid")),
    Kind("rows missing", Group.LIE, 70, _rows("missing")),
    Kind("rows without a number", Group.LIE, 70, _rows("not_a_number")),
    Kind("tick changed", Group.LIE, 70, _rows("off_tick")),
    Kind("fetch killed", Group.TASK, 0, _task_killed(INGEST_DAG, "fetch", timedelta(seconds=0.5))),
    Kind(
        "validate killed",
        Group.TASK,
        0,
        _task_killed(INGEST_DAG, "validate", 2.5 * timedelta(seconds=1)),
    ),
    Kind(
        "load killed", Group.TASK, 0, _task_killed(INGEST_DAG, "load", 3.5 * timedelta(seconds=1))
    ),
    Kind(
        "publish killed",
        Group.TASK,
        0,
        _task_killed(AVERAGE_DAG, "publish", 3.5 * timedelta(seconds=1)),
    ),
    Kind(
        "export killed",
        Group.TASK,
        0,
        _task_killed(REPORT_DAG, "publish_report", timedelta(seconds=5)),
    ),
    *(Kind(f"{name} killed", Group.AIRFLOW, 15, _killed(name)) for name in _AIRFLOW),
    Kind(
        "everything killed",
        Group.MACHINE,
        20,
        _killed("exchange", "cassandra", "postgres", *_AIRFLOW),
    ),
    Kind("clock moved", Group.MACHINE, 70, _skewed),
    Kind("machine busy", Group.MACHINE, 90, _busy),
)
