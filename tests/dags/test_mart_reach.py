"""Whether the mart answers."""

import json
import sqlite3
from contextlib import closing

import psycopg2
import pytest
from airflow.sdk import Connection

from include.mart import reach
from include.mart.reach import ask_mart
from include.records.errors import RetryableError, SettingsError


@pytest.fixture
def mart(monkeypatch, tmp_path):
    """The file of a mart that no report has written yet."""
    file = tmp_path / "mart.db"
    monkeypatch.setenv("AIRFLOW_CONN_MART", json.dumps({"conn_type": "sqlite", "host": str(file)}))
    return file


def test_is_content_with_a_mart_that_is_not_written_yet(mart):
    ask_mart()

    assert not mart.exists()


def test_reads_a_mart(mart):
    with closing(sqlite3.connect(mart)) as database:
        database.execute("CREATE TABLE minute (symbol TEXT)")

    ask_mart()


def test_says_that_it_is_no_database(mart):
    mart.write_text("not a database, but long enough to look at" * 100)

    with pytest.raises(RetryableError, match="is unavailable"):
        ask_mart()


def test_says_that_it_is_locked(mart, monkeypatch):
    monkeypatch.setattr(reach, "PATIENCE_SECONDS", 0)
    with closing(sqlite3.connect(mart)) as database:
        database.execute("CREATE TABLE minute (symbol TEXT)")
        database.execute("BEGIN EXCLUSIVE")

        with pytest.raises(RetryableError, match="locked"):
            ask_mart()


def test_says_that_its_connection_is_wrong(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_MART", json.dumps({"conn_type": "sqlite", "host": "mart.db"}))

    with pytest.raises(SettingsError):
        ask_mart()


@pytest.mark.parametrize("error", [None, psycopg2.OperationalError("connection refused")])
def test_asks_a_database_server(monkeypatch, error):
    asked = []

    class Server:
        conn_type = "postgres"
        host = "db"
        schema = "analytics"

        def get_hook(self):
            return self

        def get_first(self, sql):
            asked.append(sql)
            if error:
                raise error

    monkeypatch.setattr(Connection, "get", lambda _: Server())

    if error:
        with pytest.raises(RetryableError, match="connection refused"):
            ask_mart()
    else:
        ask_mart()
    assert asked == ["SELECT 1"]
