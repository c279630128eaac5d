"""GET /prices/health: are the prices fresh and right? No login is needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, Request, Response

from include.reading.health import Facts
from include.reading.health_values import health_values
from include.web.shared_answers import SharedAnswer

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

    Args:
        facts: Asks the product, in bounded time.
        kept_seconds: How long a verdict is given again.
    """

    def __init__(self, facts: Callable[[], Facts], kept_seconds: float = KEPT_SECONDS) -> None:
        self._shared = SharedAnswer("health", lambda: verdict_of(facts()), kept_seconds)

    async def verdict(self) -> Verdict:
        """Return the verdict of a moment ago, or a new one."""
        return await self._shared.get()


def add_health(app: FastAPI, check: HealthCheck) -> None:
    """Serve the verdict at /health, for GET and HEAD.

    A plain route: the app's own dependencies, such as its login, are not asked.
    """

    async def show_health(_request: Request) -> Response:
        verdict = await check.verdict()
        return Response(verdict.body, verdict.status, media_type="application/json")

    # Starlette adds HEAD.
    app.add_route(PATH, show_health, methods=["GET"], include_in_schema=False)
