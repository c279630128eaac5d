import pytest

from include.records.errors import SettingsError
from include.store.settings import CassandraSettings, replication_map


@pytest.mark.parametrize(
    ("replication", "cql"),
    [
        (
            {"class": "NetworkTopologyStrategy", "us-east-1": 3, "DC2": 2},
            "{'class': 'NetworkTopologyStrategy', 'us-east-1': 3, 'DC2': 2}",
        ),
        (
            {"class": "SimpleStrategy", "replication_factor": 1},
            "{'class': 'SimpleStrategy', 'replication_factor': 1}",
        ),
    ],
    ids=["data centres", "one node"],
)
def test_writes_a_replication_as_cql(replication, cql):
    assert replication_map(replication) == cql


@pytest.mark.parametrize(
    "replication",
    [
        {},
        {"class": "NetworkTopologyStrategy"},
        {"class": "NetworkTopologyStrategy", "dc1": 0},
        {"class": "NetworkTopologyStrategy", "dc1": "3"},
        {"class": "NetworkTopologyStrategy", "dc1": True},
        {"class": "NetworkTopologyStrategy", "replication_factor": 3},
        {"class": "NetworkTopologyStrategy", "dc1'; DROP": 3},
        {"class": "SimpleStrategy", "dc1": 1},
        {"class": "EverywhereStrategy", "replication_factor": 1},
    ],
)
def test_refuses_a_replication_that_is_none(replication):
    with pytest.raises(SettingsError, match="NetworkTopologyStrategy"):
        replication_map(replication)


def test_never_shows_the_password():
    settings = CassandraSettings(hosts=("db",), login="me", password="secret")

    assert "secret" not in repr(settings)
    assert "secret" not in str(settings)
