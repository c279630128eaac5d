"""The pipeline, minute by minute, against the simulator, both on a clock that the test moves."""

import asyncio
import functools
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx

from include.exchange.client import BinanceClient
from include.exchange.request_budget import RequestBudget
from include.exchange.transport import BinanceSettings
from include.gx.batches import check_batch
from include.gx.minutes import check_averages
from include.pipeline.fetching import fetch_batch, plan_fetches
from include.pipeline.publishing import Publisher
from include.pipeline.storing import load_batch, stored_before
from include.records.errors import RetryableError
from include.records.windows import MINUTE, to_ms
from include.simulator.faults.faults import FAULTS, FaultScript
from include.simulator.faults.faulty import FaultyApp
from include.simulator.market.exchange import REQUESTS_UNTIL_BAN, Exchange
from include.simulator.market.listings import Placement, tape_listings
from include.simulator.requests.request_log import RequestLog
from include.simulator.serving.app import create_app
from tests.fakes.memory_budget import MemoryBudgetTable
from tests.fakes.memory_store import MemoryStore

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "http://127.0.0.1:9"
NO_LIMIT = 10**9
BEFORE_MINUTES = 40


def write_tape(folder: Path, symbol: str, *, minutes: int, silent: frozenset[int] = frozenset()):
    """Write a trade a second, a little up and down, and none in silent minutes.

    It begins before START, for the first run looks a quarter of an hour back.
    """
    lines = []
    for second in range(-BEFORE_MINUTES * 60, minutes * 60):
        if second // 60 in silent:
            continue
        price = Decimal(100) + Decimal(second % 7) / 100
        at_ms = to_ms(START) + second * 1000 + 250
        lines.append(f"{1 + len(lines)},{price:.2f},0.5000,{price / 2:.4f},{at_ms},True,True\n")
    (folder / f"{symbol}-trades-{START:%Y-%m-%d}.csv").write_text("".join(lines))


class AppTransport(httpx.BaseTransport):
    """Hands requests to an application in this process, and its answers back as they are sent."""

    def __init__(self, app):
        self._asgi, self._runner = httpx.ASGITransport(app), asyncio.Runner()

    def handle_request(self, request):
        return self._runner.run(self._ask(request))

    def close(self):
        self._runner.close()

    async def _ask(self, request):
        answer = await self._asgi.handle_async_request(request)
        body = b"".join([part async for part in answer.stream])
        return httpx.Response(
            answer.status_code, headers=answer.headers, stream=httpx.ByteStream(body)
        )


class World:
    """What a run of the pipeline does in a minute, for some symbols."""

    def __init__(self, folder: Path, symbols, checkpoints):
        self.symbols, self.store = symbols, MemoryStore()
        self._checkpoints = checkpoints
        self.set_time(START)
        self._script = FaultScript()
        placement = Placement(starts_at=None, loops=False)
        (folder / "work").mkdir()
        listings = tape_listings(folder, folder / "work", placement)
        exchange = Exchange(listings, NO_LIMIT, REQUESTS_UNTIL_BAN)
        clock_ms = lambda: to_ms(self.now())  # noqa: E731 - the simulator's kind of clock
        app = FaultyApp(create_app(exchange, clock_ms), clock_ms, self._script, RequestLog())
        self._client = BinanceClient(
            BinanceSettings((URL,), patience_seconds=4.0),
            RequestBudget(MemoryBudgetTable(NO_LIMIT), 0.5),
            self.now,
            AppTransport(app),
        )
        self.open = ExitStack()
        self.open.enter_context(self._client)

    def now(self) -> datetime:
        """The time that was set, and what has passed since."""
        return self._set_to + timedelta(seconds=time.monotonic() - self._set_at)

    def set_time(self, moment: datetime) -> None:
        self._set_to, self._set_at = moment, time.monotonic()

    def faults(self, *rules) -> None:
        """Put faults in force: what they get, and of which requests."""
        self._script.replace(FAULTS.validate_python([*rules]))

    def run_minute(self, number: int) -> None:
        """Fetch, check, load and publish as the DAGs do after the minute of this number."""
        self.set_time(START + (number + 1) * MINUTE + timedelta(seconds=6))
        self._client.transport.restart_patience()
        for plan in plan_fetches(self.store, self._client, self.symbols, self.now):
            try:
                batch = fetch_batch(self._client, plan, self.now, lambda _seconds: None)
            except RetryableError:
                continue
            stored = stored_before(self.store, batch)
            verdict = check_batch(self._checkpoints, batch, symbol=batch.symbol, stored=stored)
            load_batch(self.store, batch, verdict, "")
        check = functools.partial(check_averages, self._checkpoints)
        publisher = Publisher(self.store, self.symbols, self.now, check)
        publisher.publish_closed_minutes(
            lambda _seconds: self.set_time(self.now() + timedelta(seconds=5))
        )


def rows(change: str, minute: int, **requests):
    """A fault on the klines that open in a minute, seconds and minute alike."""
    start = START + minute * MINUTE
    effect = {
        "kind": "rows",
        "change": change,
        "from_ms": to_ms(start),
        "until_ms": to_ms(start + MINUTE),
    }
    return {"endpoint": "klines", "effect": effect} | requests
