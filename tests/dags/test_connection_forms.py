"""What a person writes into AIRFLOW_CONN_..., parsed by Airflow itself, leads to the right server.

The forms of each part alone are in tests/unit: exchange, store and mart, test_addresses.py.
"""

import json
import re

import pytest
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from include.mart.connection import mart_connection
from include.mart.place import mart_file
from include.orchestration.connections import binance_settings, cassandra_settings
from include.records.errors import SettingsError

BINANCE = "https://data-api.binance.vision"
LOCAL = "http://127.0.0.1:8900"
EXCHANGE = {
    "a URL": (BINANCE, BINANCE),
    "a URL with a slash": (f"{BINANCE}/", BINANCE),
    "a URL with its port": (f"{BINANCE}:443", BINANCE),
    "a URL by HTTP": ("http://data-api.binance.vision", BINANCE),
    "a URL of another host": ("https://api1.binance.com", "https://api1.binance.com"),
    "Airflow's own URI": (f"http://{BINANCE.replace('://', '%3A%2F%2F')}", BINANCE),
    "a URI with the scheme twice": (f"http://{BINANCE}", BINANCE),
    "a URI with its schema": ("http://data-api.binance.vision/https", BINANCE),
    "a simulator": (LOCAL, LOCAL),
    "a simulator with a slash": (f"{LOCAL}/", LOCAL),
    "a simulator by TLS": ("https://127.0.0.1:8443", "https://127.0.0.1:8443"),
    "a simulator by IPv6": ("http://[::1]:8900", "http://[::1]:8900"),
    "JSON, a URL": ({"conn_type": "http", "host": BINANCE}, BINANCE),
    "JSON, a name": ({"conn_type": "http", "host": "data-api.binance.vision"}, BINANCE),
    "JSON without a type": ({"host": BINANCE}, BINANCE),
    "JSON, a type": ({"conn_type": "https", "host": "data-api.binance.vision"}, BINANCE),
    "JSON, a schema": (
        {"conn_type": "http", "host": "data-api.binance.vision", "schema": "https"},
        BINANCE,
    ),
    "JSON, a port": ({"conn_type": "http", "host": "127.0.0.1", "port": 8900}, LOCAL),
    "JSON, a port as text": ({"conn_type": "http", "host": "127.0.0.1", "port": "8900"}, LOCAL),
    "JSON, a port in the host": ({"conn_type": "http", "host": "127.0.0.1:8900"}, LOCAL),
    "JSON, a simulator's URL": ({"conn_type": "http", "host": f"{LOCAL}/"}, LOCAL),
}
REFUSED_EXCHANGE = {
    # Airflow takes it for a path, and drops its first letter.
    "a name alone": ("data-api.binance.vision", "it names no host"),
    "a path": (f"{BINANCE}/api/v3", "it has a path"),
    "another host": ("https://example.com", "'example.com' is neither"),
    "another port": (f"{BINANCE}:8443", "answers on port 443 only"),
    "a simulator elsewhere": ("http://simulator:8900", "the Airflow Variable 'simulator_host'"),
    "JSON, no TLS": ({"host": "http://data-api.binance.vision"}, "asked by https only"),
    "JSON, nothing": ({"conn_type": "http"}, "it names no host"),
    "JSON, two ports": ({"host": "127.0.0.1:1", "port": 2}, "its host says port 1"),
}
UNREADABLE = {
    "a port that is none": "http://127.0.0.1:70000",
    "half of JSON": '{"host": ',
}
CASSANDRA = {
    "a URI": ("cassandra://db:9142/quotes", ("db",), 9142, "quotes"),
    "a URI without a port": ("cassandra://db/quotes", ("db",), 9042, "quotes"),
    "a URI with a slash": ("cassandra://db:9142/quotes/", ("db",), 9142, "quotes"),
    "a URI without a keyspace": ("cassandra://db", ("db",), 9042, "prices"),
    "several hosts": ("cassandra://db1,db2:9142/quotes", ("db1", "db2"), 9142, "quotes"),
    "a login": ("cassandra://me:pa%3Ass@db:9042/quotes", ("db",), 9042, "quotes"),
    "IPv6": ("cassandra://[::1]:9142/quotes", ("::1",), 9142, "quotes"),
    "several of IPv6": (
        "cassandra://%5B%3A%3A1%5D%2C%5B%3A%3A2%5D:9142/quotes",
        ("::1", "::2"),
        9142,
        "quotes",
    ),
    "JSON": ({"host": "db1, db2", "port": 9142, "schema": "q"}, ("db1", "db2"), 9142, "q"),
    "JSON, ports in the hosts": ({"host": "db1:9142,db2:9142"}, ("db1", "db2"), 9142, "prices"),
    "JSON, IPv6": ({"host": "::1,[::2]:9142", "port": "9142"}, ("::1", "::2"), 9142, "prices"),
}
REFUSED_CASSANDRA = {
    "no host": ("cassandra://:9042/prices", "must name either hosts"),
    "a scheme in the host": ({"host": "cassandra://db"}, "has 'cassandra://db' among its hosts"),
    "two ports": ({"host": "db1:1,db2:2"}, "names the ports 1, 2"),
}
MART = {
    "JSON": ({"conn_type": "sqlite", "host": "/srv/mart.db"}, "/srv/mart.db"),
    "four slashes": ("sqlite:////srv/mart.db", "/srv/mart.db"),
    "an escaped path": ("sqlite://%2Fsrv%2Fmart.db", "/srv/mart.db"),
    "no path": ("sqlite://", "/srv/prices/mart.db"),
    "JSON without a path": ({"conn_type": "sqlite"}, "/srv/prices/mart.db"),
    "Postgres": ("postgresql://me:word@db.example.com:5432/analytics", None),
    "Postgres by Airflow's name": ("postgres://me:word@db.example.com/analytics", None),
    "Postgres by IPv6": ("postgresql://me:word@[2001:db8::1]:5432/analytics", None),
    "Postgres in JSON": (
        {"conn_type": "postgres", "host": "db", "port": 5432, "schema": "analytics"},
        None,
    ),
    "Postgres by a socket": ("postgresql://me@%2Fvar%2Frun%2Fpostgresql/analytics", None),
}
REFUSED_MART = {
    "three slashes": ("sqlite:///srv/mart.db", "at 'srv/mart.db', which is not an absolute path"),
    "a relative path": ({"conn_type": "sqlite", "host": "mart.db"}, "at 'mart.db'"),
    "a driver": ("postgresql+psycopg2://me:word@db/a", "is of the type 'postgresql+psycopg2'"),
    "a slash after the database": ("postgresql://me:word@db:5432/a/", "leave out the slash"),
    "a port in the host": (
        {"conn_type": "postgres", "host": "db:5432"},
        "has 'db:5432' as its host",
    ),
    "JSON without a type": ({"host": "/srv/mart.db"}, "is of the type ''"),
}


