"""Where an SQLite mart lies; it never becomes a file wherever the process was started."""

import importlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from airflow.sdk import Connection

from include.mart.place import mart_file
from include.records.errors import SettingsError

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def connection(monkeypatch):
    """Set the connection `mart` as a deployment does, in the environment."""

    def set_connection(**fields):
        monkeypatch.setenv("AIRFLOW_CONN_MART", json.dumps({"conn_type": "sqlite"} | fields))
        return Connection.get("mart")

    return set_connection


@pytest.fixture
def create_tables(monkeypatch, tmp_path):
    """The first step of the mart, in an empty working directory."""
    from include.mart import creation  # noqa: PLC0415 - imports pandas, as only tasks do

    monkeypatch.chdir(tmp_path)
    importlib.import_module("astro.databases")._get_conn.cache_clear()  # noqa: SLF001
    yield creation.create_tables
    importlib.import_module("astro.databases")._get_conn.cache_clear()  # noqa: SLF001


def test_takes_an_absolute_path(connection):
    assert mart_file(connection(host="/srv/mart.db")) == Path("/srv/mart.db")


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_lies_in_the_folder_of_the_files_where_no_host_is_named(connection, monkeypatch, scheme):
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", f"{scheme}/srv/prices/")

    assert mart_file(connection()) == Path("/srv/prices/mart.db")


def test_lies_in_the_project_where_nothing_is_said(connection, monkeypatch, tmp_path):
    """The file of `astro dev start` and of standalone, wherever the process was started."""
    monkeypatch.chdir(tmp_path)

    assert mart_file(connection(host=None)) == PROJECT / "data" / "mart.db"


def test_is_none_on_a_server(connection):
    assert mart_file(connection(conn_type="postgres", host="127.0.0.1")) is None


def test_takes_what_version_0_1_0_shipped_for_the_file_that_it_was(
    connection, monkeypatch, tmp_path
):
    """Its tasks ran in the project's folder; where this process was started does not count."""
    monkeypatch.chdir(tmp_path)

    assert mart_file(connection(host="data/mart.db")) == PROJECT / "data" / "mart.db"


HOSTS = ("data/other.db", "mart.db", "./mart.db", "127.0.0.1", "db.example.com", ":memory:", "None")


@pytest.mark.parametrize("host", HOSTS)
def test_refuses_a_host_that_is_no_absolute_path_and_makes_no_file(
    connection, create_tables, tmp_path, host
):
    connection(host=host)

    with pytest.raises(
        SettingsError, match="not an absolute path in its host; give it the absolute"
    ):
        create_tables()

    assert list(tmp_path.iterdir()) == []


def test_refuses_a_file_that_an_address_names_as_a_schema(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_MART", "sqlite:///srv/mart.db")

    with pytest.raises(SettingsError, match="not an absolute path in its host"):
        mart_file(Connection.get("mart"))


def test_refuses_to_lie_in_an_object_store(connection, monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", "memory://prices")

    with pytest.raises(SettingsError, match="memory://prices', and SQLite needs a local folder"):
        mart_file(connection())


def test_makes_its_tables_in_the_folder_of_the_files(
    connection, create_tables, monkeypatch, tmp_path
):
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", str(tmp_path / "data"))
    connection()

    create_tables()

    assert [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*")] == [
        "data",
        "data/mart.db",
    ]
    with closing(sqlite3.connect(tmp_path / "data" / "mart.db")) as held:
        names = held.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert ("minute",) in names


def test_makes_its_tables_in_the_file_of_a_uri(create_tables, monkeypatch, tmp_path):
    """Airflow reads its path as a schema, which the SDK never takes for a file."""
    monkeypatch.setenv("AIRFLOW_CONN_MART", f"sqlite:///{tmp_path}/folder/mart.db")

    create_tables()

    with closing(sqlite3.connect(tmp_path / "folder" / "mart.db")) as held:
        names = held.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert ("minute",) in names


def test_makes_no_file_of_a_servers_name_where_the_connection_has_changed(
    connection, create_tables, tmp_path
):
    """The SDK remembers what kind of database it was: 127.0.0.1 was once a file of that name."""
    connection(host=str(tmp_path / "folder" / "mart.db"))
    create_tables()
    connection(conn_type="postgres", host="127.0.0.1")

    with pytest.raises(SettingsError, match="restart the process"):
        create_tables()

    assert [file.name for file in tmp_path.iterdir()] == ["folder"]
