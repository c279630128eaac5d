"""A real Cassandra server on a loopback address, from its jars."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from dev.cassandra_server.config import (
    CassandraSetup,
    Member,
    java,
    java_command,
    write_configuration,
)
from dev.cassandra_server.jars import cassandra_jars
from dev.cassandra_server.readiness import accepts_login, answers
from dev.cassandra_server.security import DEFAULT_PASSWORD, SUPERUSER, Security
from dev.machine.errors import SetupError
from dev.machine.ports import LOOPBACK, any_free_port, is_free
from dev.machine.processes import Processes, Record

__all__ = ["NAME", "CassandraServer", "answers"]

NAME = "cassandra"
# As in dev/stack/airflow.py, a last resort.
START_TIMEOUT_SECONDS = 600.0
# JAVA_HOME itself is often set for other programs, to a Java that Cassandra cannot run on.
JAVA_HOME_VARIABLE = "CASSANDRA_JAVA_HOME"


class CassandraServer:
    """One Cassandra node, kept in one folder; its data outlives it.

    As a context manager it runs inside the block. A server that another process started in
    the same folder is found by its record: `start` then reuses it, `stop` stops it.

    Args:
        home: The folder for its data and configuration.
        port: Native protocol port; any free one when None.
        storage_port: The port for other nodes; any free one when None.
        fast: For tests: starts sooner, writes slower.
        log_folder: Where its log goes; the home when None.
        heap: Java's heap, like `512m`; small when None.
        security: TLS and passwords; None to accept any client. Give it on every start of a home.
        member: Its place in a cluster; None for a node of its own. Give it on every start.

    Attributes:
        name: Of its process: `cassandra`, or a member's own.
        host: Where it listens.
        port: Native protocol port.
        security: TLS and passwords; None if any client may connect.
    """

    def __init__(  # noqa: PLR0913 - each is a choice that some caller makes alone
        self,
        home: Path,
        port: int | None = None,
        *,
        storage_port: int | None = None,
        fast: bool = False,
        log_folder: Path | None = None,
        heap: str | None = None,
        security: Security | None = None,
        member: Member | None = None,
    ) -> None:
        self.home = home.absolute()
        self._processes = Processes(self.home / "run", (log_folder or self.home).absolute())
        record = self.record()
        self.port = port or (record and record.port) or any_free_port()
        self._storage_port = storage_port or any_free_port()
        self._fast = fast
        self._heap = heap
        self.security = security
        self._member = member
        self.name = member.name if member else NAME
        self.host = member.host if member else LOOPBACK

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def nodes(self) -> Sequence[Self]:
        """Itself, as of a cluster all nodes."""
        return [self]

    def record(self) -> Record | None:
        """Return the record of the running server; None without one."""
        return next((record for record in self._processes.records() if record.is_running()), None)

    def start(self) -> None:
        """Start the server and wait until clients can use it; a running one is left as it is.

        Raises:
            SetupError: A port is taken, or jars or Java are not available.
            StartError: It died, or did not answer in time.
        """
        if (record := self.record()) is None:
            self._spawn()
        elif record.port != self.port:
            raise SetupError(f"Cassandra of {self.home} is already running on port {record.port}")
        self._processes.wait_until(self.answers, self.name, START_TIMEOUT_SECONDS)

    def answers(self) -> bool:
        """Tell whether clients can use it: with passwords, whether the superuser can log in.

        A new server creates its superuser a little after it first answers.
        """
        if self.security is None:
            return answers(self.port, host=self.host)
        tls = self.security.probe_context()
        return answers(self.port, tls) and any(
            accepts_login(self.port, SUPERUSER, password, tls)
            for password in dict.fromkeys((self.security.superuser_password, DEFAULT_PASSWORD))
        )

    def dead(self) -> dict[str, str]:
        """Return how the server died, by its name, with the end of its log; {} if it did not."""
        return self._processes.dead()

    def check(self) -> None:
        """Raise StartError, with the end of its log, if the server is dead."""
        self._processes.check()

    def stop(self) -> list[str]:
        """Stop the server gracefully; return its name if it was running."""
        return self._processes.stop(grace_seconds=30)

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._processes.send(self.name, number)

    def refuse(self) -> None:
        """Make a start that is in progress in another thread fail."""
        self._processes.refuse()

    def wipe(self) -> None:
        """Stop the server and delete its folder, with all data."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def _spawn(self) -> None:
        # Otherwise another program's server could be mistaken for ours.
        for port in (self.port, self._storage_port):
            if not is_free(port, self.host):
                raise SetupError(
                    f"port {port} of {self.host} is taken: Cassandra cannot start there"
                )
        setup = CassandraSetup(
            self.home,
            self.port,
            self._storage_port,
            self._fast,
            self._heap,
            self.security,
            self._member,
        )
        program = java(os.environ.get(JAVA_HOME_VARIABLE))
        jars = cassandra_jars()
        write_configuration(setup)
        self._processes.spawn(self.name, java_command(program, jars, setup), port=self.port)
