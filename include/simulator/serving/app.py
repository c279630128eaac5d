"""The simulator as a web application: the API under /api/v3 and a status page."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from hashlib import blake2b
from html import escape
from itertools import count
from pathlib import Path
from uuid import UUID

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from include.simulator.market.exchange import Exchange
from include.simulator.requests.errors import ApiError, banned, too_many_requests, too_much_weight
from include.simulator.requests.parameters import Parameters
from include.simulator.requests.rate_limit import (
    RAW_REQUESTS_MINUTES,
    Charge,
    RateLimit,
    seconds_to_next,
    seconds_until,
)
from include.simulator.requests.time_units import HEADER as TIME_UNIT_HEADER
from include.simulator.requests.time_units import Clock, time_unit
from include.simulator.serving.archive import SOURCE_HEADER, archive_route
from include.simulator.serving.endpoints import ENDPOINTS, Endpoint
from include.simulator.serving.openapi import describe

# Shorter answers are not worth packing.
LEAST_PACKED_BYTES = 500
NOT_FOUND_PAGE = "<html><body><h2>404 Not found</h2></body></html>"


def rate_limit_of(exchange: Exchange) -> RateLimit:
    """Return the limits of an exchange, nothing used yet."""
    return RateLimit(exchange.weight_limit, exchange.requests_limit, exchange.requests_until_ban)


def create_app(
    exchange: Exchange,
    clock: Clock,
    rate_limit: RateLimit | None = None,
    archives: Path | None = None,
) -> Starlette:
    """Return the application.

    Args:
        exchange: What it answers from.
        clock: Returns the time, in milliseconds since the epoch.
        rate_limit: Counts what clients use; a new one when None.
        archives: A folder of daily files to serve in the archive tree as they are.
    """
    rate_limit = rate_limit or rate_limit_of(exchange)
    numbers = count()
    api = [
        Route(f"/api/v3/{name}", _serve(endpoint, exchange, clock, rate_limit, numbers))
        for name, endpoint in ENDPOINTS.items()
    ]

    async def status_page(_request: Request) -> Response:
        return HTMLResponse(_status_html(exchange))

    async def status(_request: Request) -> Response:
        return _json(_status(exchange))

    async def description(_request: Request) -> Response:
        return _json(describe(exchange))

    return Starlette(
        routes=[
            *api,
            archive_route(exchange, clock, archives),
            Route("/simulator", status_page),
            Route("/simulator.json", status),
            Route("/simulator/openapi.json", description),
        ],
        exception_handlers={404: _not_found},
        middleware=[Middleware(GZipMiddleware, minimum_size=LEAST_PACKED_BYTES, compresslevel=1)],
    )


def _serve(
    endpoint: Endpoint,
    exchange: Exchange,
    clock: Clock,
    rate_limit: RateLimit,
    numbers: Iterator[int],
) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        now_ms = clock()
        client = request.client.host if request.client else ""
        charge = rate_limit.charge(client, endpoint.weight_of(request.query_params), now_ms)
        headers = {
            "x-mbx-uuid": _uuid(now_ms, next(numbers)),
            "x-mbx-used-weight": str(charge.used_weight),
            "x-mbx-used-weight-1m": str(charge.used_weight),
        }
        limited = _limited(charge, exchange, now_ms)
        if limited:
            status, retry_after_seconds, refusal = limited
            return _refusal(status, refusal, headers | {"retry-after": str(retry_after_seconds)})
        # Not of Binance: clients show with each price where it comes from.
        listing = exchange.listings.get(request.query_params.get("symbol", ""))
        if listing:
            headers[SOURCE_HEADER] = listing.tape.source
        try:
            query = Parameters(
                request.query_params.multi_items(),
                endpoint.required,
                endpoint.optional,
                time_unit(request.headers.get(TIME_UNIT_HEADER)),
            )
            return _json(endpoint.answer(exchange, query, now_ms), headers=headers)
        except ApiError as error:
            return _refusal(400, error, headers)

    return serve


def _limited(charge: Charge, exchange: Exchange, now_ms: int) -> tuple[int, int, ApiError] | None:
    """Return status, seconds to wait and error of a request over a limit; None within them."""
    if charge.banned_until_ms is not None:
        seconds = seconds_until(charge.banned_until_ms, now_ms)
        return 418, seconds, banned(charge.banned_until_ms)
    if charge.is_over_requests:
        seconds = seconds_to_next(RAW_REQUESTS_MINUTES, now_ms)
        return 429, seconds, too_many_requests(exchange.requests_limit, RAW_REQUESTS_MINUTES)
    if charge.is_over_weight:
        return 429, seconds_to_next(1, now_ms), too_much_weight(exchange.weight_limit)
    return None


def _uuid(now_ms: int, number: int) -> str:
    """Return an answer's id: random to a client, and the same in every run on a test's clock."""
    return str(
        UUID(bytes=blake2b(f"{now_ms}:{number}".encode(), digest_size=16).digest(), version=4)
    )


def _refusal(status: int, error: ApiError, headers: dict[str, str]) -> Response:
    return _json({"code": error.code, "msg": error.message}, status, headers)


def _json(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        json.dumps(content, separators=(",", ":")),
        status,
        headers,
        media_type="application/json;charset=UTF-8",
    )


async def _not_found(request: Request, _error: Exception) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(NOT_FOUND_PAGE, 404)
    return Response(status_code=404)


def _status(exchange: Exchange) -> dict[str, object]:
    return {
        "weight_limit_per_minute": exchange.weight_limit,
        "symbols": {symbol: listing.tape.origin for symbol, listing in exchange.listings.items()},
    }


def _status_html(exchange: Exchange) -> str:
    rows = "".join(
        f"<tr><td>{escape(symbol)}</td><td>{escape(listing.tape.origin)}</td></tr>"
        for symbol, listing in exchange.listings.items()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Exchange simulator</title>'
        "<body><h1>Exchange simulator</h1>"
        "<p>This is not Binance. It replays recorded and generated trades on the clock, so "
        "its prices belong to no real moment.</p>"
        f"<p>Request weight limit: {exchange.weight_limit} a minute.</p>"
        "<table><thead><tr><th>Symbol</th><th>Trades</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></body></html>"
    )
