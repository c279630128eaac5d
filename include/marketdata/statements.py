"""Running the statements of include/sql/queries: prepared once, repeated while failures pass."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cassandra.cluster import PreparedStatement, Session
from cassandra.concurrent import execute_concurrent, execute_concurrent_with_args
from cassandra.query import BatchStatement, BatchType

from include.marketdata.session import CassandraSettings, repeat_while_passing

QUERY_FOLDER = Path(__file__).resolve().parents[1] / "sql" / "queries"
# A stock server warns at 5 KiB a batch and refuses 50 KiB; fifty of our rows are about 8 KiB.
ROWS_PER_BATCH = 50
REQUESTS_IN_FLIGHT = 8

Row = dict[str, Any]


class Statements:
    """The named statements over one session."""

    def __init__(self, settings: CassandraSettings, session: Session) -> None:
        self._settings = settings
        self._session = session
        self._prepared: dict[str, PreparedStatement] = {}

    def run(self, name: str, values: Sequence[object]) -> list[Row]:
        """Run one statement and return all its rows."""
        return repeat_while_passing(
            self._settings, lambda: list(self._session.execute(self._prepare(name), values))
        )

    def run_all(self, name: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement for each row of values, some at a time, until all are in."""
        if rows:
            repeat_while_passing(
                self._settings,
                lambda: execute_concurrent_with_args(
                    self._session, self._prepare(name), rows, concurrency=REQUESTS_IN_FLIGHT
                ),
            )

    def write(self, name: str, rows: Iterable[tuple[object, Sequence[object]]]) -> None:
        """Insert rows in batches of one partition each, several at a time, until all are in.

        Args:
            name: An idempotent insert.
            rows: Partition and values of each row; rows of one partition go together.
        """
        partitions: dict[object, list[Sequence[object]]] = defaultdict(list)
        for partition, values in rows:
            partitions[partition].append(values)

        def write_once() -> None:
            insert = self._prepare(name)
            batches = []
            for values in partitions.values():
                for start in range(0, len(values), ROWS_PER_BATCH):
                    batch = BatchStatement(BatchType.UNLOGGED)
                    for row in values[start : start + ROWS_PER_BATCH]:
                        batch.add(insert, row)
                    batches.append((batch, ()))
            execute_concurrent(self._session, batches, concurrency=REQUESTS_IN_FLIGHT)

        if partitions:
            repeat_while_passing(self._settings, write_once)

    def _prepare(self, name: str) -> PreparedStatement:
        if name not in self._prepared:
            text = (QUERY_FOLDER / f"{name}.cql").read_text(encoding="utf-8")
            statement = self._session.prepare(qualified(text, self._settings.keyspace))
            statement.is_idempotent = True
            self._prepared[name] = statement
        return self._prepared[name]


def qualified(text: str, keyspace: str) -> str:
    """Return a statement whose table stands with its keyspace.

    A statement prepared for a keyspace by other means makes the server warn with each one.
    """
    return re.sub(r"\b(FROM|INTO|UPDATE) (?=[a-z])", rf"\1 {keyspace}.", text)
