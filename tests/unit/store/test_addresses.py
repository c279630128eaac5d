"""Cassandra's hosts and port: every form that a connection can have, and what is refused."""

import re

import pytest

from include.records.errors import SettingsError
from include.store.addresses import contact_points
from include.store.settings import CassandraSettings

ACCEPTED = {
    "a name": ("db1", None, ("db1",), 9042),
    "a name and a port": ("db1", 9142, ("db1",), 9142),
    "a name with its port": ("db1:9142", None, ("db1",), 9142),
    "the same port twice": ("db1:9142", 9142, ("db1",), 9142),
    "several": ("db1,db2", None, ("db1", "db2"), 9042),
    "several with blanks and commas": (" db1 , ,db2, ", 9142, ("db1", "db2"), 9142),
    "several with one port each": ("db1:9142,db2:9142", None, ("db1", "db2"), 9142),
    "several, one with the port": ("db1,db2:9142", None, ("db1", "db2"), 9142),
    "one twice": ("db1,db1", None, ("db1",), 9042),
    "a domain": ("node-1.eu_west.example.com.", None, ("node-1.eu_west.example.com.",), 9042),
    "IPv4": ("192.0.2.1", None, ("192.0.2.1",), 9042),
    "IPv4 with its port": ("192.0.2.1:9142", None, ("192.0.2.1",), 9142),
    "IPv6": ("2001:db8::1", None, ("2001:db8::1",), 9042),
    "IPv6 and a port": ("::1", 9142, ("::1",), 9142),
    "IPv6 in brackets": ("[2001:db8::1]", None, ("2001:db8::1",), 9042),
    "IPv6 in brackets with its port": ("[2001:db8::1]:9142", None, ("2001:db8::1",), 9142),
    "several of all kinds": (
        "db1,192.0.2.1,::1,[2001:db8::1]:9042",
        None,
        ("db1", "192.0.2.1", "::1", "2001:db8::1"),
        9042,
    ),
    "IPv6 without brackets is all address": ("::1:9042", None, ("::1:9042",), 9042),
    "nothing": ("", None, (), 9042),
}
REFUSED = {
    "a scheme": ("cassandra://db1", "has 'cassandra://db1' among its hosts"),
    "a path": ("db1/prices", "has 'db1/prices' among its hosts"),
    "a login": ("me:word@db1", "has 'db1' among its hosts"),
    "a login with a comma": ("me:word,word@db1,db2", "has 'db1,db2' among its hosts"),
    "a blank within": ("db1 db2", "has 'db1 db2' among its hosts"),
    "no port": ("db1:native", "has 'db1:native' among its hosts"),
    "an empty port": ("db1:", "has 'db1:' among its hosts"),
    "a port too high": ("db1:70000", "has 'db1:70000' among its hosts"),
    "port 0": ("db1:0", "has 'db1:0' among its hosts"),
    "a name in brackets": ("[db1]:9042", "has '[db1]:9042' among its hosts"),
    "IPv6 and a port without brackets": ("fe80::1:99999", "has 'fe80::1:99999' among its hosts"),
    "two ports": ("db1:9042,db2:9142", "names the ports 9042, 9142"),
}


@pytest.mark.parametrize(("listed", "port", "hosts", "shared"), ACCEPTED.values(), ids=ACCEPTED)
def test_takes(listed, port, hosts, shared):
    assert contact_points(listed, port, "cassandra_default") == (hosts, shared)


@pytest.mark.parametrize(("listed", "told"), REFUSED.values(), ids=REFUSED)
def test_refuses_and_says_what_to_write(listed, told):
    with pytest.raises(SettingsError, match=re.escape(told)) as caught:
        contact_points(listed, None, "cassandra_schema")

    assert str(caught.value).startswith("the Airflow connection 'cassandra_schema'")
    assert "write" in str(caught.value)
    assert "host1,host2:9042" in str(caught.value)
    assert "word" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize("port", [70000, -1])
def test_refuses_a_port_of_its_own_that_is_none(port):
    with pytest.raises(SettingsError, match=f"has 'port {port}'"):
        contact_points("db1", port, "cassandra_default")


def test_refuses_another_port_in_the_host_than_of_its_own():
    with pytest.raises(SettingsError, match="names the ports 9042, 9142; Cassandra's nodes share"):
        contact_points("db1:9142", 9042, "cassandra_default")


def test_shows_an_address_of_ipv6_in_brackets():
    assert CassandraSettings(hosts=("::1", "db"), port=9142).address == "[::1]:9142,db:9142"
