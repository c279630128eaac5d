"""What only the real server can show."""

from dataclasses import replace

import pytest

from dev.ports import any_free_port
from include.marketdata.errors import RetryableError, SettingsError
from include.marketdata.schema import create_schema
from include.marketdata.session import open_session
from include.marketdata.statements import QUERY_FOLDER, qualified
from include.marketdata.store import connect


def test_creates_its_schema_again_without_harm(cassandra_settings):
    first = create_schema(cassandra_settings)

    assert create_schema(cassandra_settings) == first
    assert first[0].startswith("001_")


def test_prepares_every_query(cassandra_settings):
    """The server checks each table, column and type that a query names."""
    create_schema(cassandra_settings)
    session = open_session(cassandra_settings)
    with session.cluster:
        for file in QUERY_FOLDER.glob("*.cql"):
            text = file.read_text(encoding="utf-8")
            session.prepare(qualified(text, cassandra_settings.keyspace))


def test_says_which_dag_makes_a_missing_keyspace(cassandra_settings):
    with pytest.raises(SettingsError, match="initialize_store"):
        connect(replace(cassandra_settings, keyspace="nowhere"))


def test_refuses_a_keyspace_that_is_no_plain_name(cassandra_settings):
    with pytest.raises(SettingsError, match="lower-case"):
        create_schema(replace(cassandra_settings, keyspace="prices; DROP"))


def test_names_address_and_connection_when_nobody_answers(cassandra_settings):
    closed = replace(cassandra_settings, port=any_free_port(), patience_seconds=0.5)

    with pytest.raises(RetryableError, match=f"127.0.0.1:{closed.port}.*cassandra_default"):
        connect(closed)
