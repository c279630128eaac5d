"""Connecting to Cassandra, and repeating what failed for a passing reason."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import stamina
from cassandra import (
    ConsistencyLevel,
    OperationTimedOut,
    ReadTimeout,
    Unavailable,
    WriteTimeout,
)
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import (
    EXEC_PROFILE_DEFAULT,
    Cluster,
    ExecutionProfile,
    NoHostAvailable,
    Session,
)
from cassandra.connection import ConnectionException
from cassandra.policies import (
    ConstantReconnectionPolicy,
    DCAwareRoundRobinPolicy,
    TokenAwarePolicy,
)
from cassandra.protocol import (
    IsBootstrappingErrorMessage,
    OverloadedErrorMessage,
    ServerError,
)

from include.marketdata.errors import RetryableError, SettingsError

PASSING = (
    NoHostAvailable,
    OperationTimedOut,
    WriteTimeout,
    ReadTimeout,
    Unavailable,
    ConnectionException,
    OverloadedErrorMessage,
    IsBootstrappingErrorMessage,
    ServerError,
)

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class CassandraSettings:
    """Where Cassandra answers and how to talk to it.

    Attributes:
        hosts: Contact points; the driver finds the other nodes itself.
        port: Native protocol port of every node.
        keyspace: Holds every table of the pipeline.
        login: Role name; None where the server asks for none.
        password: Of the role; never shown.
        local_datacenter: The data centre whose nodes are asked.
        consistency: Of reads and writes, by its CQL name.
        replication: Replication map of the keyspace, used when it is made.
        patience_seconds: How long a call is repeated while Cassandra does not answer.
    """

    hosts: tuple[str, ...]
    port: int = 9042
    keyspace: str = "prices"
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    local_datacenter: str = "datacenter1"
    consistency: str = "LOCAL_QUORUM"
    replication: str = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    patience_seconds: float = 20.0

    @property
    def address(self) -> str:
        """Hosts and port as they stand in messages."""
        return ",".join(f"{host}:{self.port}" for host in self.hosts)


def aware_rows(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Make a dictionary of each row, its times aware: the driver returns naive UTC."""
    return [
        {
            name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
            for name, value in zip(names, row, strict=True)
        }
        for row in rows
    ]


def open_session(settings: CassandraSettings) -> Session:
    """Connect to the cluster, without a keyspace; its `cluster` closes it again.

    Raises:
        RetryableError: Cassandra does not answer within the settings' patience.
        SettingsError: The settings name a consistency that there is not.
    """
    # A cluster whose first connection failed is shut down for good: each attempt makes its own.
    return repeat_while_passing(settings, lambda: _cluster(settings).connect())


def _cluster(settings: CassandraSettings) -> Cluster:
    if settings.consistency not in ConsistencyLevel.name_to_value:
        known = ", ".join(ConsistencyLevel.name_to_value)
        raise SettingsError(f"consistency {settings.consistency!r} is none of {known}")
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(
            DCAwareRoundRobinPolicy(local_dc=settings.local_datacenter)
        ),
        consistency_level=ConsistencyLevel.name_to_value[settings.consistency],
        request_timeout=8.0,
        row_factory=aware_rows,
    )
    return Cluster(
        contact_points=list(settings.hosts),
        port=settings.port,
        auth_provider=PlainTextAuthProvider(settings.login, settings.password)
        if settings.login
        else None,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        protocol_version=5,
        # Nagle's delay costs four fifths of the throughput with few requests in flight.
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        # The default doubles its waits up to ten minutes and sleeps through a recovery.
        reconnection_policy=ConstantReconnectionPolicy(0.5, max_attempts=None),
        idle_heartbeat_interval=5,
        connect_timeout=3,
        control_connection_timeout=3,
    )


def repeat_while_passing(settings: CassandraSettings, call: Callable[[], Answer]) -> Answer:
    """Run a call, and again while Cassandra fails for a reason that passes.

    The driver's own retry policy cannot do this: with one host left, NoHostAvailable
    comes at once.

    Args:
        settings: Whose patience bounds the repeats.
        call: Idempotent; run at least once.

    Returns:
        What the call returns.

    Raises:
        RetryableError: Cassandra still does not answer after the patience.
    """
    try:
        for attempt in stamina.retry_context(
            on=PASSING,
            attempts=None,
            timeout=settings.patience_seconds,
            wait_initial=0.1,
            wait_max=2.0,
        ):
            with attempt:
                return call()
    except PASSING as error:
        raise RetryableError(
            f"Cassandra at {settings.address} (keyspace {settings.keyspace!r}) did not answer "
            f"for {settings.patience_seconds:g} s; check that it runs and that the connection "
            f"'cassandra_default' points to it ({type(error).__name__})"
        ) from error
    raise AssertionError("retry_context either returns the answer or raises")
