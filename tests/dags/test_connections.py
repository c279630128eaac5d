"""What the Airflow connections of Cassandra may say, and how it is taken."""

import json

import pytest

from include.orchestration.connections import cassandra_settings, schema_settings
from include.records.errors import SettingsError
from include.store.settings import TlsSettings


@pytest.fixture
def connection(monkeypatch):
    """Set a connection as a deployment does, in the environment."""

    def set_connection(name="CASSANDRA_DEFAULT", **fields):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps({"conn_type": "cassandra"} | fields))

    return set_connection


def test_takes_hosts_port_keyspace_and_login(connection):
    connection(host="db1, db2", port=9999, schema="quotes", login="me", password="secret")

    settings = cassandra_settings()

    assert settings.hosts == ("db1", "db2")
    assert (settings.port, settings.keyspace) == (9999, "quotes")
    assert (settings.login, settings.password) == ("me", "secret")
    assert settings.consistency == "LOCAL_QUORUM"
    assert settings.tls is None


def test_takes_everything_else_from_the_extra(connection):
    connection(
        host="db",
        extra={
            "local_datacenter": "dc1",
            "consistency": "QUORUM",
            "replication": {"class": "NetworkTopologyStrategy", "dc1": 3},
            "second_price_days": 7,
            "request_timeout_seconds": 4,
            "patience_seconds": 60,
            "ssl_options": {
                "ca_certs": "/ca.crt",
                "certfile": "/me.crt",
                "keyfile": "/me.key",
                "server_hostname": "db.example.org",
            },
        },
    )

    settings = cassandra_settings()

    assert (settings.local_datacenter, settings.consistency) == ("dc1", "QUORUM")
    assert settings.replication == "{'class': 'NetworkTopologyStrategy', 'dc1': 3}"
    assert (settings.second_price_days, settings.patience_seconds) == (7, 60)
    assert settings.request_timeout_seconds == 4
    assert settings.tls == TlsSettings("/ca.crt", "/me.crt", "/me.key", "db.example.org")


def test_takes_a_bundle_instead_of_hosts(connection):
    connection(login="token", password="AstraCS:x", extra={"secure_connect_bundle": "/b.zip"})

    settings = cassandra_settings()

    assert settings.secure_connect_bundle == "/b.zip"
    assert settings.address == "/b.zip"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"extra": {}}, "must name either hosts"),
        ({"host": "db", "extra": {"secure_connect_bundle": "/b.zip"}}, "not both"),
        ({"host": "db", "extra": {"consistancy": "ONE"}}, "consistancy: Extra inputs"),
        ({"host": "db", "extra": {"second_price_days": 0}}, "second_price_days"),
        ({"host": "db", "extra": {"ssl_options": {"check_hostname": False}}}, "check_hostname"),
        ({"host": "db", "extra": {"replication": {"class": "Simple"}}}, "replication"),
    ],
    ids=["nowhere", "two places", "a typo", "no days", "no host check", "no replication"],
)
def test_refuses_what_it_does_not_know_and_says_what_it_knows(connection, fields, told):
    connection(**fields)

    with pytest.raises(SettingsError, match=told):
        cassandra_settings()


def test_changes_the_schema_as_the_pipeline_where_no_other_role_is_named(connection):
    connection(host="db")

    assert schema_settings() is None


def test_changes_the_schema_of_the_pipelines_keyspace_as_a_role_of_its_own(connection):
    connection(host="db", schema="quotes", login="prices_pipeline")
    connection("CASSANDRA_SCHEMA", host="db", login="prices_schema", password="secret")

    settings = schema_settings()

    assert (settings.login, settings.keyspace) == ("prices_schema", "quotes")
    assert settings.connection_id == "cassandra_schema"
