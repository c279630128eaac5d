"""check_deployment: one list of what is missing, whatever became of the tables."""

import ast
import json
import logging
import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException
from sqlalchemy import create_engine, text

from include.orchestration import defaults, metadata
from include.orchestration.connections import PROJECT
from include.orchestration.defaults import SYMBOLS
from include.records.errors import RetryableError, SettingsError, StoreSilentError
from include.tasks import deployment_checks, initialize_store
from tests.fakes.builders import symbol_info
from tests.fakes.memory_store import MemoryStore

CREATED = ["001_price_by_second.cql"]


class Exchange:
    """An exchange that answers, or not, and lists some symbols."""

    def __init__(self):
        self.error = None
        self.listed = set(SYMBOLS.split(","))

    @contextmanager
    def client(self, _clock):
        yield self

    def server_time(self):
        if self.error:
            raise self.error
        return datetime(2026, 3, 1, 12, tzinfo=UTC)

    def symbol_infos(self, names):
        return {name: symbol_info(symbol=name) for name in names if name in self.listed}


@pytest.fixture
def world(monkeypatch, tmp_path):
    """A deployment of which every part is there, and no pool and no Variable is set but storage."""
    made = SimpleNamespace(exchange=Exchange(), store=MemoryStore(), folder=tmp_path / "data")
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", str(made.folder))
    for name, written in (
        ("BINANCE_DEFAULT", "https://data-api.binance.vision"),
        ("CASSANDRA_DEFAULT", "cassandra://db:9042/prices"),
        ("MART", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "mart.db")})),
    ):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", written)
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    monkeypatch.setattr(deployment_checks, "SESSIONS", SimpleNamespace(get=lambda _: None))
    monkeypatch.setattr(deployment_checks, "open_store", lambda: made.store)
    monkeypatch.setattr(deployment_checks, "open_exchange", lambda _: made.exchange)
    monkeypatch.setattr(deployment_checks, "MOUNTS", tmp_path / "mounts")
    (tmp_path / "mounts").write_text("/dev/sda1 / ext4 rw 0 0\n")
    return made


def missing(caplog, applied=CREATED):
    """What check_deployment ends with: its lines, without the word before each."""
    caplog.clear()
    with (
        caplog.at_level(logging.INFO),
        pytest.raises((AirflowFailException, RetryableError)) as caught,
    ):
        initialize_store.check_deployment(applied)
    lines = [
        record.getMessage().removeprefix("missing: ")
        for record in caplog.records
        if record.levelno == logging.ERROR and record.exc_info is None
    ]
    assert str(caught.value).startswith(f"{len(lines)} of ")
    assert all(line.isprintable() for line in lines)
    return lines


def test_finds_a_deployment_complete_without_a_pool_and_without_variables(world):
    found = initialize_store.check_deployment(CREATED)

    assert [line for line in found if "not known" in line] == []
    assert f"symbols: {', '.join(SYMBOLS.split(','))}, as the Airflow Variable" in "\n".join(found)
    assert "pool: default_pool, which every Airflow has" in found
    assert f"storage: this worker writes and reads {world.folder}" in found


def test_leaves_nothing_of_its_own(world, tmp_path):
    initialize_store.check_deployment(CREATED)

    assert [*world.folder.iterdir()] == []
    assert sorted(file.name for file in tmp_path.iterdir()) == ["data", "mounts"]


