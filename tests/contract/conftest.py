import itertools

import pytest
from cassandra.concurrent import execute_concurrent

from dev.cassandra_server.server import CassandraServer
from include.store.schema import migrate
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.store import connect
from tests.contract.mart_fixtures import (  # noqa: F401 - fixtures
    mart_database,
    new_mart,
    postgres_port,
    use_mart,
)
from tests.contract.secure_fixtures import (  # noqa: F401 - fixtures
    astra,
    certificates,
    log_in,
    secure_cassandra,
    superuser,
)
from tests.fakes.memory_store import MemoryStore

KEYSPACES = (f"contract_{number}" for number in itertools.count())


@pytest.fixture(scope="session")
def cassandra(tmp_path_factory):
    """A real Cassandra for the whole session; it takes about ten seconds to start."""
    with CassandraServer(tmp_path_factory.mktemp("cassandra"), fast=True) as server:
        yield server
        SESSIONS.close()


@pytest.fixture
def cassandra_settings(cassandra):
    """Settings for a keyspace that no other test uses, and that does not exist yet."""
    return CassandraSettings(hosts=(cassandra.host,), port=cassandra.port, keyspace=next(KEYSPACES))


@pytest.fixture(scope="session")
def migrated(cassandra):
    """Settings of a keyspace with all tables, made once: emptying it is quicker than making it."""
    settings = CassandraSettings(hosts=(cassandra.host,), port=cassandra.port, keyspace="contract")
    migrate(settings)
    return settings


@pytest.fixture
def empty(migrated):
    """Settings of a keyspace whose tables hold nothing."""
    session = SESSIONS.get(migrated)
    rows = session.execute(
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s", (migrated.keyspace,)
    )
    tables = [row["table_name"] for row in rows if row["table_name"] != "schema_migration"]
    statements = [(f"TRUNCATE {migrated.keyspace}.{table}", ()) for table in tables]
    execute_concurrent(session, statements, concurrency=4)
    return migrated


@pytest.fixture(params=["memory", "cassandra"])
def store(request):
    """Every test runs over the store in memory and over the real one."""
    if request.param == "memory":
        return MemoryStore()
    return connect(request.getfixturevalue("empty"))
