"""The databases that the connection `mart` may lead to, read back past the code under test."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg2
from psycopg2.extras import RealDictCursor

from include.mart.tables import KEYS


class _Mart:
    """What a test asks of either database."""

    def row(self, query):
        (only,) = self.rows(query)
        return only

    def table(self, name):
        """Return a kept table whole, by its key."""
        return self.rows(f"SELECT * FROM {name} ORDER BY {', '.join(KEYS[name])}")  # noqa: S608 - our names

    def everything(self):
        """Return all that a mart keeps, by table."""
        return {name: self.table(name) for name in KEYS}


class SqliteMart(_Mart):
    """A mart in an SQLite file, whose folder may not be there yet."""

    def __init__(self, file):
        self.file = Path(file)
        self.connection = json.dumps({"conn_type": "sqlite", "host": str(file)})

    def rows(self, query):
        with closing(sqlite3.connect(self.file)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]

    def run(self, statement):
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute(statement)


class PostgresMart(_Mart):
    """A mart in the schema of a Postgres server.

    Args:
        port: Of the server, on the loopback address.
        password: Of the user `airflow`.
    """

    SCHEMA = "prices"

    def __init__(self, port, password):
        self._address = {"host": "127.0.0.1", "port": port, "user": "airflow"}
        self._address |= {"password": password, "dbname": "postgres"}
        self.connection = json.dumps(
            {
                "conn_type": "postgres",
                "host": "127.0.0.1",
                "port": port,
                "login": "airflow",
                "password": password,
                "schema": "postgres",
            }
        )

    def rows(self, query):
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return [dict(row) for row in cursor]

    def run(self, statement):
        with closing(self.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def empty(self):
        """Drop the mart, or fail when somebody still holds a part of it."""
        self.run(f"SET lock_timeout = '5s'; DROP SCHEMA IF EXISTS {self.SCHEMA} CASCADE")

    def connect(self):
        return psycopg2.connect(
            **self._address,
            options=f"-csearch_path={self.SCHEMA}",
            cursor_factory=RealDictCursor,
        )
