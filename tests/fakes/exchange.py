"""A client of the exchange over answers that a test brings."""

import httpx

from include.exchange.client import BinanceClient
from include.exchange.request_budget import RequestBudget
from include.exchange.transport import BinanceSettings
from tests.fakes.builders import NOON
from tests.fakes.memory_budget import MemoryBudgetTable

URL = "https://data-api.binance.vision"


def client_over(respond, table=None):
    """Return a client whose requests a function answers."""

    def streamed(request):
        made = respond(request)
        body = httpx.ByteStream(made.read())
        return httpx.Response(made.status_code, headers=made.headers, stream=body)

    settings = BinanceSettings((URL,))
    budget = RequestBudget(table or MemoryBudgetTable(6000), settings.ceiling_ratio)
    return BinanceClient(settings, budget, lambda: NOON, httpx.MockTransport(streamed))
