"""What the stack of a cluster gives its processes; the servers themselves are not started."""

import json

import pytest

from dev.cassandra_server.cluster import HOSTS, CassandraCluster
from dev.cassandra_server.server import CassandraServer
from dev.machine.home import Home
from dev.stack import airflow, cluster
from dev.stack.cluster import ClusterStack, cassandra_of, new_stack
from dev.stack.executors import WORKERS, Executor
from dev.stack.stack import Stack, StackOptions

REDIS, S3 = 16379, 19000


@pytest.fixture(autouse=True)
def _ask_no_port(monkeypatch):
    """No socket is opened: a node without a port would look for a free one."""
    monkeypatch.setattr("dev.cassandra_server.server.any_free_port", lambda: 17001)


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """A stack whose ports are chosen."""
    made = new_stack(StackOptions(home=tmp_path, executor=Executor.CLUSTER))
    monkeypatch.setattr(cluster, "is_free", lambda *_: True)
    monkeypatch.setattr("dev.stack.stack.is_free", lambda *_: True)
    made.home.remember("cluster_ports", {"redis": REDIS, "object-store": S3})
    made._choose_ports()  # noqa: SLF001
    return made


@pytest.fixture
def started(stack, monkeypatch):
    """What each Airflow process was started with, by name: words, environment, folder."""
    seen = {}

    def spawn(_processes, name, words, surroundings, _port=None, *, folder=None):
        seen[name] = (words, surroundings, folder)

    monkeypatch.setattr(airflow, "spawn", spawn)
    for name in (*WORKERS, cluster.SECOND_SCHEDULER):
        stack._start_component(name)  # noqa: SLF001
    return seen


def test_only_the_executor_cluster_has_one(tmp_path):
    kinds = {
        executor: type(new_stack(StackOptions(home=tmp_path, executor=executor)))
        for executor in Executor
    }

    assert kinds == dict.fromkeys(Executor, Stack) | {Executor.CLUSTER: ClusterStack}


def test_workers_share_no_folder_of_their_own(started):
    def folders(name):
        _, surroundings, work = started[name]
        return {work, *(surroundings[each] for each in ("HOME", "TMPDIR", "AIRFLOW_HOME"))}

    assert len(folders("worker-1") | folders("worker-2")) == 8


def test_workers_have_names_of_their_own(started):
    names = {
        name: (words[-1], surroundings["PROCESS_NAME"])
        for name, (words, surroundings, _) in started.items()
        if name in WORKERS
    }

    assert names == {name: (f"{name}@127.0.0.1", name) for name in WORKERS}


def test_files_and_the_queue_are_on_servers(stack):
    surroundings = stack.surroundings

    assert surroundings["AIRFLOW_VAR_STORAGE_URL"].startswith("s3://")
    assert surroundings["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{S3}"
    assert surroundings["AIRFLOW__CELERY__BROKER_URL"].endswith(f"@127.0.0.1:{REDIS}/0")


def test_connections_name_every_node_and_a_database(stack):
    listed = stack._settings()["connections"]  # noqa: SLF001
    by_id = {each["connection_id"]: each for each in listed}
    cassandra = by_id["cassandra_default"]

    assert cassandra["host"] == ",".join(HOSTS)
    assert json.loads(cassandra["extra"])["replication"]["datacenter1"] == 3
    assert by_id["mart"]["conn_type"] == "postgres"


def test_ports_are_those_of_the_last_run_while_they_are_free(stack, monkeypatch):
    monkeypatch.setattr(cluster, "is_free", lambda port, *_: port != S3)
    monkeypatch.setattr(cluster, "any_free_port", lambda: 19999)

    stack._choose_ports()  # noqa: SLF001

    assert stack.home.recall("cluster_ports") == {"redis": REDIS, "object-store": 19999}


def test_a_home_has_the_cassandra_that_was_started_there(tmp_path, monkeypatch):
    """No address is asked for: a machine may have one only, and a single node to stop."""
    monkeypatch.setattr(cluster, "CLUSTER_HOME", tmp_path / "cluster")

    assert isinstance(cassandra_of(Home(tmp_path)), CassandraServer)
    assert isinstance(cassandra_of(Home(tmp_path / "cluster")), CassandraCluster)
