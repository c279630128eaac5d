"""The exchange's address: every form that a connection can have, and what is refused with why.

tests/dags/test_connection_forms.py has them from the environment, through Airflow's own parsing.
"""

import re

import pytest

from include.exchange.addresses import (
    AddressFields,
    allowed_base_urls,
    is_elsewhere,
    read_simulator_host,
)
from include.exchange.hosts import HOSTS
from include.records.errors import SettingsError

BINANCE = "https://data-api.binance.vision"
ACCEPTED = {
    "a URL": (AddressFields(BINANCE), BINANCE),
    "a URL with a slash": (AddressFields(f"{BINANCE}/"), BINANCE),
    "a URL with its port": (AddressFields(f"{BINANCE}:443"), BINANCE),
    "a name": (AddressFields("data-api.binance.vision"), BINANCE),
    "a name with a slash": (AddressFields("data-api.binance.vision/"), BINANCE),
    "a name with its port": (AddressFields("data-api.binance.vision:443"), BINANCE),
    "a name and a port": (AddressFields("data-api.binance.vision", port=443), BINANCE),
    "a name in capitals": (AddressFields(" HTTPS://Data-API.binance.vision "), BINANCE),
    "a type": (AddressFields("data-api.binance.vision", kind="https"), BINANCE),
    "the type of every connection by HTTP": (
        AddressFields("data-api.binance.vision", kind="http"),
        BINANCE,
    ),
    "a schema": (AddressFields("data-api.binance.vision", kind="http", schema="https"), BINANCE),
    "another host": (AddressFields("api3.binance.com"), "https://api3.binance.com"),
    "loopback": (AddressFields("http://127.0.0.1:8900"), "http://127.0.0.1:8900"),
    "loopback and a port": (AddressFields("127.0.0.1", port=8900), "http://127.0.0.1:8900"),
    "loopback by name": (AddressFields("localhost:8900"), "http://localhost:8900"),
    "loopback without a port": (AddressFields("127.0.0.1", kind="http"), "http://127.0.0.1"),
    "loopback by TLS": (AddressFields("https://127.0.0.1:8443"), "https://127.0.0.1:8443"),
    "loopback, a type": (
        AddressFields("127.0.0.1", kind="https", port=8443),
        "https://127.0.0.1:8443",
    ),
    "loopback, the same port twice": (
        AddressFields("127.0.0.1:8900", port=8900),
        "http://127.0.0.1:8900",
    ),
    "IPv6 in brackets": (AddressFields("[::1]:8900"), "http://[::1]:8900"),
    "IPv6 without brackets": (AddressFields("::1", port=8900), "http://[::1]:8900"),
    "IPv6 in a URL": (AddressFields("http://[::1]:8900/"), "http://[::1]:8900"),
}
REFUSED = {
    "nothing": (AddressFields(""), "it names no host"),
    "a scheme alone": (AddressFields("https://"), "it names no host"),
    "no TLS": (AddressFields("http://data-api.binance.vision"), "asked by https only"),
    "a schema without TLS": (
        AddressFields("data-api.binance.vision", schema="http"),
        "asked by https only",
    ),
    "two schemes": (
        AddressFields(BINANCE, schema="http"),
        "its host says https, and its schema http",
    ),
    "another scheme": (AddressFields("ftp://data-api.binance.vision"), "its scheme is 'ftp'"),
    "no port of the exchange": (AddressFields(f"{BINANCE}:8443"), "answers on port 443 only"),
    "two ports": (
        AddressFields("127.0.0.1:8900", port=8901),
        "its host says port 8900, and its port 8901",
    ),
    "no port": (AddressFields("127.0.0.1:http"), "its port is no number from 1 to 65535"),
    "port 0": (AddressFields("127.0.0.1:0"), "its port is no number from 1 to 65535"),
    "a port too high": (AddressFields("127.0.0.1", port=70000), "its port is no number"),
    "a path": (AddressFields(f"{BINANCE}/api/v3"), "more than scheme, host and port"),
    "a path as schema": (
        AddressFields("data-api.binance.vision", schema="api/v3"),
        "it has a path, or a schema that is neither",
    ),
    "a query": (AddressFields(f"{BINANCE}?a=b"), "more than scheme, host and port"),
    "a login": (AddressFields("https://me:word@api.binance.com"), "it has a login in it"),
    "a login alone": (AddressFields("me:word@api.binance.com"), "it has a login in it"),
    "another host": (
        AddressFields("https://data-api.binance.vision.evil.example"),
        "'data-api.binance.vision.evil.example' is neither a host of the exchange nor loopback",
    ),
    "a private host": (AddressFields("http://10.0.0.5:8900"), "'10.0.0.5' is neither"),
    "the name of a container": (AddressFields("http://simulator:8900"), "'simulator' is neither"),
    "every address": (AddressFields("http://0.0.0.0:8900"), "'0.0.0.0' is neither"),
    "a file": (AddressFields("file:///etc/passwd"), "its scheme is 'file'"),
    "blanks": (AddressFields("data-api .binance.vision"), "characters that no address has"),
    "a backslash": (AddressFields("https:\\\\127.0.0.1"), "characters that no address has"),
    "half a bracket": (AddressFields("http://[::1:8900"), "it cannot be read"),
}


