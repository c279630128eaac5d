"""A session of Airflow's metadata that lets others work: it rests, and stops in time."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from airflow.utils.db_cleanup import CreateTableAs
from sqlalchemy import CursorResult, Delete, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

# How long to rest after a transaction, as a share of the time it took, and the longest rest: what
# a minute asks of the database comes between.
REST_SHARE = 1.0
LONGEST_REST_SECONDS = 2.0
SAY_EVERY_SECONDS = 60.0
LONGEST_REASON = 300

log = logging.getLogger(__name__)


class TimeIsUpError(Exception):
    """The time is up: what has been removed is committed, the rest is for the next run."""


class RestingSession(Session):
    """A session that rests after each transaction, counts what it removes, and stops in time.

    Args:
        engine: Of the metadata.
        removed: Counts the rows removed, by table.
        is_time_up: Asked after each transaction.
        rest: Sleeps for so many seconds.

    Attributes:
        archives: The tables that batches were copied to, whether or not they are dropped.
        problem: What the database refused last; empty if nothing.
    """

    def __init__(
        self,
        engine: Engine,
        removed: Counter[str],
        is_time_up: Callable[[], bool],
        rest: Callable[[float], None],
    ) -> None:
        super().__init__(engine)
        self._removed = removed
        self._is_time_up = is_time_up
        self._rest = rest
        self._since = self._said_at = time.monotonic()
        self.archives: set[str] = set()
        self.problem = ""

    def execute(self, statement: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """Run a statement, and note what it removes or creates."""
        try:
            result = super().execute(statement, *arguments, **options)
        except SQLAlchemyError as error:
            # Airflow names only the table.
            self.problem = one_line(error)
            raise
        if isinstance(statement, Delete) and isinstance(result, CursorResult):
            self._removed[str(statement.table)] += result.rowcount
        elif isinstance(statement, CreateTableAs):
            self.archives.add(statement.name)
        return result

    def commit(self) -> None:
        """Commit, then rest.

        Raises:
            TimeIsUpError: The time is up; this transaction is committed.
        """
        super().commit()
        if self._is_time_up():
            raise TimeIsUpError
        took = time.monotonic() - self._since
        self._rest(min(took * REST_SHARE, LONGEST_REST_SECONDS))
        self._since = time.monotonic()
        if self._since > self._said_at + SAY_EVERY_SECONDS:
            log.info("removed so far: %s", describe(self._removed) or "nothing")
            self._said_at = self._since


def describe(counts: Mapping[str, int]) -> str:
    """Return counts of rows as words, the largest first; tables without any are left out."""
    listed = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{name} {count:,}" for name, count in listed if count)


def one_line(error: BaseException) -> str:
    """Return what an error says in one line, cut where it is long."""
    return " ".join(str(error).split())[:LONGEST_REASON]
