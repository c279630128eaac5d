"""The whole product on two workers that share no disk, as ./dev/up --cluster runs it.

./dev/test leaves it out: it needs more memory than a small machine has beside the other servers.
"""

import signal
import time
from collections import Counter
from datetime import UTC, datetime

import pytest

from dev.machine.ports import any_free_port
from dev.stack import object_store
from dev.stack.cluster import ClusterStack
from dev.stack.executors import WORKERS, Executor
from dev.stack.object_store import Refusal, refusing
from dev.stack.stack import StackOptions
from include.records.windows import MINUTE, Window, floor_minute
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.store import connect
from tests.e2e.runs import Runs

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
PORTS = ("airflow", "exchange", "cassandra", "cassandra_storage", "postgres")
MINUTES = 3
PIPELINE = ("ingest_prices", "average_minutes")


class Product:
    def __init__(self, stack):
        self.stack = stack
        hosts, port = stack.hosts, stack.ports.cassandra
        self.settings = CassandraSettings(hosts=hosts, port=port)

    def count_ended(self, dag_id):
        with self.stack.rest() as api:
            asked = {"limit": 1, "state": ["success", "failed"]}
            answer = api.get(f"/dags/{dag_id}/dagRuns", params=asked).raise_for_status()
        return answer.json()["total_entries"]

    def flags(self, window):
        """Return the flags of each symbol's published minutes of a window."""
        prices = connect(self.settings).minute_prices
        return {
            symbol: [each.average.flag.value for each in prices.between(symbol, window)]
            for symbol in SYMBOLS
        }

    def wait_for_minutes(self, count):
        """Wait until so many minutes from now on are published for every symbol."""
        start = floor_minute(datetime.now(UTC)) + MINUTE
        window = Window(start, start + count * MINUTE)
        whole = dict.fromkeys(SYMBOLS, ["OK"] * count)
        runs = Runs(PIPELINE, self.count_ended)
        while self.flags(window) != whole:
            self.stack.revive()
            if why := runs.why_enough():
                pytest.fail(f"{window} is {self.flags(window)} {why}")
            time.sleep(1)
        return window

    def tasks_by_worker(self):
        """Return how many tasks each worker ran, of the newest hundred."""
        with self.stack.rest() as api:
            asked = {"limit": 100, "order_by": "-start_date", "state": "success"}
            answer = api.get("/dags/~/dagRuns/~/taskInstances", params=asked).raise_for_status()
        return Counter(task["hostname"] for task in answer.json()["task_instances"])


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    options = StackOptions(
        home=tmp_path_factory.mktemp("cluster"),
        symbols=SYMBOLS,
        replay=True,
        ports={name: any_free_port() for name in PORTS},
        executor=Executor.CLUSTER,
    )
    with ClusterStack(options) as stack:
        stack.start_pipeline(others=())
        try:
            yield Product(stack)
        finally:
            # Before the servers stop: the driver would look for them until this process has ended.
            SESSIONS.close()


def test_both_workers_publish_minutes(product):
    product.wait_for_minutes(MINUTES)

    assert set(product.tasks_by_worker()) == set(WORKERS)


def test_a_worker_leaves_no_file_where_it_works(product):
    """Its home has caches of libraries and Airflow's own settings."""
    product.wait_for_minutes(1)

    found = [
        file
        for worker in WORKERS
        for folder in ("work", "tmpdir")
        for file in (product.stack.folder(worker) / folder).rglob("*")
        if file.is_file()
    ]
    assert found == []


def test_files_are_in_the_object_store(product):
    found = object_store.client(product.stack.object_store_port).find(object_store.URL)
    kinds = {path.removeprefix("prices/data/").partition("/")[0] for path in found}

    assert {"landing", "gx"} <= kinds


def test_a_killed_worker_a_killed_node_and_a_store_that_refuses_lose_no_minute(product):
    before = floor_minute(datetime.now(UTC)) - MINUTE
    product.stack.send("worker-1", signal.SIGKILL)
    product.stack.send("cassandra-2", signal.SIGKILL)
    with refusing(product.stack.home, Refusal.SLOW_DOWN):
        time.sleep(20)

    after = product.wait_for_minutes(1)

    window = Window(before, after.end)
    count = (after.end - before) // MINUTE
    runs = Runs(PIPELINE, product.count_ended)
    while product.flags(window) != dict.fromkeys(SYMBOLS, ["OK"] * count):
        if why := runs.why_enough():
            pytest.fail(f"{window} is {product.flags(window)} {why}")
        time.sleep(1)
