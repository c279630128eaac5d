import json

from dev.machine.home import Home
from dev.stack.backup import CONNECTION, surroundings


def test_finds_the_mart_of_its_home_and_no_server_that_does_not_run(tmp_path):
    found = surroundings(Home(tmp_path), None, {"PATH": "/bin"})

    assert json.loads(found["AIRFLOW_CONN_MART"])["host"] == str(tmp_path / "data" / "mart.db")
    assert found["PATH"] == "/bin"
    assert CONNECTION not in found


def test_finds_the_server_that_runs(tmp_path):
    found = surroundings(Home(tmp_path), 9043, {})

    assert json.loads(found[CONNECTION]) == {
        "conn_type": "cassandra",
        "host": "127.0.0.1",
        "port": 9043,
        "schema": "prices",
    }


def test_keeps_a_connection_that_somebody_has_set(tmp_path):
    given = {CONNECTION: "cassandra://db.example.com", "AIRFLOW_CONN_MART": "postgres://db/prices"}

    assert surroundings(Home(tmp_path), 9043, given).items() >= given.items()
