"""A real Cassandra with TLS, client certificates and passwords, and Astra before it."""

from dataclasses import dataclass

import pytest

from dev.cassandra_server.certificates import Authority
from dev.cassandra_server.secure_home import SecureHome, open_session
from dev.cassandra_server.security import SUPERUSER
from dev.cassandra_server.server import CassandraServer
from tests.servers.astra import Astra, create_token

ASTRA_KEYSPACE = "astra_prices"
ASTRA_TOKEN = "AstraCS:test:0123456789abcdef"
KEYSPACE = (
    "CREATE KEYSPACE IF NOT EXISTS {name} "
    "WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
)


@dataclass(frozen=True)
class Certificates:
    """The authority of the session, and what it signed for the secure server and its clients."""

    authority: Authority
    home: SecureHome


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    authority, home = Authority(), SecureHome(tmp_path_factory.mktemp("security"))
    home.make(authority)
    return Certificates(authority, home)


@pytest.fixture(scope="session")
def secure_cassandra(certificates, tmp_path_factory):
    """One for the whole session, with the roles that ./dev/cassandra start --secure makes."""
    home, security = tmp_path_factory.mktemp("secure"), certificates.home.security()
    with CassandraServer(home, fast=True, security=security) as server:
        certificates.home.set_up_roles(server.port)
        yield server


@pytest.fixture(scope="session")
def log_in(secure_cassandra):
    """Open a session of a role on the secure server, for a `with` block."""
    tls = secure_cassandra.security.client_context()
    return lambda role, password: open_session(secure_cassandra.port, tls, role, password)


@pytest.fixture(scope="session")
def superuser(log_in, certificates):
    """A session that may do everything on the secure server."""
    with log_in(SUPERUSER, certificates.home.password(SUPERUSER)) as session:
        yield session


@pytest.fixture(scope="session")
def astra(secure_cassandra, certificates, superuser, tmp_path_factory):
    """Astra, whose ASTRA_TOKEN may use ASTRA_KEYSPACE."""
    superuser.execute(KEYSPACE.format(name=ASTRA_KEYSPACE))
    create_token(superuser, ASTRA_TOKEN, ASTRA_KEYSPACE)
    folder = tmp_path_factory.mktemp("astra")
    with Astra(secure_cassandra, certificates.authority, folder, ASTRA_KEYSPACE) as running:
        yield running