@pytest.mark.usefixtures("world")
def test_names_every_part_that_is_missing_at_once(monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW_CONN_BINANCE_DEFAULT", "https://example.com")
    monkeypatch.delenv("AIRFLOW_CONN_MART")
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", "data")

    lines = missing(caplog)

    assert [line.partition(":")[0] for line in lines] == [
        "connection binance_default",
        "connection mart",
        "storage",
    ]
    assert "set the connection 'binance_default' to https://" in lines[0]
    assert "AIRFLOW_CONN_MART=postgresql://" in lines[1]
    assert "set it to the absolute path of a folder" in lines[2]


@pytest.mark.parametrize(
    ("variable", "written", "told"),
    [
        ("AIRFLOW_CONN_CASSANDRA_DEFAULT", "{}", "must name either hosts"),
        ("AIRFLOW_CONN_CASSANDRA_DEFAULT", "cassandra://db:70000", "Airflow cannot read it; write"),
        ("AIRFLOW_CONN_CASSANDRA_SCHEMA", '{"host": "a:1,b:2"}', "names the ports 1, 2"),
        ("AIRFLOW_CONN_MART", "sqlite:///mart.db", "which is not an absolute path"),
        ("AIRFLOW_CONN_MART", "http://db", "is of the type 'http'"),
        ("AIRFLOW_VAR_SYMBOLS", "BTCUSDT,NOSUCH", "'NOSUCH' is not listed by the exchange"),
        ("AIRFLOW_VAR_SYMBOLS", ",", "names no symbol"),
        ("AIRFLOW_VAR_SIMULATOR_HOST", "a,b", "set it to one host"),
        ("AIRFLOW_VAR_STORAGE_URL", "nosuch://bucket", "cannot be reached"),
    ],
)
@pytest.mark.usefixtures("world")
def test_says_in_a_line_what_to_do_about(monkeypatch, caplog, variable, written, told):
    monkeypatch.setenv(variable, written)

    (line,) = missing(caplog)

    assert told in line


def test_says_that_cassandra_does_not_answer_and_asks_nothing_that_needs_it(
    world, monkeypatch, caplog
):
    """That the tables could not be made follows from it, and is no line of its own."""

    def silent(_settings):
        raise StoreSilentError("Cassandra at db:9042 did not answer for 20 s; check that it runs")

    monkeypatch.setattr(deployment_checks, "SESSIONS", SimpleNamespace(get=silent))
    world.exchange.error = AssertionError("was asked")

    assert missing(caplog, applied=None) == [
        "Cassandra: Cassandra at db:9042 did not answer for 20 s; check that it runs"
    ]
    assert "exchange: not known: it needs tables first" in caplog.text


def test_says_that_the_exchange_does_not_answer_and_may_be_asked_again(world, caplog):
    world.exchange.error = RetryableError("the exchange at https://x does not answer")

    with pytest.raises(RetryableError, match="1 of "):
        initialize_store.check_deployment(CREATED)
    assert missing(caplog) == ["exchange: the exchange at https://x does not answer"]


@pytest.mark.usefixtures("world")
def test_says_that_the_tables_could_not_be_made(caplog):
    """The role may lack a permission that nothing else needs; the exchange's budget is a table."""
    (line,) = missing(caplog, applied=None)

    assert line.startswith("tables: create_tables has failed: its log says why")


@pytest.mark.usefixtures("world")
def test_says_that_a_package_is_of_another_version(monkeypatch, caplog):
    monkeypatch.setattr(deployment_checks, "version", lambda _: "0.0.1")

    (line,) = missing(caplog)

    assert "pandas is 0.0.1 and not 2.1.4" in line
    assert "build the image anew" in line


def test_says_that_storage_cannot_be_written(world, caplog):
    world.folder.write_text("a file, where a folder should be")

    (line,) = missing(caplog)

    assert line.startswith(f"storage: a file below {world.folder} cannot be written")
    assert "set the Airflow Variable 'storage_url' to another folder" in line


@pytest.mark.usefixtures("world")
def test_says_that_the_mart_is_no_database(caplog, tmp_path):
    (tmp_path / "mart.db").write_text("not a database, but long enough to look at" * 100)

    (line,) = missing(caplog)

    assert line.startswith("mart: the mart behind the Airflow connection 'mart' is unavailable")


@pytest.mark.usefixtures("world")
def test_says_that_the_mart_may_not_be_written(monkeypatch, caplog):
    """Root, as which tests may run, may write everywhere."""
    monkeypatch.setattr("os.access", lambda *_: False)

    (line,) = missing(caplog)

    assert line.startswith("mart: this worker may not write")


@pytest.mark.usefixtures("world")
def test_reads_and_writes_a_mart_that_is_there(tmp_path):
    with closing(sqlite3.connect(tmp_path / "mart.db")) as database:
        database.execute("CREATE TABLE minute (symbol TEXT)")

    found = initialize_store.check_deployment(CREATED)

    assert f"mart: can be read and written at {tmp_path / 'mart.db'}" in found


@pytest.fixture
def pools(monkeypatch, tmp_path):
    """Airflow's metadata, which a task may look pools up in."""
    url = f"sqlite:///{tmp_path / 'airflow.db'}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE slot_pool (pool TEXT, slots INTEGER)"))
        connection.execute(text("INSERT INTO slot_pool VALUES ('default_pool', 128), ('own', 7)"))
    engine.dispose()
    monkeypatch.setattr(metadata, "metadata_url", lambda: url)


