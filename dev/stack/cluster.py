"""The stack without a shared disk: two workers and schedulers, three Cassandra nodes, S3."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from dev.cassandra_server.cluster import DATA_CENTRE, HOSTS, REPLICATION, CassandraCluster
from dev.cassandra_server.server import CassandraServer
from dev.machine.console import step
from dev.machine.home import DEFAULT_HOME, Home
from dev.machine.ports import LOOPBACK, Ports, any_free_port, is_free
from dev.stack import airflow, broker, object_store, postgres
from dev.stack.airflow_settings import read_settings
from dev.stack.executors import WORKERS, Executor
from dev.stack.stack import Stack, StackOptions

CLUSTER_HOME = DEFAULT_HOME / "cluster"
SECOND_SCHEDULER = "scheduler-2"
MART = "mart"
OWN_PORTS = (broker.NAME, object_store.NAME)
# Each worker has its own, next to its working folder.
OWN_FOLDERS = ("HOME", "TMPDIR", "AIRFLOW_HOME")


def new_stack(options: StackOptions) -> Stack:
    """Return the stack that its executor asks for."""
    return ClusterStack(options) if options.executor is Executor.CLUSTER else Stack(options)


def cassandra_of(home: Home) -> CassandraServer | CassandraCluster:
    """Return the Cassandra of a home, to see or to stop it."""
    if home.path != CLUSTER_HOME:
        return CassandraServer(home.cassandra)
    ports = Ports(**home.recall("ports"))
    return CassandraCluster(home.cassandra, ports.cassandra, storage_port=ports.cassandra_storage)


class ClusterStack(Stack):
    """A stack whose two workers share nothing but servers.

    Each worker has its own home, temporary and working folder, and its own AIRFLOW_HOME; only the
    folder of task logs is one, as on a platform that collects them.

    Args:
        options: Its options, with the executor CLUSTER.
    """

    def __init__(self, options: StackOptions) -> None:
        super().__init__(options)
        self._own_ports: dict[str, int] = {}

    @property
    def surroundings(self) -> dict[str, str]:
        """The environment of every Airflow process."""
        queue = broker.broker_url(self._own_ports[broker.NAME], self._password)
        return {
            **super().surroundings,
            **object_store.surroundings(self.object_store_port),
            "AIRFLOW__CELERY__BROKER_URL": queue,
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.home.airflow / "logs"),
            # In the environment, and not among Airflow's Variables: preload.py reads it there.
            "AIRFLOW_VAR_STORAGE_URL": object_store.URL,
        }

    @property
    def object_store_port(self) -> int:
        """Where its object store listens; chosen by `start`."""
        return self._own_ports[object_store.NAME]

    def silent(self) -> list[str]:
        """Return sentences about servers that run and do not answer, and about what that stops."""
        queue, files = (self._own_ports[name] for name in OWN_PORTS)
        parts = {
            f"the queue (Redis on {LOOPBACK}:{queue}) does not answer: no task starts": (
                broker.answers(queue, self._password)
            ),
            f"the object store on {LOOPBACK}:{files} does not answer, or has no bucket "
            f"{object_store.BUCKET}: nothing is fetched": object_store.answers(files),
        }
        return [problem for problem, is_well in parts.items() if not is_well]

    @property
    def report(self) -> str:
        """Where the newest report is."""
        return object_store.REPORT

    @property
    def shown_files(self) -> dict[str, str]:
        """Where the pipeline's files are, by what they are."""
        return {
            f"Files on {LOOPBACK}:{self.object_store_port}": object_store.URL,
            "Mart": f"Postgres on {LOOPBACK}:{self.ports.postgres}, database {MART}",
        }

    def has_report(self, began: datetime) -> bool:
        """Tell whether this start, aware UTC, wrote files for every symbol and a report after."""
        return object_store.has_report(self.object_store_port, self.options.symbols, began)

    def folder(self, worker: str) -> Path:
        """Return the folder below which a worker has its own folders."""
        return self.home.path / worker

    def stop_airflow(self) -> None:
        """Stop Airflow's processes; their database, the queue and the files stay up."""
        self._processes.stop(*airflow.COMPONENTS, *WORKERS, SECOND_SCHEDULER, grace_seconds=5)

    @property
    def _password(self) -> str:
        return self.home.secrets()["postgres"]

    def _new_cassandra(self) -> CassandraCluster:
        return CassandraCluster(
            self.home.cassandra,
            self.ports.cassandra,
            storage_port=self.ports.cassandra_storage,
            log_folder=self.home.logs,
        )

    def _choose_ports(self) -> None:
        super()._choose_ports()
        remembered = self.home.recall("cluster_ports")
        self._own_ports = {
            name: port if (port := remembered.get(name)) and is_free(port) else any_free_port()
            for name in OWN_PORTS
        }
        self.home.remember("cluster_ports", self._own_ports)

    def _is_free(self, port: int) -> bool:
        return all(is_free(port, host) for host in HOSTS)

    def _start_workers(self) -> None:
        running = {record.name for record in self.servers}
        for name in OWN_PORTS:
            if name not in running:
                with step(f"{name} on {LOOPBACK}:{self._own_ports[name]}", "about 5 s"):
                    self._start_component(name)
        postgres.create_database(self.ports.postgres, self._password, MART)
        # Tasks wait in the queue until a worker is ready.
        for name in (*WORKERS, SECOND_SCHEDULER):
            self._start_component(name)
        super()._start_workers()

    def _start_component(self, name: str) -> None:
        match name:
            case broker.NAME:
                port = self._own_ports[name]
                broker.start_redis(self.home, self._processes, port, self._password)
            case object_store.NAME:
                object_store.start_object_store(self.home, self._processes, self.object_store_port)
            case _ if name in WORKERS:
                self._start_worker(name)
            case _ if name == SECOND_SCHEDULER:
                words = airflow.COMPONENTS["scheduler"]
                airflow.spawn(self._processes, name, words, self.surroundings)
            case _:
                super()._start_component(name)

    def _start_worker(self, name: str) -> None:
        folder = self.folder(name)
        own = {variable: folder / variable.lower() for variable in OWN_FOLDERS}
        work = folder / "work"
        for each in (*own.values(), work):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        words = (*airflow.WORKER_COMMAND, "--celery-hostname", f"{name}@{LOOPBACK}")
        surroundings = {
            **self.surroundings,
            **{variable: str(path) for variable, path in own.items()},
            "PROCESS_NAME": name,
        }
        airflow.spawn(self._processes, name, words, surroundings, folder=work)

    def _settings(self) -> dict[str, list[dict[str, object]]]:
        return read_settings(
            self.options.settings_file,
            connections={
                "cassandra_default": {
                    "host": ",".join(HOSTS),
                    "port": self.ports.cassandra,
                    "extra": json.dumps(
                        {"local_datacenter": DATA_CENTRE, "replication": REPLICATION}
                    ),
                },
                "binance_default": {"host": self.exchange_url},
                "mart": postgres.connection_fields(self.ports.postgres, self._password, MART),
            },
            variables={"symbols": ",".join(self.options.symbols)},
        )
