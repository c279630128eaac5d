"""Load rows in single-partition batches, several at a time, until all are acknowledged."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from cassandra.concurrent import execute_concurrent
from cassandra.protocol import OverloadedErrorMessage
from cassandra.query import UNSET_VALUE, BatchStatement, BatchType, BoundStatement

from include.records.errors import PartlyStoredError, RetryableError
from include.store.failures import is_passing, repeat_while_passing
from include.store.statements import Statements, Values

# A stock server warns at 5 KiB a batch and refuses 50 KiB; the sixty prices of a minute are about
# 10 KiB.
ROWS_PER_BATCH = 60
BYTES_PER_BATCH = 32 * 1024
# More requests do not make a server faster, and fill its queues.
REQUESTS_IN_FLIGHT = 8
BATCHES_PER_ROUND = 128
# Number of values shown of a row that may not be stored: its key, in every table loaded here.
NAMED_VALUES = 3

Answers = Future[list[tuple[bool, Any]]]


@dataclass(eq=False)
class PartitionBatch:
    """Rows of one partition that are written together or not at all.

    Attributes:
        inserts: One for each row.
        rows: Their places among the rows to load.
        size_bytes: Of their values.
    """

    inserts: list[BoundStatement] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    size_bytes: int = 0

    def has_room(self, size_bytes: int) -> bool:
        """Tell whether a server accepts one more row in the batch; the first one always fits."""
        is_short = len(self.rows) < ROWS_PER_BATCH
        return not self.rows or (is_short and self.size_bytes + size_bytes <= BYTES_PER_BATCH)

    def statement(self) -> BatchStatement | BoundStatement:
        """Return the statement to send; a single row may be larger than a batch."""
        if len(self.inserts) == 1:
            return self.inserts[0]
        batch = BatchStatement(BatchType.UNLOGGED)
        for insert in self.inserts:
            batch.add(insert)
        return batch


class Pace:
    """How many requests may be in flight at once.

    It is halved when a server reports overload, and grows by one after each round without.
    """

    def __init__(self, most: int = REQUESTS_IN_FLIGHT) -> None:
        self._most = most
        self.in_flight = most

    def note(self, failures: Iterable[Exception]) -> None:
        """Adjust to a round's failures; there are none when all requests succeeded."""
        if any(isinstance(failure, OverloadedErrorMessage) for failure in failures):
            self.in_flight = max(1, self.in_flight // 2)
        else:
            self.in_flight = min(self._most, self.in_flight + 1)


def load(statements: Statements, name: str, rows: Iterable[tuple[object, Values]]) -> None:
    """Insert rows until every one is acknowledged, retrying transient failures.

    While one round of batches is in flight, the next one is prepared.

    Args:
        statements: Over the keyspace.
        name: An idempotent insert.
        rows: Partition and values of each row, in any order.

    Raises:
        UnstorableValueError: A value does not fit its column; other rows may be stored.
        PartlyStoredError: Cassandra did not answer within the patience; it lists missing rows.
        SettingsError: Cassandra refuses the login, the role or the tables.
    """
    partitions: dict[object, list[Values]] = defaultdict(list)
    for partition, values in rows:
        partitions[partition].append(values)
    if partitions:
        with ThreadPoolExecutor(1) as sender:
            _Load(statements, name, list(partitions.values()), sender).run()


class _Load:
    def __init__(
        self,
        statements: Statements,
        name: str,
        partitions: list[list[Values]],
        sender: ThreadPoolExecutor,
    ) -> None:
        self._statements = statements
        self._name = name
        self._partitions = partitions
        self._sender = sender
        self._pace = Pace()
        self._stored: set[int] = set()

    def run(self) -> None:
        batches = self._batches()
        sent: list[PartitionBatch] = []
        answers: Answers | None = None
        try:
            while True:
                ready = list(itertools.islice(batches, BATCHES_PER_ROUND))
                if answers is not None:
                    self._finish(sent, answers)
                if not ready:
                    return
                sent, answers = ready, self._send(ready)
        except RetryableError as error:
            raise self._partly_stored(error) from error

    def _batches(self) -> Iterator[PartitionBatch]:
        """Bind the rows, as many to a batch as a server accepts."""
        number, insert = itertools.count(), self._statements.prepared(self._name)
        for rows in self._partitions:
            batch = PartitionBatch()
            for values in rows:
                bound = insert.bind(values, UNSET_VALUE)
                size_bytes = sum(len(value) for value in bound.values if isinstance(value, bytes))
                if not batch.has_room(size_bytes):
                    yield batch
                    batch = PartitionBatch()
                batch.inserts.append(bound)
                batch.rows.append(next(number))
                batch.size_bytes += size_bytes
            yield batch

    def _send(self, batches: Sequence[PartitionBatch]) -> Answers:
        # The driver's own asynchronous variant waits for the answers, and breaks when all fail.
        return self._sender.submit(
            execute_concurrent,
            self._statements.session,
            [(batch.statement(), ()) for batch in batches],
            concurrency=self._pace.in_flight,
            raise_on_first_error=False,
        )

    def _finish(self, batches: Sequence[PartitionBatch], answers: Answers) -> None:
        """Wait for a round's answers; resend unacknowledged batches until all are stored."""
        failed = self._settle(batches, answers)

        def send_again() -> None:
            nonlocal failed
            failed = self._settle(list(failed), self._send(list(failed)))
            if failed:
                # A permanent failure ends the load; the others would be retried.
                raise min(failed.values(), key=is_passing)

        if failed:
            repeat_while_passing(self._statements.settings, send_again)

    def _settle(
        self, batches: Sequence[PartitionBatch], answers: Answers
    ) -> dict[PartitionBatch, Exception]:
        """Record which rows are stored; return the failed batches and their errors."""
        failed = {}
        for batch, (is_stored, outcome) in zip(batches, answers.result(), strict=True):
            if is_stored:
                self._stored.update(batch.rows)
            else:
                failed[batch] = outcome
        self._pace.note(failed.values())
        return failed

    def _partly_stored(self, error: RetryableError) -> PartlyStoredError:
        rows = [values for rows in self._partitions for values in rows]
        missing = tuple(tuple(row) for at, row in enumerate(rows) if at not in self._stored)
        first, last = missing[0][:NAMED_VALUES], missing[-1][:NAMED_VALUES]
        return PartlyStoredError(
            f"{error}; {len(self._stored)} of {len(rows)} rows of {self._name} are stored; the "
            f"others, from {first} to {last}, may be missing: load them again",
            stored_count=len(self._stored),
            missing=missing,
        )
