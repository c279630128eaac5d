"""Post a JSON body to an address of an Airflow connection, and to no server of a private network.

A rule names a connection, and a connection an address: neither may make this machine talk to a
server that only it reaches. Where a host name leads is judged once the connection is made, before
anything is sent, so a name that leads elsewhere a moment later gains nothing. A proxy, where one is
set, resolves names itself: its own rules then say where they may lead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from requests import Response, Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from include.orchestration.connections import private_webhook_hosts
from include.records.addresses import may_connect, problem_with_url, refusal_to_connect
from include.records.errors import SettingsError

TIMEOUT_SECONDS = 10


class _Connected(Protocol):
    host: str
    sock: Any

    def close(self) -> None: ...


def _check(connection: _Connected) -> None:
    address = str(connection.sock.getpeername()[0])
    if not may_connect(connection.host, address, private_webhook_hosts()):
        connection.close()
        raise SettingsError(refusal_to_connect(connection.host, address))


class _CheckedConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _check(self)


class _CheckedTlsConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _check(self)


class _CheckedPool(HTTPConnectionPool):
    ConnectionCls = _CheckedConnection


class _CheckedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedTlsConnection


class CheckedAdapter(HTTPAdapter):
    """Connects to no address that `may_connect` refuses."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - requests' own
        """Make the pools, of checked connections."""
        super().init_poolmanager(*arguments, **options)
        pools = {"http": _CheckedPool, "https": _CheckedTlsPool}
        self.poolmanager.pool_classes_by_scheme = pools


def post(session: Session, url: str, body: Mapping[str, Any]) -> int:
    """Post a body once, and return the status; no redirect is followed, and no answer is read.

    Args:
        session: Has the connection's login, headers and proxies; it is closed.
        url: Absolute.
        body: JSON.

    Raises:
        SettingsError: Nothing may be posted there, and nothing was.
        requests.RequestException: The server does not answer.
    """
    if wrong := problem_with_url(url, private_webhook_hosts()):
        raise SettingsError(wrong)
    with session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, CheckedAdapter())
        answer: Response = session.post(
            url, json=body, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
        )
        return answer.status_code
