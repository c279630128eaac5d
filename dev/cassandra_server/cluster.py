"""Three Cassandra nodes on this machine, one on each of three loopback addresses."""

from __future__ import annotations

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
        fast: For tests: they start sooner, and write slower.

    Attributes:
        port: Native protocol port, the same for every node.
        nodes: In the order of HOSTS.

    Raises:
        SetupError: This machine lacks one of the addresses.
    """

    def __init__(self, home: Path, *, fast: bool = False) -> None:
        self.port, storage_port = _free_everywhere(), _free_everywhere()
        self.nodes: Sequence[CassandraServer] = [
            CassandraServer(
                home / f"node-{number}",
                self.port,
                storage_port=storage_port,
                fast=fast,
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

    def stop(self) -> None:
        """Stop the nodes gracefully; their data is kept."""
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(CassandraServer.stop, self.nodes))


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
