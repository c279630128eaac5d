"""The mart's place: every form that its connection can have, and what is refused."""

import re

import pytest

from include.mart.addresses import MartFields, MartFile, MartServer, read_mart_address
from include.records.errors import SettingsError

FILE = MartFile("/srv/mart.db")
POSTGRES = MartServer("postgres")
ACCEPTED = {
    "an absolute path": (MartFields("sqlite", "/srv/mart.db"), FILE),
    "a path with blanks around": (MartFields("sqlite", " /srv/mart.db "), FILE),
    "a URL of a file": (MartFields("sqlite", "file:///srv/mart.db"), FILE),
    "a URL of SQLAlchemy": (MartFields("sqlite", "sqlite:////srv/mart.db"), FILE),
    "four slashes, as Airflow reads them": (MartFields("sqlite", "", "/srv/mart.db"), FILE),
    "no path": (MartFields("sqlite"), MartFile("")),
    "that of version 0.1.0": (MartFields("sqlite", "data/mart.db"), MartFile("data/mart.db")),
    "a server": (MartFields("postgres", "db.example.com", "analytics"), POSTGRES),
    "an address": (MartFields("postgres", "192.0.2.1", "analytics"), POSTGRES),
    "an address of IPv6": (MartFields("postgres", "2001:db8::1", "analytics"), POSTGRES),
    "a socket": (MartFields("postgres", "/var/run/postgresql", "analytics"), POSTGRES),
    "no database": (MartFields("postgres", "db.example.com"), POSTGRES),
    "another kind of server": (MartFields("mysql", "db", "analytics"), MartServer("mysql")),
}
REFUSED = {
    "a relative path": (MartFields("sqlite", "mart.db"), "at 'mart.db', which is not an absolute"),
    "a name": (MartFields("sqlite", "db.example.com"), "at 'db.example.com', which is not"),
    "memory": (MartFields("sqlite", ":memory:"), "at ':memory:', which is not"),
    "three slashes, as Airflow reads them": (
        MartFields("sqlite", "", "srv/mart.db"),
        "at 'srv/mart.db', which is not",
    ),
    "a relative URL": (MartFields("sqlite", "sqlite:///mart.db"), "which is not an absolute path"),
    "two places": (MartFields("sqlite", "/srv/a.db", "b.db"), "at '/srv/a.db', which is not"),
    "no type": (MartFields("", "db"), "is of the type ''"),
    "a type of SQLAlchemy": (
        MartFields("postgresql+psycopg2", "db", "analytics"),
        "is of the type 'postgresql+psycopg2'; write it like postgresql://host",
    ),
    "a type that is no database": (MartFields("http", "db"), "is of the type 'http'"),
    "a port in the host": (MartFields("postgres", "db:5432", "a"), "has 'db:5432' as its host"),
    "brackets": (MartFields("postgres", "[::1]", "a"), "has '[::1]' as its host"),
    "brackets and a port": (MartFields("postgres", "[::1]:5432", "a"), "has '[::1]:5432' as its"),
    "a scheme in the host": (MartFields("postgres", "https://db", "a"), "has 'https://db' as its"),
    "a login in the host": (MartFields("postgres", "me:word@db", "a"), "has 'db' as its host"),
    "a slash after the database": (
        MartFields("postgres", "db", "analytics/"),
        "names the database 'analytics/': leave out the slash",
    ),
}


@pytest.mark.parametrize(("fields", "address"), ACCEPTED.values(), ids=ACCEPTED)
def test_takes(fields, address):
    assert read_mart_address(fields) == address


@pytest.mark.parametrize(("fields", "told"), REFUSED.values(), ids=REFUSED)
def test_refuses_and_says_what_to_write(fields, told):
    with pytest.raises(SettingsError, match=re.escape(told)) as caught:
        read_mart_address(fields)

    message = str(caught.value)
    assert message.startswith("the Airflow connection 'mart'")
    assert re.search(r"postgresql://|sqlite:////", message)
    assert "word" not in message.replace("password", "")