@pytest.mark.usefixtures("world", "pools")
def test_finds_a_pool_of_its_own(monkeypatch):
    monkeypatch.setattr(deployment_checks, "FETCH_POOL", "own")

    assert "pool: own with 7 slots" in initialize_store.check_deployment(CREATED)


@pytest.mark.usefixtures("world", "pools")
def test_says_that_a_pool_of_its_own_does_not_exist(monkeypatch, caplog):
    monkeypatch.setattr(deployment_checks, "FETCH_POOL", "binance")

    (line,) = missing(caplog)

    assert line.startswith("pool: there is no pool 'binance', so no fetch would ever start")


@pytest.mark.usefixtures("world")
def test_does_not_know_a_pool_of_its_own_without_a_way_to_the_metadata(monkeypatch):
    monkeypatch.setattr(deployment_checks, "FETCH_POOL", "binance")

    found = initialize_store.check_deployment(CREATED)

    assert [line for line in found if line.startswith("pool: not known: see that Admin > Pools")]


@pytest.mark.usefixtures("world")
def test_does_not_know_what_the_api_server_sees_of_a_workers_own_disk(monkeypatch, tmp_path):
    (tmp_path / "mounts").write_text("overlay / overlay rw 0 0\n")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")

    found = initialize_store.check_deployment(CREATED)

    assert [line.partition(":")[0] for line in found if "this container's own layer" in line] == [
        "storage as the API server sees it",
        "mart as the API server sees it",
    ]


def test_checks_after_the_tables_whatever_became_of_them(dag_bag):
    dag = dag_bag.dags["initialize_store"]
    check = dag.task_dict["check_deployment"]

    assert check.upstream_task_ids == {"create_tables"}
    assert check.trigger_rule == "all_done"
    assert [task.task_id for task in dag.leaves] == ["check_deployment"]


def test_no_dag_needs_a_pool_that_somebody_has_to_create(dag_bag):
    """A task whose pool does not exist is never started, and no message says so."""
    pools = {task.pool for dag in dag_bag.dags.values() for task in dag.tasks}

    assert pools == {"default_pool"} == {defaults.FETCH_POOL}


def test_no_code_needs_a_variable_that_somebody_has_to_set():
    """Without a default, Airflow raises an error where a Variable is not set."""
    asked = [
        (file.name, call)
        for folder in ("dags", "include", "plugins")
        for file in sorted((PROJECT / folder).rglob("*.py"))
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Variable.get"
    ]

    assert len(asked) >= 10
    bare = [
        (name, ast.unparse(call))
        for name, call in asked
        if "default" not in {keyword.arg for keyword in call.keywords}
    ]
    assert bare == []


@pytest.mark.usefixtures("world")
def test_says_that_the_pipelines_role_may_not_read_the_tables(monkeypatch, caplog):
    def denied():
        raise SettingsError("Cassandra at db:9042 denies the role 'me' permission; grant it")

    monkeypatch.setattr(deployment_checks, "open_store", denied)

    assert missing(caplog) == [
        "tables: Cassandra at db:9042 denies the role 'me' permission; grant it"
    ]


@pytest.mark.usefixtures("world")
def test_a_wrong_setting_is_no_reason_to_ask_again(monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_SYMBOLS", "NOSUCH")

    with pytest.raises(AirflowFailException, match="1 of 14 parts"):
        initialize_store.check_deployment(CREATED)
