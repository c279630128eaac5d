import subprocess
import sys
from datetime import UTC, datetime

import httpx
import pytest

from include.exchange.client import BinanceClient
from include.exchange.request_budget import RequestBudget
from include.exchange.transport import BinanceSettings
from tests.fakes.memory_budget import MemoryBudgetTable

# A last resort, on a busy machine.
ANSWER_SECONDS = 120


class Simulator:
    """A simulator in a process of its own, with its control port."""

    def __init__(self, url, control):
        self.url = url
        self.control = httpx.Client(base_url=control, timeout=ANSWER_SECONDS)

    def fault(self, effect, **options):
        self.faults([{"effect": effect, **options}])

    def faults(self, rules):
        self.control.post("/faults", json=rules).raise_for_status()

    def requests(self):
        return self.control.get("/requests").raise_for_status().json()


@pytest.fixture(scope="session")
def running_simulator():
    command = [sys.executable, "-m", "include.simulator", "--port", "0", "--control-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            ready = dict(process.stdout.readline().strip().split(" ready: ") for _ in range(2))
            with httpx.Client(timeout=ANSWER_SECONDS) as probe:
                probe.get(ready["simulator"] + "/api/v3/ping").raise_for_status()
            yield Simulator(ready["simulator"], ready["control"])
        finally:
            process.terminate()


@pytest.fixture
def simulator(running_simulator):
    running_simulator.control.delete("/faults").raise_for_status()
    return running_simulator


@pytest.fixture
def client_of():
    """Make clients with a budget of their own and two seconds of patience."""
    clients = []

    def make(url, patience_seconds=2.0):
        settings = BinanceSettings((url,), patience_seconds)
        budget = RequestBudget(MemoryBudgetTable(6000), settings.ceiling_ratio)
        clients.append(BinanceClient(settings, budget, lambda: datetime.now(UTC)))
        return clients[-1]

    yield make
    for client in clients:
        client.__exit__()
