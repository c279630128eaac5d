"""A secure local server's certificates, roles and passwords."""

from __future__ import annotations

import configparser
import io
import secrets
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import RoundRobinPolicy

from dev.cassandra_server.certificates import Authority
from dev.cassandra_server.readiness import accepts_login
from dev.cassandra_server.security import DEFAULT_PASSWORD, SUPERUSER, Security
from dev.machine.errors import StartError
from dev.machine.ports import LOOPBACK
from include.storage.whole_files import write_whole

SCHEMA_ROLE = "prices_schema"
PIPELINE_ROLE = "prices_pipeline"
ROLES = (SUPERUSER, SCHEMA_ROLE, PIPELINE_ROLE)
# The section in which cqlsh looks for a login.
CREDENTIALS_SECTION = "PlainTextAuthProvider"
STATEMENT_TIMEOUT_SECONDS = 120.0
LOGIN_TIMEOUT_SECONDS = 120.0
CONNECT_TIMEOUT_SECONDS = 60.0
POLL_SECONDS = 0.1
SET_UP_ROLES = (
    "CREATE ROLE IF NOT EXISTS {schema} WITH PASSWORD = '{schema_password}' AND LOGIN = true",
    "CREATE ROLE IF NOT EXISTS {pipeline} WITH PASSWORD = '{pipeline_password}' AND LOGIN = true",
    # The creator of a keyspace or a role may do and grant everything on it, and on no other.
    "GRANT CREATE ON ALL KEYSPACES TO {schema}",
    "GRANT CREATE ON ALL ROLES TO {schema}",
    # Last: while the default password still works, the set-up is incomplete.
    "ALTER ROLE {superuser} WITH PASSWORD = '{superuser_password}'",
)


@dataclass(frozen=True)
class SecureHome:
    """The certificates and passwords of one server.

    Attributes:
        folder: Where they are, absolute; accessible only to its owner.
    """

    folder: Path

    @property
    def authorities(self) -> Path:
        """The certificate that servers and clients trust."""
        return self.folder / "ca.crt"

    @property
    def client_chain(self) -> Path:
        """The certificate that any client may present."""
        return self.folder / "client.crt"

    @property
    def client_key(self) -> Path:
        """Its key."""
        return self.folder / "client.key"

    def is_made(self) -> bool:
        """Tell whether certificates and passwords exist."""
        return self.authorities.exists()

    def make(self, authority: Authority) -> None:
        """Create new certificates and passwords.

        Args:
            authority: Signs the certificates. Once it is dropped, no more can be issued.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for role in ROLES:
            write_whole(self.credentials(role), _credentials(role), mode=0o600)
        authority.issue_server(self.folder, "server", LOOPBACK, "localhost")
        authority.issue_client(self.folder, "client")
        # Last: its presence means that the others exist.
        authority.write(self.authorities)

    def credentials(self, role: str) -> Path:
        """Return the file with a role's password, which cqlsh can read; mode 600."""
        return self.folder / f"{role}.credentials"

    def password(self, role: str) -> str:
        """Return a role's password."""
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(self.credentials(role))
        return parser[CREDENTIALS_SECTION]["password"]

    def security(self) -> Security:
        """Return the server's TLS and password settings."""
        return Security(
            certificate=self.folder / "server.pem",
            authorities=self.authorities,
            client_certificate=self.folder / "client.pem",
            superuser_password=self.password(SUPERUSER),
        )

    def ssl_options(self) -> dict[str, str]:
        """Return `ssl_options` for the extra of an Airflow connection."""
        return {
            "ca_certs": str(self.authorities),
            "certfile": str(self.client_chain),
            "keyfile": str(self.client_key),
        }

    def set_up_roles(self, port: int) -> bool:
        """Create a new server's roles and replace its superuser's default password.

        Returns:
            Whether there was anything to do.

        Raises:
            StartError: It accepts neither Cassandra's default password nor the one kept here.
        """
        tls = self.security().client_context()
        if accepts_login(port, SUPERUSER, self.password(SUPERUSER), tls):
            return False
        _wait_for_login(port, DEFAULT_PASSWORD, tls)
        names = {
            "superuser": SUPERUSER,
            "schema": SCHEMA_ROLE,
            "pipeline": PIPELINE_ROLE,
            "superuser_password": self.password(SUPERUSER),
            "schema_password": self.password(SCHEMA_ROLE),
            "pipeline_password": self.password(PIPELINE_ROLE),
        }
        with open_session(port, tls, SUPERUSER, DEFAULT_PASSWORD) as session:
            for statement in SET_UP_ROLES:
                session.execute(statement.format_map(names))
        # For a moment the server still uses the password in its cache.
        _wait_for_login(port, self.password(SUPERUSER), tls)
        return True


def _wait_for_login(port: int, password: str, tls: ssl.SSLContext) -> None:
    """Wait until the superuser can log in with a password."""
    deadline = time.monotonic() + LOGIN_TIMEOUT_SECONDS
    while not accepts_login(port, SUPERUSER, password, tls):
        if time.monotonic() > deadline:
            raise StartError(
                f"Cassandra on port {port} does not let {SUPERUSER!r} log in; check its log, or "
                "start over with ./dev/cassandra wipe"
            )
        time.sleep(POLL_SECONDS)


@contextmanager
def open_session(port: int, tls: ssl.SSLContext, role: str, password: str) -> Iterator[Session]:
    """Open a session with the secure server on a loopback port, for the block.

    Raises:
        NoHostAvailable: It does not answer, or refuses the certificate or the password.
    """
    profile = ExecutionProfile(
        load_balancing_policy=RoundRobinPolicy(), request_timeout=STATEMENT_TIMEOUT_SECONDS
    )
    with Cluster(
        [LOOPBACK],
        port=port,
        ssl_context=tls,
        auth_provider=PlainTextAuthProvider(role, password),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        protocol_version=5,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        control_connection_timeout=CONNECT_TIMEOUT_SECONDS,
    ) as cluster:
        yield cluster.connect()


def _credentials(role: str) -> str:
    parser = configparser.ConfigParser(interpolation=None)
    parser[CREDENTIALS_SECTION] = {"username": role, "password": secrets.token_urlsafe(32)}
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()
