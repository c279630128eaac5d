"""Refuse an order that cannot be carried out before Airflow makes a run of it.

Airflow's form checks each field by itself: that a range is reversed or in the future, only the
first task of a run would notice. This way the form says it, next to what was filled in.
"""

import json
import re
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.orchestration.context import now
from include.orchestration.orders import ORDERS, problem_with

_RUNS = re.compile(rf"/api/v2/dags/({'|'.join(ORDERS)})/dagRuns/?")
# Of no run: Airflow refuses it as soon as it knows that whoever asks may start one.
_NO_RUN = b"null"


class OrderGate:
    """Middleware of Airflow's API: answers an order that cannot be carried out with what to write.

    Whoever may not start a run gets Airflow's own answer, and so does every other request.

    Args:
        app: Airflow's API.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; answer a bad order instead, once Airflow has let it in."""
        ordered = _RUNS.search(scope["path"]) if scope.get("method") == "POST" else None
        if ordered is None or ordered.end() != len(scope["path"]):
            await self._app(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        problem = _problem(ordered[1], body)
        if not problem:
            await self._app(scope, _receiver(body, receive), send)
            return
        said: list[Message] = []

        async def keep(message: Message) -> None:
            said.append(message)

        await self._app(scope, _receiver(_NO_RUN, receive), keep)
        if said and said[0].get("status") == HTTPStatus.UNPROCESSABLE_ENTITY:
            answer = JSONResponse({"detail": problem}, HTTPStatus.BAD_REQUEST)
            await answer(scope, receive, send)
            return
        for message in said:
            await send(message)


def _problem(dag_id: str, body: bytes) -> str:
    """Return what is wrong with an order; empty where nothing is, or where Airflow will say it."""
    try:
        asked: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    filled = (asked.get("conf") or {}) if isinstance(asked, dict) else None
    if not isinstance(filled, dict):
        return ""
    return problem_with(dag_id, filled, now().date())


def _receiver(body: bytes, receive: Receive) -> Receive:
    """Return what gives an app a body that has been read before, then whatever comes next."""
    is_given = False

    async def give() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return give
