"""GET /prices/health: are the prices fresh and right? The one address that needs no login."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, Request, Response

from include.reading.health import Facts
from include.reading.health_values import health_values

PATH = "/health"
# However many ask, the product is asked once in this time.
KEPT_SECONDS = 5.0


@dataclass(frozen=True)
class Verdict:
    """An answer, ready to be sent.

    Attributes:
        status: 200 or 503.
        body: JSON, UTF-8.
    """

    status: HTTPStatus
    body: bytes


def verdict_of(facts: Facts) -> Verdict:
    """Return the answer for what a check found."""
    values = health_values(facts)
    status = HTTPStatus.OK if values["status"] == "ok" else HTTPStatus.SERVICE_UNAVAILABLE
    return Verdict(status, json.dumps(values, ensure_ascii=False).encode())


class HealthCheck:
    """One check for all who ask at the same time, and for some seconds after it.

    Whoever waits for it waits without a thread, so that many callers during a failure cost
    nothing to the pages of the same server.

    Args:
        facts: Asks the product, in bounded time.
        kept_seconds: How long a verdict is given again.
    """

    def __init__(self, facts: Callable[[], Facts], kept_seconds: float = KEPT_SECONDS) -> None:
        self._facts = facts
        self._kept_seconds = kept_seconds
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="health")
        self._running: Future[Verdict] | None = None
        self._fresh_until_s = 0.0

    async def verdict(self) -> Verdict:
        """Return the verdict of a moment ago, or a new one."""
        with self._lock:
            running = self._running
            if running is None or (running.done() and self._is_old(running)):
                running = self._running = self._pool.submit(self._check)
        # A caller that hangs up must not end the check for the others.
        return await asyncio.shield(asyncio.wrap_future(running))

    def _is_old(self, done: Future[Verdict]) -> bool:
        return done.exception() is not None or time.monotonic() >= self._fresh_until_s

    def _check(self) -> Verdict:
        verdict = verdict_of(self._facts())
        self._fresh_until_s = time.monotonic() + self._kept_seconds
        return verdict


def add_health(app: FastAPI, check: HealthCheck) -> None:
    """Serve the verdict at /health, for GET and HEAD.

    A plain route: the app's own dependencies, such as its login, are not asked.
    """

    async def show_health(_request: Request) -> Response:
        verdict = await check.verdict()
        return Response(verdict.body, verdict.status, media_type="application/json")

    # Starlette adds HEAD.
    app.add_route(PATH, show_health, methods=["GET"], include_in_schema=False)
