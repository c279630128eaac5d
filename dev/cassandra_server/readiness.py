"""Check whether a Cassandra server is ready: the driver's own handshake, on one connection."""

from __future__ import annotations

import ssl

from cassandra import AuthenticationFailed, OperationTimedOut
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import DefaultConnection
from cassandra.connection import ConnectionException, DefaultEndPoint, ProtocolError

from dev.machine.ports import LOOPBACK

TIMEOUT_SECONDS = 10.0
PROTOCOL_VERSION = 5
NOT_READY = (OSError, ConnectionException, OperationTimedOut, ProtocolError)


def answers(port: int, tls: ssl.SSLContext | None = None, host: str = LOOPBACK) -> bool:
    """Tell whether a Cassandra serves clients on a port: a TCP connect alone succeeds too early.

    Args:
        port: Its native protocol's.
        tls: For a server with TLS; None for one without.
        host: Its loopback address.
    """
    try:
        _shake_hands(port, tls, None, host)
    except AuthenticationFailed:
        # It asks for a password, so it serves clients.
        return True
    except NOT_READY:
        return False
    return True


def accepts_login(port: int, role: str, password: str, tls: ssl.SSLContext | None = None) -> bool:
    """Tell whether a Cassandra that requires passwords accepts this one."""
    try:
        _shake_hands(port, tls, PlainTextAuthProvider(role, password))
    except (AuthenticationFailed, *NOT_READY):
        return False
    return True


def _shake_hands(
    port: int,
    tls: ssl.SSLContext | None,
    login: PlainTextAuthProvider | None,
    host: str = LOOPBACK,
) -> None:
    DefaultConnection.initialize_reactor()
    connection = DefaultConnection.factory(
        DefaultEndPoint(host, port),
        TIMEOUT_SECONDS,
        ssl_context=tls,
        authenticator=login.new_authenticator(host) if login else None,
        protocol_version=PROTOCOL_VERSION,
    )
    connection.close()
