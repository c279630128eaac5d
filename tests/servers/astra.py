"""A local stand-in for DataStax Astra, for tests: what a client meets before its database."""

from __future__ import annotations

import io
import json
import ssl
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from zipfile import ZipFile

from cassandra.cluster import Session

from dev.cassandra_server.certificates import Authority
from dev.cassandra_server.secure_home import open_session
from dev.cassandra_server.security import SUPERUSER
from dev.cassandra_server.server import CassandraServer
from dev.machine.errors import SetupError
from dev.machine.ports import LOOPBACK
from include.storage.whole_files import write_whole
from tests.servers.astra_service import AstraService

CREATE_ROLE = "CREATE ROLE IF NOT EXISTS {role} WITH PASSWORD = '{password}' AND LOGIN = true"
# Every Astra token logs in under this name; quoted, because it is a word of CQL's own.
ROLE = '"token"'
PERMISSIONS = ("CREATE", "ALTER", "SELECT", "MODIFY")


def create_token(session: Session, token: str, keyspace: str) -> None:
    """Let a token log in, as `token`, to make, read and write the tables of one keyspace.

    Args:
        session: Of a superuser.
        token: Like AstraCS:…; the first one stays the only one of a server.
        keyspace: It has to exist: Astra, too, makes none by CQL.
    """
    password = token.replace("'", "''")
    session.execute(CREATE_ROLE.format(role=ROLE, password=password))
    for permission in PERMISSIONS:
        session.execute(f"GRANT {permission} ON KEYSPACE {keyspace} TO {ROLE}")


class Astra:
    """Astra before a local server, for the time of a `with` block, on the loopback address.

    The server itself stays reachable at its own port.

    Args:
        server: Running, with passwords and required client certificates.
        authority: The one that the server trusts and that signed its certificate.
        folder: Where certificates and bundles go.
        keyspace: What the bundles name as theirs.
    """

    def __init__(
        self, server: CassandraServer, authority: Authority, folder: Path, keyspace: str
    ) -> None:
        self._server = server
        self._authority = authority
        self._folder = folder
        self._keyspace = keyspace

    def __enter__(self) -> Self:
        security = self._server.security
        if security is None or not security.requires_client_certificate:
            raise SetupError("Astra asks for client certificates: the server has to require them")
        login = (SUPERUSER, security.superuser_password)
        with open_session(self._server.port, security.client_context(), *login) as session:
            hosts = session.cluster.metadata.all_hosts()
        node = (self._server.host, self._server.port)
        self._datacenter: str = hosts[0].datacenter
        self._service = AstraService(
            {str(host.host_id): node for host in hosts}, self._datacenter, self._metadata_tls()
        )
        self._service.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._service.stop()

    @property
    def metadata_port(self) -> int:
        """Where the metadata service answers."""
        return self._service.metadata_port

    @property
    def proxy_port(self) -> int:
        """Where the proxy listens."""
        return self._service.proxy_port

    def bundle(self) -> Path:
        """Write this database's secure connect bundle; return its path."""
        return self._write_bundle("secure-connect", self._authority)

    def foreign_bundle(self) -> Path:
        """Write a bundle whose certificates are another authority's; return its path."""
        return self._write_bundle("secure-connect-foreign", Authority("somebody else"))

    def corrupt_bundle(self) -> Path:
        """Write the first half of a bundle, as a broken download leaves it; return its path."""
        whole = self.bundle().read_bytes()
        path = self._folder / "secure-connect-corrupt.zip"
        path.write_bytes(whole[: len(whole) // 2])
        return path

    @contextmanager
    def metadata_down(self) -> Iterator[None]:
        """Let nobody answer at the metadata service's port, for the block."""
        self._service.close_metadata()
        try:
            yield
        finally:
            self._service.open_metadata()

    @contextmanager
    def unknown_node(self) -> Iterator[None]:
        """Let the metadata name only a node that the proxy does not know, for the block."""
        known = self._service.announced
        self._service.announced = (str(uuid.uuid4()),)
        try:
            yield
        finally:
            self._service.announced = known

    def _metadata_tls(self) -> ssl.SSLContext:
        certificate = self._authority.issue_server(self._folder, "metadata", LOOPBACK, "localhost")
        root = self._authority.write(self._folder / "metadata-clients.crt")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=root)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificate.combined)
        return context

    def _write_bundle(self, name: str, authority: Authority) -> Path:
        client = authority.issue_client(self._folder, f"{name}-client")
        root = authority.write(self._folder / f"{name}-ca.crt")
        # The fields of a real bundle that a driver reads, and no login: that is the token's.
        config = {
            "host": LOOPBACK,
            "port": self.metadata_port,
            "cql_port": self.proxy_port,
            "keyspace": self._keyspace,
            "localDC": self._datacenter,
            "caCertLocation": "./ca.crt",
            "certLocation": "./cert",
            "keyLocation": "./key",
        }
        path = self._folder / f"{name}.zip"
        packed = io.BytesIO()
        with ZipFile(packed, "w") as bundle:
            bundle.writestr("config.json", json.dumps(config, indent=2))
            bundle.write(root, "ca.crt")
            bundle.write(client.chain, "cert")
            bundle.write(client.key, "key")
        write_whole(path, packed.getvalue(), mode=0o600)
        return path
