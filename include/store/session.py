"""Cassandra sessions: one per process, opened on first use, closed at exit."""

from __future__ import annotations

import atexit
import os
import socket
import ssl
import threading
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import (
    ConstantReconnectionPolicy,
    DCAwareRoundRobinPolicy,
    TokenAwarePolicy,
)

from include.records.errors import SettingsError
from include.store.decoding import PageHandler, RowFactory, dictionaries, whole_page
from include.store.failures import repeat_while_passing
from include.store.settings import CassandraSettings, TlsSettings

# The execution profile that returns whole pages.
PAGES = "pages"


class Sessions:
    """The sessions of this process, one for each cluster and way to reach it.

    A session does not survive a fork: its threads and protocol state stay in the parent. So a
    child drops its inherited sessions, without sending anything over the parent's sockets.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[CassandraSettings, Session] = {}
        os.register_at_fork(after_in_child=self._forget)

    def get(self, settings: CassandraSettings) -> Session:
        """Return this process's session; open one if there is none."""
        key = settings.of_session()
        with self._lock:
            if key not in self._open:
                self._open[key] = open_session(settings)
            return self._open[key]

    def close(self) -> None:
        """Close all sessions; a later `get` opens a new one."""
        with self._lock:
            sessions, self._open = self._open, {}
        for session in sessions.values():
            session.cluster.shutdown()

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._open = {}


SESSIONS = Sessions()
atexit.register(SESSIONS.close)


def open_session(settings: CassandraSettings) -> Session:
    """Connect to the cluster, without a keyspace; its `cluster` closes it again.

    Raises:
        RetryableError: Cassandra does not answer within the settings' patience.
        SettingsError: The settings name something that does not exist, or Cassandra refuses them.
    """
    # A cluster whose first connection failed cannot be used again: each attempt makes its own.
    session = repeat_while_passing(settings, lambda: _connected(settings))
    session.client_protocol_handler = PageHandler
    return session


def _connected(settings: CassandraSettings) -> Session:
    cluster = Cluster(
        **_place(settings),
        auth_provider=_login(settings),
        execution_profiles={
            EXEC_PROFILE_DEFAULT: _profile(settings, dictionaries),
            PAGES: _profile(settings, whole_page),
        },
        protocol_version=5 if not settings.secure_connect_bundle else 4,
        # Nagle's delay costs four fifths of the throughput with few requests in flight.
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        # The default doubles its waits up to ten minutes and sleeps through a recovery.
        reconnection_policy=ConstantReconnectionPolicy(0.5, max_attempts=None),
        idle_heartbeat_interval=5,
        # Half of what a connection costs both sides, for tasks that send twenty requests: without
        # it the driver may ask a node that does not hold the row.
        schema_metadata_enabled=False,
        connect_timeout=3,
        control_connection_timeout=3,
    )
    try:
        return cluster.connect()
    except BaseException:
        cluster.shutdown()
        raise


def _profile(settings: CassandraSettings, row_factory: RowFactory) -> ExecutionProfile:
    if settings.consistency not in ConsistencyLevel.name_to_value:
        known = ", ".join(ConsistencyLevel.name_to_value)
        raise SettingsError(
            f"consistency {settings.consistency!r} of the Airflow connection "
            f"{settings.connection_id!r} is not valid: use one of {known}"
        )
    return ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(
            DCAwareRoundRobinPolicy(local_dc=settings.local_datacenter or "")
        ),
        consistency_level=ConsistencyLevel.name_to_value[settings.consistency],
        # Conditional writes stay in one data centre, as reads do.
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        request_timeout=settings.request_timeout_seconds,
        row_factory=row_factory,
    )


def _place(settings: CassandraSettings) -> dict[str, Any]:
    """Return the cluster's arguments for its address and encryption."""
    if settings.secure_connect_bundle:
        return {"cloud": _cloud(settings.secure_connect_bundle, settings.connection_id)}
    place: dict[str, Any] = {"contact_points": list(settings.hosts), "port": settings.port}
    if settings.tls is not None:
        place["ssl_context"] = _tls_context(settings.tls, settings.connection_id)
        if settings.tls.server_hostname:
            place["ssl_options"] = {"server_hostname": settings.tls.server_hostname}
    return place


def _cloud(bundle: str, connection_id: str) -> dict[str, object]:
    if not Path(bundle).is_file() or not is_zipfile(bundle):
        raise SettingsError(
            f"secure_connect_bundle {bundle!r} of the Airflow connection {connection_id!r} is not "
            "a readable zip file; download the database's bundle again, and set a path that "
            "exists on every worker"
        )
    # Otherwise the driver unpacks private keys next to the bundle, and a secret mount is read-only.
    return {"secure_connect_bundle": bundle, "use_default_tempdir": True}


def _login(settings: CassandraSettings) -> PlainTextAuthProvider | None:
    if settings.login is None:
        return None
    return PlainTextAuthProvider(settings.login, settings.password or "")


def _tls_context(tls: TlsSettings, connection_id: str) -> ssl.SSLContext:
    """Return a context that checks the server's certificate and its name."""
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.certificate_file:
            context.load_cert_chain(tls.certificate_file, tls.key_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"ssl_options of the Airflow connection {connection_id!r} cannot be used ({error}); "
            "ca_certs, certfile and keyfile must be PEM files that every worker can read"
        ) from error
    return context
