"""One answer for all who ask at the same time, and for some seconds after it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class SharedAnswer(Generic[Answer]):
    """Works out an answer once for many callers.

    Whoever waits for it waits without a thread, so that many callers during a failure cost
    nothing to the pages of the same server.

    Args:
        name: Of its thread.
        work_out: Returns the answer, in bounded time.
        kept_seconds: How long an answer is given again; one that failed is not.
    """

    def __init__(self, name: str, work_out: Callable[[], Answer], kept_seconds: float) -> None:
        self._work_out = work_out
        self._kept_seconds = kept_seconds
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._running: Future[Answer] | None = None
        self._fresh_until_s = 0.0

    async def get(self) -> Answer:
        """Return the answer of a moment ago, or a new one."""
        with self._lock:
            running = self._running
            if running is None or (running.done() and self._is_old(running)):
                running = self._running = self._pool.submit(self._run)
        # A caller that hangs up must not end the work for the others.
        return await asyncio.shield(asyncio.wrap_future(running))

    def _is_old(self, done: Future[Answer]) -> bool:
        return done.exception() is not None or time.monotonic() >= self._fresh_until_s

    def _run(self) -> Answer:
        answer = self._work_out()
        self._fresh_until_s = time.monotonic() + self._kept_seconds
        return answer
