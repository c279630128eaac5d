"""Who may read the pages, and how many requests are worked on at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from http import HTTPStatus

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, HTTPException
from fastapi.params import Depends as Dependency

# Whoever may open Airflow's own pages: a viewer, and every role above. A login without a role may
# not.
may_read = requires_access_view(AccessView.WEBSITE)


def check_may_read(user: BaseUser) -> None:
    """Ask the same of a user who has logged in.

    Raises:
        HTTPException: 403.
    """
    if not get_auth_manager().is_authorized_view(access_view=AccessView.WEBSITE, user=user):
        raise HTTPException(HTTPStatus.FORBIDDEN, "Forbidden")


class Turns:
    """Lets some requests work at a time; the next wait, and what is beyond that is refused.

    The threads that answer belong to Airflow's API server, and tasks report to the same: however
    many ask for long spans, most of its forty stay free.

    Args:
        at_once: Requests that work.
        waiting: Requests that wait; they hold no thread.
        wait_seconds: How long one waits.
    """

    def __init__(self, at_once: int = 8, waiting: int = 64, wait_seconds: float = 10.0) -> None:
        self._at_once = at_once
        self._most_waiting = waiting
        self._wait_seconds = wait_seconds
        self._working = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    async def __call__(self) -> AsyncIterator[None]:
        """Take a turn for one request.

        Raises:
            HTTPException: 503; too many wait, or it waited too long.
        """
        await self._take()
        try:
            yield
        finally:
            self._pass_on()

    async def _take(self) -> None:
        if self._working < self._at_once:
            self._working += 1
            return
        if len(self._queue) >= self._most_waiting:
            raise _busy()
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await turn
        # A client that hangs up, too.
        except BaseException as error:
            if turn in self._queue:
                self._queue.remove(turn)
            elif not turn.cancelled():
                self._pass_on()
            if isinstance(error, TimeoutError):
                raise _busy() from error
            raise

    def _pass_on(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._working -= 1


def _busy() -> HTTPException:
    return HTTPException(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "too many requests at a time: send it again, and fewer side by side",
        {"Retry-After": "1"},
    )


def guarded() -> list[Dependency]:
    """Return what every path of an app asks for: the right to read, then a turn.

    The turn ends before the answer is sent, so a client that reads slowly holds none.
    """
    return [Depends(may_read), Depends(Turns(), scope="function")]