@pytest.fixture
def write(monkeypatch):
    """Write a connection as a deployment does, in the environment."""

    def write_connection(name, written):
        text = written if isinstance(written, str) else json.dumps(written)
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", text)

    return write_connection


@pytest.mark.parametrize(("written", "url"), EXCHANGE.values(), ids=EXCHANGE)
def test_asks_the_exchange_at(write, written, url):
    write("BINANCE_DEFAULT", written)

    assert binance_settings().base_urls[0] == url


@pytest.mark.parametrize(("written", "told"), REFUSED_EXCHANGE.values(), ids=REFUSED_EXCHANGE)
def test_does_not_ask_an_exchange_at(write, written, told):
    write("BINANCE_DEFAULT", written)

    with pytest.raises(SettingsError, match=re.escape(told)):
        binance_settings()


@pytest.mark.parametrize("written", UNREADABLE.values(), ids=UNREADABLE)
def test_says_what_to_write_where_airflow_reads_no_connection(write, written):
    """Airflow takes what it cannot read for nothing, and does not say so."""
    write("BINANCE_DEFAULT", written)

    with pytest.raises(
        AirflowNotFoundException,
        match=f"cannot read it; write it as JSON or like AIRFLOW_CONN_BINANCE_DEFAULT={BINANCE}",
    ):
        binance_settings()


def test_takes_the_simulator_of_the_setting_and_no_other(write, monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_SIMULATOR_HOST", "simulator")
    write("BINANCE_DEFAULT", "http://simulator:8900")

    settings = binance_settings()

    assert (settings.base_urls, settings.simulator_host) == (
        ("http://simulator:8900",),
        "simulator",
    )
    write("BINANCE_DEFAULT", "http://elsewhere:8900")
    with pytest.raises(SettingsError, match="'simulator_host'"):
        binance_settings()


def test_takes_the_extra_of_a_uri_which_is_all_text(write):
    write("BINANCE_DEFAULT", f"{BINANCE}?ceiling_ratio=0.25&egress=eu")

    settings = binance_settings()

    assert (settings.ceiling_ratio, settings.egress) == (0.25, "eu")


@pytest.mark.parametrize("ratio", ["0", "1.01", "half", "nan", ""])
def test_refuses_a_ratio_that_is_none(write, ratio):
    write("BINANCE_DEFAULT", f"{BINANCE}?ceiling_ratio={ratio}")

    with pytest.raises(SettingsError, match="above 0 and at most 1"):
        binance_settings()


@pytest.mark.parametrize(
    ("written", "hosts", "port", "keyspace"), CASSANDRA.values(), ids=CASSANDRA
)
def test_reaches_cassandra_at(write, written, hosts, port, keyspace):
    write("CASSANDRA_DEFAULT", written)

    settings = cassandra_settings()

    assert (settings.hosts, settings.port, settings.keyspace) == (hosts, port, keyspace)


def test_takes_a_login_and_the_extra_of_a_uri_of_cassandra(write):
    write("CASSANDRA_DEFAULT", "cassandra://me:pa%3Ass@db/q?second_price_days=7&consistency=ONE")

    settings = cassandra_settings()

    assert (settings.login, settings.password) == ("me", "pa:ss")
    assert (settings.second_price_days, settings.consistency) == (7, "ONE")


@pytest.mark.parametrize(("written", "told"), REFUSED_CASSANDRA.values(), ids=REFUSED_CASSANDRA)
def test_does_not_reach_cassandra_at(write, written, told):
    write("CASSANDRA_DEFAULT", written)

    with pytest.raises(SettingsError, match=re.escape(told)):
        cassandra_settings()


@pytest.mark.parametrize(
    "written", ["cassandra://db1:9042,db2:9042/prices", "cassandra://db:70000/prices"]
)
def test_says_how_to_write_several_hosts_where_airflow_reads_no_connection(write, written):
    write("CASSANDRA_DEFAULT", written)

    with pytest.raises(AirflowNotFoundException, match="host1,host2:9042/prices"):
        cassandra_settings()


@pytest.mark.parametrize(("written", "file"), MART.values(), ids=MART)
def test_finds_the_mart_at(write, monkeypatch, written, file):
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", "/srv/prices")
    write("MART", written)

    found = mart_file(mart_connection())

    assert (str(found) if found else None) == file


@pytest.mark.parametrize(("written", "told"), REFUSED_MART.values(), ids=REFUSED_MART)
def test_does_not_find_the_mart_at(write, written, told):
    write("MART", written)

    with pytest.raises(SettingsError, match=re.escape(told)):
        mart_file(Connection.get("mart"))
