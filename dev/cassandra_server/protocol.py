"""As much of Cassandra's native protocol (version 4) as shows whether a server is ready."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRWPair

from dev.machine.ports import LOOPBACK

TIMEOUT_SECONDS = 10.0
VERSION = 4
HEADER_BYTES = 9
STARTUP, AUTHENTICATE, OPTIONS, SUPPORTED, AUTH_RESPONSE, AUTH_SUCCESS = 1, 3, 5, 6, 15, 16


def frame(opcode: int, body: bytes = b"") -> bytes:
    """Return a request: version, flags, stream (2 bytes), opcode, length (4 bytes), body."""
    return bytes((VERSION, 0, 0, 0, opcode)) + len(body).to_bytes(4) + body


def startup() -> bytes:
    """Return the request that opens a connection."""
    words = (b"CQL_VERSION", b"3.0.0")
    return frame(STARTUP, b"\0\1" + b"".join(len(word).to_bytes(2) + word for word in words))


def login(role: str, password: str) -> bytes:
    """Return the answer to a server that asks who is there (SASL PLAIN)."""
    token = b"\0".join((b"", role.encode(), password.encode()))
    return frame(AUTH_RESPONSE, len(token).to_bytes(4) + token)


def answers(port: int, tls: ssl.SSLContext | None = None) -> bool:
    """Tell whether a Cassandra serves clients there: a mere TCP connect succeeds too early.

    Args:
        port: On the loopback address.
        tls: How to speak to a server with TLS; one without is spoken to as it is.
    """
    try:
        with _connection(port, tls) as stream:
            return _ask(stream, frame(OPTIONS)) == SUPPORTED
    except OSError:
        return False


def accepts_login(port: int, role: str, password: str, tls: ssl.SSLContext | None = None) -> bool:
    """Tell whether a Cassandra that asks for passwords takes this one."""
    try:
        with _connection(port, tls) as stream:
            return (
                _ask(stream, startup()) == AUTHENTICATE
                and _ask(stream, login(role, password)) == AUTH_SUCCESS
            )
    except OSError:
        return False


@contextmanager
def _connection(port: int, tls: ssl.SSLContext | None) -> Iterator[BufferedRWPair]:
    with socket.create_connection((LOOPBACK, port), timeout=TIMEOUT_SECONDS) as plain:
        connection = tls.wrap_socket(plain, server_hostname=LOOPBACK) if tls else plain
        with connection, connection.makefile("rwb") as stream:
            yield stream


def _ask(stream: BufferedRWPair, request: bytes) -> int | None:
    """Send a request; return the opcode of the answer, None when the connection ends."""
    stream.write(request)
    stream.flush()
    header = stream.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        return None
    stream.read(int.from_bytes(header[5:]))
    return header[4]
