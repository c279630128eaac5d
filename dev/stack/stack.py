"""The stack of one home: started in parallel, stopped as a whole, restartable in parts."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from dev.cassandra_server.cluster import CassandraCluster
from dev.cassandra_server.jars import cassandra_jars
from dev.cassandra_server.server import CassandraServer
from dev.machine.console import say, step
from dev.machine.errors import StartError
from dev.machine.home import CHECKOUT, DEFAULT_HOME, Home
from dev.machine.ports import LOOPBACK, Ports, choose_ports, is_free
from dev.machine.processes import Processes, Record
from dev.stack import airflow, exchange, postgres
from dev.stack.airflow_settings import apply_settings, read_settings
from dev.stack.dag_runs import run_dag, unpause, wait_for_dag
from dev.stack.executors import Executor
from include.pipeline.fetch_tasks import FETCH_TASKS, fetch_task_count

DEFAULT_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT")
INITIAL_DAG = "initialize_store"
MINUTE_DAGS = ("ingest_prices", "average_minutes", "report_prices")
# They run once a day or on demand, and should not have to be unpaused first.
OTHER_DAGS = ("replay_quarantine", "backfill_prices", "audit_prices", "maintain")
DAG_TIMEOUT_SECONDS = 600.0
# Airflow reads Variables from the environment, too.
FETCH_TASKS_VARIABLE = "AIRFLOW_VAR_FETCH_TASKS"
# Of one server; what dies more often will not stay up.
MOST_RESTARTS = 3


@dataclass(frozen=True)
class StackOptions:
    """Options of a stack.

    Attributes:
        home: The folder for all its state.
        symbols: Binance symbols, upper case.
        replay: Whether prices come from the simulator instead of Binance.
        ports: Fixed ports, by name of Ports; the others are chosen.
        simulator_options: More options of `python -m include.simulator`.
        dags_folder: Where Airflow reads DAGs.
        settings_file: Connections, pools and variables, in the Astro CLI's format.
        executor: How tasks are run.
    """

    home: Path = DEFAULT_HOME
    symbols: tuple[str, ...] = DEFAULT_SYMBOLS
    replay: bool = True
    ports: dict[str, int] = field(default_factory=dict)
    simulator_options: tuple[str, ...] = ()
    dags_folder: Path = CHECKOUT / "dags"
    settings_file: Path = CHECKOUT / "airflow_settings.yaml"
    executor: Executor = Executor.LOCAL

    @property
    def fetch_tasks(self) -> int:
        """How many tasks fetch."""
        most = int(os.environ.get(FETCH_TASKS_VARIABLE, FETCH_TASKS))
        return fetch_task_count(len(self.symbols), most)


class Stack:
    """Cassandra, the exchange, Postgres and Airflow, for one run.

    As a context manager it starts the servers and stops them after the block; data is kept.

    Args:
        options: Its options.

    Attributes:
        home: Where its state is.
        ports: Where it listens; chosen by `start`.
    """

    def __init__(self, options: StackOptions) -> None:
        self.options = options
        self.home = Home(options.home.absolute())
        self.ports = Ports()
        self._processes = Processes(self.home.run, self.home.logs)
        self._cassandra: CassandraServer | CassandraCluster | None = None
        self._held = ExitStack()
        self._revived: Counter[str] = Counter()
        self._is_ours = False

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def servers(self) -> list[Record]:
        """Its servers that run, as they were started."""
        nodes = (node.record() for node in self._nodes)
        records = [*self._processes.records(), *(record for record in nodes if record)]
        return [record for record in records if record.is_running()]

    @property
    def cassandra(self) -> CassandraServer | CassandraCluster:
        """Its Cassandra.

        Raises:
            StartError: The stack has not been started.
        """
        if self._cassandra is None:
            raise StartError("the stack has not been started")
        return self._cassandra

    @property
    def exchange_url(self) -> str:
        """URL of the exchange or the simulator."""
        if self.options.replay:
            return exchange.simulator_url(self.ports.exchange)
        return exchange.LIVE_URL

    @property
    def surroundings(self) -> dict[str, str]:
        """The environment of every Airflow process."""
        return airflow.environment(
            self.home,
            self.ports,
            self.options.dags_folder,
            self.options.fetch_tasks,
            self.options.executor,
        )

    def start(self) -> None:
        """Start every server.

        Raises:
            SetupError: Another run uses this home, or a port, symbol or network is wrong.
            StartError: A server died, or was not ready in time.
        """
        self._held.enter_context(self.home.locked())
        self._is_ours = True
        self._stop_leftovers()
        self._choose_ports()
        self._cassandra = self._new_cassandra()
        self.start_exchange()
        with httpx.Client(
            base_url=self.exchange_url, timeout=exchange.ANSWER_TIMEOUT_SECONDS
        ) as client:
            exchange.check_symbols(client, self.options.symbols)
        self.home.remember(
            "last_run", {"symbols": self.options.symbols, "exchange": self.exchange_url}
        )
        # Before the threads: an interrupted download ends at once here.
        cassandra_jars()
        self._together(self.start_cassandra, self.start_airflow)

    def start_pipeline(self, others: Sequence[str] = OTHER_DAGS) -> None:
        """Create the tables; unpause the minute DAGs and those that run daily or on demand.

        Args:
            others: The DAGs that run daily or on demand.

        Raises:
            StartError: A DAG is missing, or its run failed.
        """
        with self.rest() as api:
            with step("Cassandra: creating the tables", "a few seconds"):
                wait_for_dag(api, INITIAL_DAG, DAG_TIMEOUT_SECONDS, self.check)
                run_dag(api, INITIAL_DAG, DAG_TIMEOUT_SECONDS, self.check)
            for dag_id in (*MINUTE_DAGS, *others):
                wait_for_dag(api, dag_id, DAG_TIMEOUT_SECONDS, self.check)
                unpause(api, dag_id)

    def stop(self) -> None:
        """Stop everything that this stack started; data and logs are kept."""
        if not self._is_ours:
            return
        self._processes.refuse()
        # Airflow's processes go first: they write to the others until they end.
        self.stop_airflow()
        self._processes.stop()
        if self._cassandra is not None:
            self._cassandra.refuse()
            if not self.home.cassandra_kept.exists():
                self._cassandra.stop()
        self._is_ours = False
        self._held.close()

    def check(self) -> None:
        """Raise StartError, with the end of its log, if a server is dead."""
        self._processes.check()
        for node in self._nodes:
            node.check()

    def revive(self) -> None:
        """Start every server that died again, a few times; say so.

        Raises:
            StartError: One has died too often, or does not start again.
        """
        dead = self._processes.dead()
        for node in self._nodes:
            dead |= node.dead()
        for name, how in dead.items():
            self._revived[name] += 1
            if self._revived[name] > MOST_RESTARTS:
                raise StartError(f"{how}\n{name} has died {self._revived[name]} times")
            say(f"  {how}")
            with step(f"{name}: starting it again", "up to a minute"):
                self.start_again(name)

    def send(self, name: str, number: int) -> None:
        """Send a signal to one of the servers and all it forked, as a fault."""
        if node := self._node(name):
            node.send(number)
        else:
            self._processes.send(name, number)

    def start_again(self, name: str) -> None:
        """Start a server that died, and wait until it is ready.

        Raises:
            StartError: It died once more, or was not ready in time.
        """
        if node := self._node(name):
            # It may still be dying, and hold its port.
            node.stop()
            node.start()
            return
        # What it forked would go on beside the new one.
        self._processes.stop(name)
        match name:
            case exchange.NAME:
                self.start_exchange()
            case postgres.NAME:
                password = self.home.secrets()["postgres"]
                postgres.start_postgres(self.home, self._processes, self.ports.postgres, password)
            case _:
                self._start_component(name)

    def rest(self) -> httpx.Client:
        """Return an authorised client of Airflow's REST API; its paths are relative to /api/v2."""
        return airflow.rest(self.ports.airflow)

    def silent(self) -> list[str]:
        """Return sentences about servers that run and do not answer, and about what that stops."""
        return []

    @property
    def report(self) -> str:
        """Where the newest report is."""
        return str(self.home.report)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where its Cassandra listens."""
        return tuple(node.host for node in self.cassandra.nodes)

    @property
    def shown_files(self) -> dict[str, str]:
        """Where the pipeline's files are, by what they are."""
        return {
            "Report": self.report,
            "CSV and Parquet": str(self.home.exports),
            "Data Docs": str(self.home.data_docs),
        }

    def has_report(self, began: datetime) -> bool:
        """Tell whether this start, aware UTC, wrote files for every symbol and a report after."""
        return self.home.has_report(self.options.symbols, began)

    def start_cassandra(self) -> None:
        """Start Cassandra and wait until it answers."""
        with step(f"Cassandra on {LOOPBACK}:{self.ports.cassandra}", "about 10 s"):
            self.cassandra.start()

    def stop_cassandra(self) -> None:
        """Stop Cassandra gracefully."""
        self.cassandra.stop()

    def start_exchange(self) -> None:
        """Start the simulator, unless prices come from Binance."""
        if self.options.replay:
            with step(f"Exchange simulator on {self.exchange_url}", "about 3 s"):
                exchange.start_simulator(
                    self._processes, self.ports.exchange, self.options.simulator_options
                )

    def stop_exchange(self) -> None:
        """Stop the simulator."""
        self._processes.stop(exchange.NAME)

    def start_airflow(self) -> None:
        """Start Airflow and apply its settings; start its database if it is not running."""
        surroundings = self.surroundings
        running = {record.name for record in self._processes.records() if record.is_running()}
        if postgres.NAME not in running:
            password = self.home.secrets()["postgres"]
            with step(f"Postgres on {LOOPBACK}:{self.ports.postgres}", "about 2 s"):
                postgres.start_postgres(self.home, self._processes, self.ports.postgres, password)
            with step("Airflow's database", "about 15 s the first time"):
                airflow.migrate(self.home, self._processes, surroundings)
        with step(f"Airflow on {airflow.airflow_url(self.ports.airflow)}", "about 20 s"):
            airflow.start_api_server(self._processes, self.ports.airflow, surroundings)
            # Before the scheduler runs unpaused DAGs: applying the settings replaces each entity,
            # and a task in between would miss it.
            with self.rest() as api:
                apply_settings(api, self._settings())
            self._start_workers()

    def stop_airflow(self) -> None:
        """Stop Airflow's processes; their database stays up."""
        # Its API server needs seconds to exit after its work is done.
        self._processes.stop(*airflow.COMPONENTS, airflow.WORKER, grace_seconds=5)

    def _start_workers(self) -> None:
        if self.options.executor is Executor.CELERY:
            # Its tasks wait in the queue until it is ready.
            self._start_component(airflow.WORKER)
        airflow.start_others(self._processes, self.ports.airflow, self.surroundings)

    @property
    def _nodes(self) -> Sequence[CassandraServer]:
        return self._cassandra.nodes if self._cassandra else ()

    def _node(self, name: str) -> CassandraServer | None:
        """Return the Cassandra node of a name; None where it is another server's."""
        return next((node for node in self._nodes if node.name == name), None)

    def _new_cassandra(self) -> CassandraServer | CassandraCluster:
        return CassandraServer(
            self.home.cassandra,
            self.ports.cassandra,
            storage_port=self.ports.cassandra_storage,
            log_folder=self.home.logs,
        )

    def _start_component(self, name: str) -> None:
        airflow.start_component(self._processes, name, self.ports.airflow, self.surroundings)

    def _stop_leftovers(self) -> None:
        stopped = self._processes.stop()
        if not self.home.cassandra_kept.exists():
            stopped += self._new_cassandra().stop()
        if stopped:
            say(f"  stopped processes left by an earlier run: {', '.join(stopped)}")

    def _choose_ports(self) -> None:
        remembered = self.home.recall("ports")
        kept = CassandraServer(self.home.cassandra).record()
        own = {remembered.get("cassandra"), remembered.get("cassandra_storage")} if kept else set()
        self.ports, notes = choose_ports(
            self.options.ports, remembered, free=lambda port: port in own or self._is_free(port)
        )
        for note in notes:
            say(f"  {note}")
        self.home.remember("ports", asdict(self.ports))

    def _is_free(self, port: int) -> bool:
        return is_free(port)

    def _together(self, *starts: Callable[[], None]) -> None:
        with ThreadPoolExecutor(len(starts)) as pool:
            running = [pool.submit(start) for start in starts]
            try:
                done, _ = wait(running, return_when=FIRST_EXCEPTION)
                # Raise the first failure, not those that follow from it.
                for start in done:
                    start.result()
            except BaseException:
                self._processes.refuse()
                self.cassandra.refuse()
                raise

    def _settings(self) -> dict[str, list[dict[str, object]]]:
        return read_settings(
            self.options.settings_file,
            connections={
                "cassandra_default": {"host": LOOPBACK, "port": self.ports.cassandra},
                "binance_default": {"host": self.exchange_url},
                "mart": {"host": str(self.home.mart)},
            },
            variables={
                "symbols": ",".join(self.options.symbols),
                "storage_url": str(self.home.data),
            },
        )
