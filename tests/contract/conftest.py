import itertools

import pytest

from dev.cassandra import CassandraServer
from include.marketdata.schema import create_schema
from include.marketdata.store import CassandraSettings, connect
from tests.fakes.memory_store import MemoryStore

KEYSPACES = (f"contract_{number}" for number in itertools.count())


@pytest.fixture(scope="session")
def cassandra(tmp_path_factory):
    """A real Cassandra for the whole session; it takes about ten seconds to start."""
    with CassandraServer(tmp_path_factory.mktemp("cassandra"), fast=True) as server:
        yield server


@pytest.fixture
def cassandra_settings(cassandra):
    """Settings for a keyspace that no other test uses."""
    return CassandraSettings(hosts=(cassandra.host,), port=cassandra.port, keyspace=next(KEYSPACES))


@pytest.fixture(params=["memory", "cassandra"])
def store(request):
    """Every test runs over the store in memory and over the real one."""
    if request.param == "memory":
        yield MemoryStore()
        return
    settings = request.getfixturevalue("cassandra_settings")
    create_schema(settings)
    with connect(settings) as real:
        yield real
