import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from dev.browser.chromium import chromium, launch
from dev.machine.ports import any_free_port
from dev.stack.airflow import airflow_url
from dev.stack.stack import Stack, StackOptions
from include.records.windows import MINUTE, Window, floor_minute
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.store import connect
from tests.e2e.lone_prices import SYMBOLS as LONE_SYMBOLS
from tests.e2e.lone_prices import fill
from tests.e2e.looks import DESKTOP
from tests.e2e.prices_server import serving
from tests.e2e.runs import Runs
from tests.e2e.watch import Watch
from tests.fakes.memory_store import MemoryStore

PROJECT = Path(__file__).resolve().parents[2]
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
PORTS = ("airflow", "exchange", "cassandra", "cassandra_storage", "postgres")
# What a page looked like and said when its test failed.
FAILURES = PROJECT / ".dev" / "test" / "browser"
# Last resorts: a machine that is busy takes its time over Airflow's scripts.
PAGE_TIMEOUT_MS = 180_000
ANSWER_SECONDS = 120
# What brings a minute, and what brings files, reports and Data Docs.
PIPELINE = ("ingest_prices", "average_minutes")
REPORT = ("report_prices",)
LOOK_SECONDS = 10
# Only their minutes are recorded, no seconds.
RECORDED_DAYS = ("2020-01-01", "2020-01-02", "2020-01-03")
BACKFILL_FORM = {"symbols": ["BTCUSDT"], "source": "auto", "force": False}

expect.set_options(timeout=PAGE_TIMEOUT_MS)


class Product:
    """The running product, as a person with a terminal sees it."""

    def __init__(self, stack, control_port):
        self.stack = stack
        self.simulator = httpx.Client(
            base_url=f"http://127.0.0.1:{control_port}", timeout=ANSWER_SECONDS
        )
        self.started_at = floor_minute(datetime.now(UTC))

    @property
    def url(self):
        return airflow_url(self.stack.ports.airflow)

    def store(self):
        port = self.stack.ports.cassandra
        return connect(CassandraSettings(hosts=("127.0.0.1",), port=port))

    def history(self, symbol, start, end):
        return self.store().minute_prices.history(symbol, Window(start, end))

    def minutes(self, symbol, start, end):
        return self.store().minute_prices.between(symbol, Window(start, end))

    def wait_for(self, is_true, *, what, runs_of=PIPELINE):
        """Wait until something is true.

        It fails, saying what did not come, when so many runs of the DAGs that bring it have
        ended without it that no other will bring it.
        """
        runs, looked_at = None, time.monotonic()
        while not is_true():
            self.stack.check()
            if runs is None or time.monotonic() > looked_at + LOOK_SECONDS:
                runs, looked_at = runs or Runs(runs_of, self.count_ended), time.monotonic()
                if why := runs.why_enough():
                    pytest.fail(f"{what} did not come {why}")
            time.sleep(1)

    def count_ended(self, dag_id):
        """Return how many runs of a DAG have ended, well or not."""
        path = f"/dags/{dag_id}/dagRuns"
        return self.get(path, limit=1, state=["success", "failed"])["total_entries"]

    def wait_until_published(self, last_minute, *, flags=("OK",), symbols=SYMBOLS):
        """Wait until a minute is published for every symbol, with one of some flags."""

        def is_published():
            found = [
                price.average.flag.value
                for symbol in symbols
                for price in self.minutes(symbol, last_minute, last_minute + MINUTE)
            ]
            return len(found) == len(symbols) and set(found) <= set(flags)

        self.wait_for(is_published, what=f"{last_minute} as {'/'.join(flags)}")

    def health_causes(self):
        """Return the status of /prices/health, and the codes of its causes."""
        answer = httpx.get(f"{self.url}/prices/health", timeout=ANSWER_SECONDS, trust_env=False)
        return answer.status_code, {cause["code"] for cause in answer.json()["causes"]}

    def wait_until_health_names(self, code):
        """Wait until /prices/health fails with a cause."""

        def is_named():
            status, codes = self.health_causes()
            return status == 503 and code in codes

        self.wait_for(is_named, what=f"503 with the cause {code} from /prices/health")

    def get(self, path, **parameters):
        with self.stack.rest() as api:
            return api.get(path, params=parameters).raise_for_status().json()

    @contextmanager
    def extracting(self, symbols):
        """Let the product extract some symbols for one block: a minute of twenty costs a core."""
        self._name(symbols)
        try:
            yield
        finally:
            self._name(SYMBOLS)

    def _name(self, symbols):
        with self.stack.rest() as api:
            body = {"key": "symbols", "value": ",".join(symbols)}
            api.patch("/variables/symbols", json=body).raise_for_status()

    def fetch_now(self):
        """Start a run of the extraction by hand: it would start with the next minute anyway."""
        self.start_run("ingest_prices")

    def page(self, path):
        """Return a page of this project in Airflow's UI; where there is none yet, it says so."""
        with self.stack.rest() as api:
            return api.get(f"{self.url}{path}").text

    def run_dag(self, dag_id, **conf):
        """Run a DAG with a filled-in form, and return its state and the logs of its tasks."""
        return self.end_of_run(dag_id, self.start_run(dag_id, **conf))

    def start_run(self, dag_id, **conf):
        """Start a run of a DAG with a filled-in form, and return its id."""
        with self.stack.rest() as api:
            body = {"logical_date": None, "conf": conf}
            run = api.post(f"/dags/{dag_id}/dagRuns", json=body).raise_for_status().json()
        return run["dag_run_id"]

    def refusal_of(self, dag_id, **conf):
        """Return the status and the message with which an order is refused: no run is made."""
        with self.stack.rest() as api:
            body = {"logical_date": None, "conf": conf}
            answer = api.post(f"/dags/{dag_id}/dagRuns", json=body)
        return answer.status_code, answer.json()["detail"]

    def end_of_run(self, dag_id, run_id):
        """Wait for the end of a run, and return its state and the logs of its tasks."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}"
        with self.stack.rest() as api:
            self.wait_for(
                lambda: api.get(path).json()["state"] in {"success", "failed"},
                what=f"the end of {dag_id}",
                runs_of=[dag_id],
            )
            state = api.get(path).json()["state"]
        tasks = [
            task
            for task in self.task_instances(dag_id)
            if task.dag_run_id == run_id and task.start_date
        ]
        return state, "\n".join(map(self.log, tasks))

    def task_instances(self, dag_id="~", **parameters):
        """Return task instances of all runs, newest first."""
        path = f"/dags/{dag_id}/dagRuns/~/taskInstances"
        found = self.get(path, **{"limit": 100, "order_by": "-start_date"} | parameters)
        return [SimpleNamespace(**task) for task in found["task_instances"]]

    def log(self, task):
        """Return the whole log of a task's last try as text."""
        path = (
            f"/dags/{task.dag_id}/dagRuns/{task.dag_run_id}/taskInstances/{task.task_id}"
            f"/logs/{task.try_number}"
        )
        return str(self.get(path, map_index=task.map_index, full_content=True)["content"])