@pytest.mark.parametrize(("fields", "url"), ACCEPTED.values(), ids=ACCEPTED)
def test_takes(fields, url):
    assert allowed_base_urls(fields)[0] == url


@pytest.mark.parametrize(("fields", "told"), REFUSED.values(), ids=REFUSED)
def test_refuses_and_says_why_and_what_to_write(fields, told):
    with pytest.raises(SettingsError, match=re.escape(told)) as caught:
        allowed_base_urls(fields)

    assert f"set the connection 'binance_default' to {BINANCE}" in str(caught.value)
    assert "word" not in str(caught.value)


def test_turns_to_the_other_hosts_of_binance_and_never_from_a_simulator():
    first, *others = allowed_base_urls(AddressFields("https://api.binance.com/"))

    assert first == "https://api.binance.com"
    assert others[0] == BINANCE
    assert {first, *others} == {f"https://{host}" for host in HOSTS}
    assert len(others) == 6
    assert allowed_base_urls(AddressFields("127.0.0.1:8900")) == ("http://127.0.0.1:8900",)


def test_asks_a_simulator_elsewhere_only_where_a_setting_names_its_host():
    fields = AddressFields("http://simulator:8900")

    assert allowed_base_urls(fields, "simulator") == ("http://simulator:8900",)
    for named in ("", "simulator2", "other"):
        with pytest.raises(SettingsError, match="'simulator_host'"):
            allowed_base_urls(fields, named)


def test_asks_the_exchange_by_tls_even_where_it_is_named_as_a_simulator():
    with pytest.raises(SettingsError, match="asked by https only"):
        allowed_base_urls(AddressFields("http://api.binance.com"), "api.binance.com")


@pytest.mark.parametrize(
    "text", ["", "  ", "simulator", " Simulator ", "sim-1.example", "10.0.0.5"]
)
def test_takes_one_host_of_a_simulator(text):
    assert read_simulator_host(text) == text.strip().lower()


@pytest.mark.parametrize(
    "text", ["a,b", "http://simulator", "simulator:8900", "*", ".", "simulator/", "a b", "-a"]
)
def test_refuses_more_than_one_host_of_a_simulator(text):
    with pytest.raises(SettingsError, match=r"'simulator_host' is .* set it to one host"):
        read_simulator_host(text)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("https://data-api.binance.vision", False),
        ("http://127.0.0.1:8900", False),
        ("[::1]:8900", False),
        ("http://simulator:8900", True),
    ],
)
def test_knows_an_address_that_only_a_named_simulator_has(host, expected):
    assert is_elsewhere(AddressFields(host)) is expected
