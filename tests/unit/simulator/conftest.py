from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import httpx
import pytest

from include.simulator.market.exchange import Exchange, open_exchange
from include.simulator.serving.app import create_app

# 30.5 s into a minute of 2023.
MINUTE_MS = 1_699_999_980_000
NOW_MS = MINUTE_MS + 30_500


class Client:
    """Calls the application on a clock that stands where the test puts it.

    It steps through the application by hand: an event loop opens a socket pair, and sockets are
    off in unit tests.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.now_ms = NOW_MS
        self.app = create_app(exchange, lambda: self.now_ms)

    def get(
        self,
        path: str,
        *,
        accept: str = "*/*",
        client: str = "127.0.0.1",
        time_unit: str | None = None,
        **query: object,
    ):
        """Ask for a path, by its name under /api/v3 or from the root if it starts with a slash."""
        headers = [(b"accept", accept.encode())]
        if time_unit is not None:
            headers.append((b"x-mbx-time-unit", time_unit.encode()))
        sent = []
        scope = {
            "type": "http",
            "method": "GET",
            "path": path if path.startswith("/") else f"/api/v3/{path}",
            "query_string": urlencode(query, doseq=True).encode(),
            "headers": headers,
            "client": (client, 50_000),
        }

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        with pytest.raises(StopIteration):
            self.app(scope, receive, send).send(None)
        start, *bodies = sent
        content = b"".join(body["body"] for body in bodies)
        return httpx.Response(start["status"], headers=start["headers"], content=content)


@pytest.fixture(scope="session")
def exchange() -> Exchange:
    return open_exchange(["BTCUSDT", "SOLUSDT", "XRPUSDT"], seed=1, weight_limit=6000)


@pytest.fixture
def client(exchange: Exchange) -> Client:
    return Client(exchange)


@pytest.fixture
def client_of() -> Callable[[Exchange], Client]:
    return Client
