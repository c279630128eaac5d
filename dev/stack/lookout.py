"""Look after a running stack: restart what died, and say what does not answer or is late."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import httpx

from dev.machine.console import say
from dev.stack.published import Published
from dev.stack.stack import Stack
from include.reading.first_values import FirstValues
from include.records.errors import RetryableError
from include.records.price_strip import PriceStrip
from include.records.prices import MinutePrice

INGEST_DAG = "ingest_prices"
# How often it says that minutes are late.
SAID_EVERY = timedelta(minutes=5)
ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}

Read = TypeVar("Read")


class Lookout:
    """Reads the minutes that a stack publishes, and looks after its servers meanwhile.

    Args:
        stack: Started.
        published: Its minutes.
        may_restart: Start a dead server again; otherwise the next look raises.
    """

    def __init__(self, stack: Stack, published: Published, *, may_restart: bool) -> None:
        self._stack = stack
        self._published = published
        self._may_restart = may_restart
        self._silent_since: float | None = None
        self._said_at: datetime | None = None

    def latest(self) -> dict[str, MinutePrice]:
        """Look, and return each symbol's last minute; nothing while Cassandra does not answer.

        Raises:
            StartError: A server is dead, and must not or cannot be started again.
        """
        return self._look(self._published.latest) or {}

    def since(self, start: datetime) -> list[MinutePrice]:
        """Look, and return the minutes from an aware UTC moment on; see `latest`."""
        return self._look(lambda: self._published.since(start)) or []

    def strip(self) -> PriceStrip | None:
        """Look, and return where the newest prices come from; None while nothing answers."""
        return self._look(self._published.strip)

    def first_values(self, start: datetime) -> list[FirstValues]:
        """Look, and return when minutes from an aware UTC moment on got a value, by symbol."""
        return self._look(lambda: self._published.first_values(start)) or []

    def _look(self, read: Callable[[], Read]) -> Read | None:
        if self._may_restart:
            self._stack.revive()
        else:
            self._stack.check()
        try:
            found = read()
        except RetryableError as error:
            # Its death explains more than its client's error.
            if not self._may_restart:
                self._stack.check()
            if self._silent_since is None:
                self._silent_since = time.monotonic()
                say(f"  Cassandra does not answer; waiting for it ({error})")
            return None
        if self._silent_since is not None:
            say(f"  Cassandra answers again after {time.monotonic() - self._silent_since:.0f} s")
            self._silent_since = None
        return found

    def say_late(self, since: datetime, limit: timedelta) -> None:
        """Say, now and then, what is late and why, once nothing came for longer than a limit.

        Args:
            since: When the last minute came, aware UTC.
            limit: How long nothing may come.
        """
        now = datetime.now(UTC)
        if now - since < limit or (self._said_at and now - self._said_at < SAID_EVERY):
            return
        self._said_at = now
        say(
            f"  no new minute of every symbol for {(now - since).total_seconds() / 60:.0f} min; "
            f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; "
            f"{'; '.join([*self._stack.silent(), self._latest_run()])}"
        )

    def _latest_run(self) -> str:
        """Return how far the newest run of the extraction is."""
        path = f"/dags/{INGEST_DAG}/dagRuns"
        try:
            with self._stack.rest() as api:
                asked: dict[str, str | int] = {"limit": 1, "order_by": "-run_after"}
                runs = api.get(path, params=asked).raise_for_status().json()["dag_runs"]
                if not runs:
                    return f"{INGEST_DAG} has not run yet"
                tasks = (
                    api.get(f"{path}/{runs[0]['dag_run_id']}/taskInstances", params={"limit": 500})
                    .raise_for_status()
                    .json()["task_instances"]
                )
        except httpx.HTTPError as error:
            return f"Airflow does not answer ({error})"
        left = Counter(
            f"{task['task_id']} {task['state'] or 'not started'}"
            for task in tasks
            if task["state"] not in ENDED
        )
        listed = ", ".join(f"{count} {name}" for name, count in left.items())
        return f"{INGEST_DAG}, run of {runs[0]['run_after'][:19]}: {listed or runs[0]['state']}"
