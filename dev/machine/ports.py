"""Choose a stack's ports: requested, remembered, or the next free ones."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields

from dev.machine.errors import SetupError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """TCP ports on the loopback address.

    Attributes:
        airflow: Airflow's pages and API.
        exchange: The exchange simulator.
        cassandra: Cassandra's native protocol.
        cassandra_storage: Cassandra's port for other nodes, of which there are none.
        postgres: Airflow's metadata database.
    """

    airflow: int = 8080
    exchange: int = 8900
    cassandra: int = 9042
    cassandra_storage: int = 17000
    postgres: int = 15432


PORT_NAMES = tuple(field.name for field in fields(Ports))


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether a port of a loopback address is free."""
    with socket.socket() as probe:
        # Without it a port that a server released seconds ago counts as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def any_free_port() -> int:
    """Return a port that the system reports as free now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def choose_ports(
    wanted: Mapping[str, int],
    remembered: Mapping[str, int],
    *,
    free: Callable[[int], bool] = is_free,
) -> tuple[Ports, list[str]]:
    """Choose one port per server.

    Args:
        wanted: Ports that the user named, by name of Ports; they are used or refused.
        remembered: Ports of the last run here, used if they are still free.
        free: Tells whether a port is free.

    Returns:
        The ports, and one sentence for each that had to change.

    Raises:
        SetupError: A port that the user named is taken, or named twice.
    """
    chosen: dict[str, int] = {}
    notes: list[str] = []
    for name, port in wanted.items():
        if port in chosen.values() or not free(port):
            raise SetupError(
                f"port {port} for {name} is taken; choose another with "
                f"--{name.replace('_', '-')}-port, or omit it to get a free one"
            )
        chosen[name] = port
    for name, default in asdict(Ports()).items():
        if name in chosen:
            continue
        first = remembered.get(name, default)
        port = next(
            port
            for port in (*range(first, 65536), *range(1024, first))
            if port not in chosen.values() and free(port)
        )
        if port != first:
            notes.append(f"port {first} is taken by another program: {name} uses {port}")
        chosen[name] = port
    return Ports(**chosen), notes
