"""Marts without a row, in each kind of database."""

import gc
import importlib

import pytest

from dev.machine.home import Home
from dev.machine.ports import any_free_port
from dev.machine.processes import Processes
from dev.stack.postgres import NAME, start_postgres
from tests.fakes.marts import PostgresMart, SqliteMart

PASSWORD = "of-one-test"


@pytest.fixture(scope="session")
def postgres_port(tmp_path_factory):
    """A Postgres server, started by the first test that asks for it."""
    home = Home(tmp_path_factory.mktemp("home"))
    processes = Processes(home.run, home.logs)
    port = any_free_port()
    try:
        start_postgres(home, processes, port, PASSWORD)
        yield port
    finally:
        # What the SDK left open says goodbye while there is a server to say it to.
        gc.collect()
        processes.stop(NAME)


@pytest.fixture
def new_mart(request, tmp_path):
    """Make an empty mart of a kind: a file in a folder that is not there yet, or a schema."""
    made = 0

    def make(kind):
        nonlocal made
        made += 1
        if kind == "sqlite":
            return SqliteMart(tmp_path / "data" / f"mart{made}.db")
        database = PostgresMart(request.getfixturevalue("postgres_port"), PASSWORD)
        database.empty()
        return database

    return make


@pytest.fixture
def use_mart(monkeypatch):
    """Let the connection `mart` lead to a database from now on."""
    # Later than the bridges that make it importable.
    from include.mart import creation  # noqa: PLC0415 - imports pandas, as only tasks do

    def use(held):
        monkeypatch.setenv("AIRFLOW_CONN_MART", held.connection)
        # The SDK asks once a process what kind of database a connection leads to.
        importlib.import_module("astro.databases")._get_conn.cache_clear()  # noqa: SLF001
        creation.create_tables()
        return held

    return use


@pytest.fixture(params=["sqlite", "postgres"])
def mart_database(request, new_mart, use_mart):
    """A mart without a row; a test with it runs once on each kind of database."""
    return use_mart(new_mart(request.param))
