"""initialize_store as a deployment runs it: two connections, two roles, TLS."""

import json
import subprocess
import sys

import pytest

from dev.cassandra_server.secure_home import PIPELINE_ROLE, SCHEMA_ROLE
from include.orchestration.connections import open_store
from include.records.windows import MINUTE, Window
from include.store.migrations import migrations
from include.store.session import SESSIONS
from include.tasks import initialize_store
from tests.fakes.builders import NOON, average


@pytest.fixture
def _connections(monkeypatch, secure_cassandra, certificates):
    home = certificates.home
    for name, role in (("CASSANDRA_DEFAULT", PIPELINE_ROLE), ("CASSANDRA_SCHEMA", SCHEMA_ROLE)):
        connection = {
            "conn_type": "cassandra",
            "host": secure_cassandra.host,
            "port": secure_cassandra.port,
            "schema": "initialized",
            "login": role,
            "password": home.password(role),
            "extra": {"ssl_options": home.ssl_options(), "second_price_days": 7},
        }
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
    yield
    SESSIONS.close()


@pytest.mark.usefixtures("_connections")
def test_makes_the_tables_as_one_role_and_works_with_them_as_another():
    applied = initialize_store.initialize_store()

    assert applied == [migration.name for migration in migrations() if migration.version]
    (price,) = open_store().minute_prices.append([average()], NOON + MINUTE)
    window = Window(NOON, NOON + MINUTE)
    assert open_store().minute_prices.history("BTCUSDT", window) == [price]


@pytest.mark.usefixtures("_connections")
def test_does_nothing_more_when_it_is_run_again():
    initialize_store.initialize_store()

    assert initialize_store.initialize_store() == []


@pytest.fixture(scope="module")
def exchange():
    """URL of a simulator in a process of its own."""
    command = [sys.executable, "-m", "include.simulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip().removeprefix("simulator ready: ")
        finally:
            process.terminate()


@pytest.mark.usefixtures("_connections")
def test_finds_everything_there_as_the_pipelines_own_role(monkeypatch, tmp_path, exchange):
    """In a deployment where no pool and no Variable but that of storage is set."""
    monkeypatch.setenv("AIRFLOW_CONN_BINANCE_DEFAULT", exchange)
    monkeypatch.setenv("AIRFLOW_CONN_MART", "sqlite://")
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", str(tmp_path))

    found = initialize_store.check_deployment(initialize_store.initialize_store())

    assert "Cassandra: answers, and takes the login" in found
    assert "tables: of this version" in found
    assert [line for line in found if line.startswith("exchange: answers, and its clock says")]
    assert [line for line in found if line.startswith("symbols: BTCUSDT, ETHUSDT")]
    assert f"mart: will be made at {tmp_path / 'mart.db'}" in found
    assert list(tmp_path.iterdir()) == []
