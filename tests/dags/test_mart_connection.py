"""The mart's connection is asked for once in a task, and anew by the next."""

from airflow.sdk import Connection

from include.mart.connection import kept_connection, mart_connection


def test_asks_once_in_a_block_and_again_after_it(monkeypatch):
    asked = []

    def get(conn_id):
        asked.append(conn_id)
        return Connection(conn_id=conn_id, conn_type="sqlite")

    monkeypatch.setattr(Connection, "get", get)

    with kept_connection():
        assert mart_connection() is mart_connection()
    assert asked == ["mart"]

    mart_connection()
    mart_connection()
    assert asked == ["mart"] * 3