@pytest.fixture(scope="session")
def product(tmp_path_factory):
    """The whole product, every server real, replaying the recorded trades."""
    control_port = any_free_port()
    options = StackOptions(
        home=tmp_path_factory.mktemp("home"),
        symbols=SYMBOLS,
        replay=True,
        simulator_options=(
            *("--control-port", str(control_port)),
            *("--archives", str(PROJECT / "tests" / "data" / "binance")),
        ),
        ports={name: any_free_port() for name in PORTS},
    )
    with Stack(options) as stack:
        stack.start_pipeline()
        running = Product(stack, control_port)
        try:
            running.wait_until_published(running.started_at - MINUTE)
            yield running
        finally:
            # Before the server stops: the driver would look for it until this process has ended.
            SESSIONS.close()


@pytest.fixture(scope="session")
def backfill_of_recorded_days(product):
    """The id of a run that backfills them; the first test that asks starts it and does not wait."""
    wishes = {"from": RECORDED_DAYS[0], "to": RECORDED_DAYS[-1], "source": "archive"}
    return product.start_run("backfill_prices", **BACKFILL_FORM | wishes)


@pytest.fixture(scope="session")
def browser():
    executable = chromium()
    with sync_playwright() as playwright:
        browser = launch(playwright, executable)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def airflow_context(browser, product):
    """A person's browser at the product's Airflow; one, as it keeps megabytes of scripts."""
    with browser.new_context(base_url=product.url, viewport=DESKTOP) as context:
        context.set_default_timeout(PAGE_TIMEOUT_MS)
        yield context


@pytest.fixture
def watch(airflow_context, product, request):
    """A page that fails its test if it does what none may; see Watch."""
    with watched(airflow_context.new_page(), product.url, request) as watch:
        yield watch


@pytest.fixture
def page(watch):
    """A page at the running Airflow: `page.goto("/plugin/quality")`; watched."""
    return watch.page


@pytest.fixture(scope="module")
def filled():
    """A store in memory with half a day of minutes, and the end of its last one."""
    store = MemoryStore()
    return store, fill(store)


@pytest.fixture(scope="module")
def lone_data(tmp_path_factory):
    """The folder of reports and Data Docs of the pages without a stack."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def lone_address(filled, lone_data):
    """The pages over that store, without a stack; their address."""
    with serving(filled[0], LONE_SYMBOLS, lone_data) as address:
        yield address


@pytest.fixture
def lone_watch(browser, lone_address, request):
    """A watched page there."""
    with (
        browser.new_context(
            base_url=lone_address,
            viewport=DESKTOP,
            has_touch=False,
            permissions=["clipboard-read", "clipboard-write"],
        ) as context,
        watched(context.new_page(), lone_address, request) as watch,
    ):
        yield watch


@contextmanager
def watched(page, url, request):
    """Watch a page that may ask one address; close it, and fail if it had a fault."""
    failed_before = request.session.testsfailed
    watch = Watch(page, urlsplit(url).netloc)
    try:
        yield watch
        faults = watch.faults()
        if faults or request.session.testsfailed > failed_before:
            keep_failure(request.node.name, page, watch.log)
        assert faults == []
    finally:
        page.close()


def keep_failure(test, page, log):
    """Keep what a page looked like and said, under the name of a test."""
    FAILURES.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w-]+", "-", test).strip("-")
    (FAILURES / f"{name}.log").write_text("\n".join([page.url, *log]) + "\n")
    page.screenshot(path=FAILURES / f"{name}.png")
