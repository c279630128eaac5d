"""Every form of a connection that docs/deploy.md names is taken."""

import re

import pytest

from include.mart.connection import mart_connection
from include.mart.place import mart_file
from include.orchestration.connections import PROJECT, binance_settings, cassandra_settings

READERS = {
    "BINANCE_DEFAULT": binance_settings,
    "CASSANDRA_DEFAULT": cassandra_settings,
    "MART": lambda: mart_file(mart_connection()),
}


def documented():
    """Every whole connection in the first column of the tables of docs/deploy.md."""
    text = (PROJECT / "docs" / "deploy.md").read_text(encoding="utf-8")
    for name in READERS:
        table = text.partition(f"| `AIRFLOW_CONN_{name}` | is |")[2].partition("\n\n")[0]
        firsts = [line.split(" | ")[0] for line in table.splitlines()[2:]]
        for written in re.findall(r"`([^`]+)`", " ".join(firsts)):
            if written.startswith("{") or re.match(r"\w+://", written):
                yield name, written


@pytest.mark.parametrize(("name", "written"), [*documented()])
def test_takes_each_form_that_the_documents_name(monkeypatch, name, written):
    monkeypatch.setenv("AIRFLOW_VAR_SIMULATOR_HOST", "simulator")
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", "/srv/prices")
    monkeypatch.setenv(f"AIRFLOW_CONN_{name}", written)

    READERS[name]()


def test_the_documents_name_forms_of_each_connection():
    assert [name for name in READERS if sum(name == each for each, _ in documented()) < 3] == []
