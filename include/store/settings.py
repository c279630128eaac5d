"""Cassandra's address and connection settings, as plain values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from include.records.errors import SettingsError

PLAIN_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
# Data centres are named by snitches and clouds: us-east-1, DC1, europe_west4.
_DATACENTER = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class TlsSettings:
    """How to encrypt the connection and verify the server; paths are of PEM files.

    Attributes:
        ca_file: Trusted authorities for the server's certificate; None for those that the
            system trusts.
        certificate_file: Our own certificate, where the server asks for one (mutual TLS).
        key_file: Its private key.
        server_hostname: The name that the certificate must carry; None for the address of the
            connection.
    """

    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    server_hostname: str | None = None


@dataclass(frozen=True)
class CassandraSettings:
    """Cassandra's address and connection settings.

    Attributes:
        hosts: Contact points; the driver finds the other nodes itself. Empty with a bundle.
        port: Native protocol port of every node.
        keyspace: Holds every table of the pipeline.
        login: Role name; None where the server requires none. "token" for DataStax Astra.
        password: Of the role, or Astra's token; never shown.
        local_datacenter: The data centre whose nodes are used; None for that of the hosts.
        consistency: Of reads and writes, by its CQL name.
        replication: Of the keyspace, as a CQL map; used when it is created.
        second_price_days: Days for which one-second prices are kept; used by initialize_store.
        tls: How to encrypt; None for no encryption. A bundle contains its own.
        secure_connect_bundle: Path of DataStax Astra's zip file; None for a cluster with hosts.
        request_timeout_seconds: How long one request may take.
        patience_seconds: How long a call is retried while Cassandra does not answer.
        connection_id: The Airflow connection that these come from, for messages.
    """

    hosts: tuple[str, ...] = ()
    port: int = 9042
    keyspace: str = "prices"
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    local_datacenter: str | None = None
    consistency: str = "LOCAL_QUORUM"
    replication: str = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    second_price_days: int = 30
    tls: TlsSettings | None = None
    secure_connect_bundle: str | None = None
    request_timeout_seconds: float = 8.0
    patience_seconds: float = 20.0
    connection_id: str = "cassandra_default"

    @property
    def address(self) -> str:
        """Hosts and port, or the bundle's path, as shown in messages."""
        if self.secure_connect_bundle:
            return self.secure_connect_bundle
        hosts = (f"[{host}]" if ":" in host else host for host in self.hosts)
        return ",".join(f"{host}:{self.port}" for host in hosts)

    def of_session(self) -> Self:
        """Return only the settings a session depends on: equal ones share a session."""
        return replace(self, keyspace="", replication="", second_price_days=0, patience_seconds=0.0)

    def __str__(self) -> str:
        """Return its name in messages: the address and the keyspace."""
        return f"Cassandra at {self.address} (keyspace {self.keyspace!r})"


def replication_map(replication: Mapping[str, object]) -> str:
    """Validate a replication and return it as a CQL map.

    Args:
        replication: For example {"class": "NetworkTopologyStrategy", "datacenter1": 3}, or
            {"class": "SimpleStrategy", "replication_factor": 1} for one node.

    Raises:
        SettingsError: The strategy is neither of the two, or a factor is not a positive integer.
    """
    strategy = replication.get("class")
    factors = {name: factor for name, factor in replication.items() if name != "class"}
    is_simple = strategy == "SimpleStrategy" and list(factors) == ["replication_factor"]
    is_network = strategy == "NetworkTopologyStrategy" and "replication_factor" not in factors
    are_counts = all(type(factor) is int and factor > 0 for factor in factors.values())
    are_names = all(_DATACENTER.fullmatch(name) for name in factors)
    if not factors or not (is_simple or is_network) or not are_counts or not are_names:
        raise SettingsError(
            f"replication {dict(replication)} is not valid: write "
            '{"class": "NetworkTopologyStrategy", "<data centre>": 3}, or on one node '
            '{"class": "SimpleStrategy", "replication_factor": 1}'
        )
    pairs = (f"'{name}': {factor}" for name, factor in factors.items())
    return f"{{'class': '{strategy}', {', '.join(pairs)}}}"


def check_keyspace(keyspace: str) -> None:
    """Refuse a keyspace whose name is not plain CQL.

    Raises:
        SettingsError: It has characters that CQL does not allow unquoted.
    """
    if not PLAIN_NAME.fullmatch(keyspace):
        raise SettingsError(
            f"keyspace {keyspace!r} must be lower-case letters, digits and _, "
            "at most 48, starting with a letter"
        )
