"""Three Cassandra nodes on this machine, one on each of three loopback addresses."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from dev.cassandra_server.config import Member
from dev.cassandra_server.jars import cassandra_jars
from dev.cassandra_server.server import NAME, CassandraServer
from dev.machine.errors import SetupError
from dev.machine.ports import any_free_port, is_free

HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
# Of SimpleSnitch, which puts every node there.
DATA_CENTRE = "datacenter1"
REPLICATION = {"class": "NetworkTopologyStrategy", DATA_CENTRE: len(HOSTS)}
RING = 2**64


class CassandraCluster:
    """Three nodes that each hold every row; as a context manager they run inside the block.

    Their ranges are fixed, so they all start at once. Data outlives them.

    Args:
        home: The folder for one folder a node.
        port: Native protocol port, the same for every node; any free one when None.
        storage_port: For each other, the same for every node; any free one when None.
        fast: For tests: they start sooner, and write slower.
        log_folder: Where cassandra-1.log and so on go; each node's folder when None.

    Attributes:
        home: Their folder.
        port: Native protocol port, the same for every node.
        nodes: In the order of HOSTS.

    Raises:
        SetupError: This machine lacks one of the addresses.
    """

    def __init__(
        self,
        home: Path,
        port: int | None = None,
        *,
        storage_port: int | None = None,
        fast: bool = False,
        log_folder: Path | None = None,
    ) -> None:
        self.home = home.absolute()
        self.port = port or _free_everywhere()
        between = storage_port or _free_everywhere()
        self.nodes: Sequence[CassandraServer] = [
            CassandraServer(
                self.home / f"node-{number}",
                self.port,
                storage_port=between,
                fast=fast,
                log_folder=log_folder,
                member=Member(f"{NAME}-{number}", host, HOSTS[0], _token(number)),
            )
            for number, host in enumerate(HOSTS, start=1)
        ]

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

    def start(self) -> None:
        """Start the nodes and wait until clients can use each.

        Raises:
            SetupError: A port is taken, or jars or Java are not available.
            StartError: One died, or did not answer in time.
        """
        cassandra_jars()
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            for started in [pool.submit(node.start) for node in self.nodes]:
                started.result()

    def stop(self) -> list[str]:
        """Stop the nodes gracefully; return the names of those that were running."""
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            return [name for names in pool.map(CassandraServer.stop, self.nodes) for name in names]

    def refuse(self) -> None:
        """Make a start that is in progress in another thread fail."""
        for node in self.nodes:
            node.refuse()

    def wipe(self) -> None:
        """Stop the nodes and delete their data."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


def _token(number: int) -> int:
    """Return where the range of a node ends: they share the ring evenly."""
    return -(RING // 2) + RING // len(HOSTS) * number


def _free_everywhere() -> int:
    """Return a port that is free on each of the addresses.

    Raises:
        SetupError: This machine lacks one of the addresses.
    """
    for _ in range(100):
        port = any_free_port()
        if all(is_free(port, host) for host in HOSTS):
            return port
    raise SetupError(
        f"three nodes need the addresses {', '.join(HOSTS)}, and this machine lacks one; Linux has "
        "them all, on macOS add them (sudo ifconfig lo0 alias 127.0.0.2 up)"
    )
