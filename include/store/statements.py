"""Run the statements of include/sql/queries: prepared once, retried on transient failures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cassandra.cluster import ResponseFuture, ResultSet, Session
from cassandra.query import UNSET_VALUE, BatchStatement, BatchType, BoundStatement

from include.store.decoding import Page
from include.store.encoding import Binder
from include.store.failures import repeat_while_passing
from include.store.session import PAGES, SESSIONS
from include.store.settings import CassandraSettings

QUERY_FOLDER = Path(__file__).resolve().parents[1] / "sql" / "queries"

Row = dict[str, Any]
Values = Sequence[object]


class Statements:
    """The named statements over this process's session; usable on both sides of a fork.

    Args:
        settings: Of the cluster and the keyspace.
        texts: Statements by name that are made at run time, in addition to the files.
    """

    def __init__(self, settings: CassandraSettings, texts: Mapping[str, str] | None = None) -> None:
        self.settings = settings
        self._texts = texts or {}
        self._prepared_by: Session | None = None
        self._prepared: dict[str, Binder] = {}

    @property
    def session(self) -> Session:
        """This process's session, opened on first use."""
        return SESSIONS.get(self.settings)

    def run(self, name: str, values: Values) -> list[Row]:
        """Run one statement and return all its rows."""
        return repeat_while_passing(
            self.settings, lambda: list(self.session.execute(self.bound(name, values)))
        )

    def run_together(self, name: str, rows: Sequence[Values]) -> list[Row]:
        """Run a conditional insert for rows of one partition: all are applied or none.

        Returns:
            One row that says that it was applied, or the conflicting rows.
        """

        def run_once() -> list[Row]:
            batch = BatchStatement(BatchType.UNLOGGED)
            for values in rows:
                batch.add(self.prepared(name).bind(values, UNSET_VALUE))
            return list(self.session.execute(batch))

        return repeat_while_passing(self.settings, run_once)

    def pages(self, name: str, values: Values) -> Iterator[Page]:
        """Run one statement and yield its pages, prefetching the next while one is read.

        At most two pages are held at a time.
        """
        state: bytes | None = None
        asked = self._ask(name, values, state)
        while True:
            answer = self._answer(asked, name, values, state)
            (page,) = answer.current_rows
            state = answer.paging_state
            if state is None:
                yield page
                return
            asked = self._ask(name, values, state)
            yield page

    def bound(self, name: str, values: Values) -> BoundStatement:
        """Return a named statement with its values.

        Raises:
            UnstorableValueError: A value does not fit its column.
        """
        return self.prepared(name).bind(values)

    def prepared(self, name: str) -> Binder:
        """Return a named statement, prepared once per session, to bind values to."""
        session = self.session
        if session is not self._prepared_by:
            self._prepared_by, self._prepared = session, {}
        if name not in self._prepared:
            text = self._texts.get(name) or (QUERY_FOLDER / f"{name}.cql").read_text("utf-8")
            statement = repeat_while_passing(
                self.settings,
                lambda: session.prepare(qualified(text, self.settings.keyspace)),
            )
            statement.is_idempotent = True
            self._prepared[name] = Binder(statement)
        return self._prepared[name]

    def _ask(self, name: str, values: Values, state: bytes | None) -> ResponseFuture:
        statement = self.bound(name, values)
        return self.session.execute_async(statement, execution_profile=PAGES, paging_state=state)

    def _answer(
        self, asked: ResponseFuture, name: str, values: Values, state: bytes | None
    ) -> ResultSet:
        """Wait for a response; on transient failures ask again from the same page."""
        futures = [asked]

        def wait() -> ResultSet:
            future = futures.pop() if futures else self._ask(name, values, state)
            return future.result()

        return repeat_while_passing(self.settings, wait)


def qualified(text: str, keyspace: str) -> str:
    """Return a statement with its table qualified by the keyspace.

    If the keyspace is set in any other way, the server warns about every prepared statement.
    """
    return re.sub(
        r"\b(FROM|INTO|UPDATE|TABLE IF NOT EXISTS|ALTER TABLE) (?=[a-z_]+\b(?!\.))",
        rf"\1 {keyspace}.",
        text,
    )
