"""The control port: faults, bans, the clock and the log, for tests; never on the data port."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from include.simulator.faults.faults import FAULTS, FaultScript
from include.simulator.requests.rate_limit import RateLimit
from include.simulator.requests.request_log import RequestLog


class SkewedClock:
    """A clock that can be set wrong.

    Args:
        clock: The right one, milliseconds since the epoch.

    Attributes:
        skew_ms: By how much it is ahead.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self.skew_ms = 0
        self._clock = clock

    def __call__(self) -> int:
        """Return milliseconds since the epoch."""
        return self._clock() + self.skew_ms


class Ban(BaseModel):
    """A ban to impose at once.

    Attributes:
        client: Address to ban.
        seconds: How long.
    """

    model_config = ConfigDict(extra="forbid")
    client: str = "127.0.0.1"
    seconds: Annotated[int, Field(ge=1, le=259_200)] = 120


class Skew(BaseModel):
    """How far the server's clock is to be ahead, in milliseconds."""

    model_config = ConfigDict(extra="forbid")
    skew_ms: int


def create_control(
    script: FaultScript, log: RequestLog, rate_limit: RateLimit, clock: SkewedClock
) -> Starlette:
    """Return the application of the control port.

    GET, POST and DELETE /faults; GET /requests?since=NUMBER; POST /bans; POST /clock.
    """

    async def faults(request: Request) -> Response:
        if request.method == "POST":
            script.replace(FAULTS.validate_json(await request.body()))
        elif request.method == "DELETE":
            script.replace([])
        return JSONResponse([fault.model_dump() for fault in script.faults])

    async def requests(request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isdecimal():
            return JSONResponse({"error": f"since={since!r} is not the number of a request"}, 400)
        return JSONResponse(log.since(int(since)))

    async def bans(request: Request) -> Response:
        ban = Ban.model_validate_json(await request.body())
        until_ms = rate_limit.ban(ban.client, ban.seconds, clock())
        return JSONResponse({"banned_until_ms": until_ms})

    async def skew(request: Request) -> Response:
        clock.skew_ms = Skew.model_validate_json(await request.body()).skew_ms
        return JSONResponse({"now_ms": clock()})

    return Starlette(
        routes=[
            Route("/faults", faults, methods=["GET", "POST", "DELETE"]),
            Route("/requests", requests),
            Route("/bans", bans, methods=["POST"]),
            Route("/clock", skew, methods=["POST"]),
        ],
        exception_handlers={ValidationError: _invalid},
    )


async def _invalid(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 422)
