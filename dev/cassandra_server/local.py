"""The Cassandra servers of this checkout: the one of ./dev/up, and named ones."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from dev.cassandra_server.certificates import Authority
from dev.cassandra_server.secure_home import SecureHome
from dev.cassandra_server.server import CassandraServer
from dev.machine.errors import SetupError
from dev.machine.home import Home, read_json
from dev.machine.ports import LOOPBACK, Ports, is_free
from include.storage.whole_files import write_whole

NAME_PATTERN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_NAME = 32
PREFIX = "cassandra-"
PORTS_FILE = "ports.json"
LAST_PORT = 65535
# Away from 9042 and 17000, the usual ones of ./dev/up.
FIRST_PORTS = {"cassandra": 9142, "cassandra_storage": 17100}


@dataclass(frozen=True)
class LocalCassandra:
    """A local server, whether it is running or not.

    Attributes:
        home: The checkout's home, which contains its folder.
        name: Lower-case letters, digits and hyphens; None for the server of ./dev/up.
    """

    home: Home
    name: str | None = None

    def __post_init__(self) -> None:
        if self.name is None:
            return
        if not NAME_PATTERN.fullmatch(self.name) or len(self.name) > LONGEST_NAME:
            raise SetupError(
                f"{self.name!r} cannot name a server: use lower-case letters, digits and single "
                f"hyphens, at most {LONGEST_NAME} characters"
            )

    @property
    def title(self) -> str:
        """Its name in messages."""
        return "Cassandra" if self.name is None else f"Cassandra {self.name}"

    @property
    def options(self) -> str:
        """The option that a command line about it must end with."""
        return "" if self.name is None else f" --name {self.name}"

    @property
    def folder(self) -> Path:
        """Its own folder, with data and configuration."""
        return self.home.cassandra if self.name is None else self.home.path / f"{PREFIX}{self.name}"

    @property
    def secure(self) -> SecureHome | None:
        """Its certificates and passwords; None if it accepts any client."""
        found = SecureHome(self.folder / "security")
        return found if found.is_made() else None

    def make_secure(self) -> None:
        """Create certificates and passwords, unless it has them.

        Raises:
            SetupError: It was created without them.
        """
        if self.secure is not None:
            return
        if (self.folder / "cassandra.yaml").exists():
            raise SetupError(
                f"{self.title} was created without --secure and stays so: choose another --name, "
                f"or delete it first with ./dev/cassandra wipe{self.options}"
            )
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        SecureHome(self.folder / "security").make(Authority())

    def server(
        self, ports: Mapping[str, int] | None = None, heap: str | None = None
    ) -> CassandraServer:
        """Return the server, secure if its home is.

        Args:
            ports: As `choose_ports` returns them, to start it; not needed if it is running.
            heap: Java's heap, like `512m`.
        """
        ports = ports or {}
        return CassandraServer(
            self.folder,
            ports.get("cassandra"),
            storage_port=ports.get("cassandra_storage"),
            log_folder=self.home.logs if self.name is None else None,
            heap=heap,
            security=self.secure.security() if self.secure else None,
        )

    def choose_ports(
        self, wanted: int | None, *, free: Callable[[int], bool] = is_free
    ) -> tuple[dict[str, int], list[str]]:
        """Choose its ports, and keep them for its next start.

        Args:
            wanted: The native protocol port that the user named.
            free: Tells whether a port is free.

        Returns:
            `cassandra` and `cassandra_storage`, and one sentence for each that had to change.

        Raises:
            SetupError: The named port is taken.
        """
        if wanted is not None and not free(wanted):
            raise SetupError(
                f"port {wanted} is taken; choose another --port, or omit it to get a free one"
            )
        asked = {} if wanted is None else {"cassandra": wanted}
        if self.name is None:
            # The other servers of ./dev/up keep theirs, whoever uses them now.
            remembered = self.home.recall("ports")
            of_stack = asdict(Ports()) | remembered
            own = {name: of_stack.pop(name) for name in FIRST_PORTS}
            chosen, notes = choose_ports(asked, own, of_stack.values(), free=free)
            self.home.remember("ports", remembered | chosen)
            return chosen, notes
        kept = {
            server: read_json(server.folder / PORTS_FILE) for server in named_servers(self.home)
        }
        own = kept.pop(self, {})
        reserved = {port for ports in kept.values() for port in ports.values()}
        chosen, notes = choose_ports(asked, own, reserved, free=free)
        write_whole(self.folder / PORTS_FILE, json.dumps(chosen) + "\n")
        return chosen, notes


def connection_line(port: int) -> str:
    """Return the line for .env by which Airflow reaches a server that accepts any client."""
    return f"AIRFLOW_CONN_CASSANDRA_DEFAULT=cassandra://{LOOPBACK}:{port}/prices"


def choose_ports(
    asked: Mapping[str, int],
    kept: Mapping[str, int],
    reserved: Collection[int],
    *,
    free: Callable[[int], bool] = is_free,
) -> tuple[dict[str, int], list[str]]:
    """Choose the ports of a server.

    Args:
        asked: Fixed ports, by name.
        kept: Ports of its last start.
        reserved: Ports of other servers, kept free for their next start.
        free: Tells whether a port is free.

    Returns:
        The ports by name, and one sentence for each that had to change.
    """
    chosen = dict(asked)
    notes: list[str] = []
    for name, usual in FIRST_PORTS.items():
        if name in chosen:
            continue
        first = kept.get(name, usual)
        chosen[name] = next(
            port
            for port in (*range(first, LAST_PORT + 1), *range(1024, first))
            if port not in chosen.values() and port not in reserved and free(port)
        )
        if name in kept and chosen[name] != first:
            notes.append(f"port {first} is taken by another program: {name} uses {chosen[name]}")
    return chosen, notes


def named_servers(home: Home) -> list[LocalCassandra]:
    """Return the named servers that have a folder, by name."""
    names = (folder.name.removeprefix(PREFIX) for folder in home.path.glob(f"{PREFIX}*/"))
    return [LocalCassandra(home, name) for name in sorted(names) if NAME_PATTERN.fullmatch(name)]
