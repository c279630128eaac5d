import json

import httpx
import pytest

from dev.machine.errors import SetupError, StartError
from dev.machine.home import CHECKOUT
from dev.stack.airflow_settings import apply_settings, read_settings

FILE = """
airflow:
  connections:
    - conn_id: cassandra_default
      conn_type: cassandra
      conn_host: 127.0.0.1
      conn_login:
      conn_port: 9042
      conn_extra: '{"a": "b"}'
      conn_uri:
  pools:
    - {pool_name: binance, pool_slot: 8, pool_description: Fetches}
  variables:
    - {variable_name: symbols, variable_value: BTCUSDT}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "airflow_settings.yaml"
    path.write_text(FILE)
    return path


def test_gives_the_fields_their_names_in_the_api(file):
    bodies = read_settings(file, connections={}, variables={})

    assert bodies == {
        "connections": [
            {
                "connection_id": "cassandra_default",
                "conn_type": "cassandra",
                "host": "127.0.0.1",
                "port": 9042,
                "extra": '{"a": "b"}',
            }
        ],
        "pools": [{"name": "binance", "slots": 8, "description": "Fetches"}],
        "variables": [{"key": "symbols", "value": "BTCUSDT"}],
    }


def test_puts_this_runs_values_over_those_of_the_file(file):
    bodies = read_settings(
        file,
        connections={"cassandra_default": {"port": 9050}},
        variables={"symbols": "ETHUSDT", "storage_url": "elsewhere"},
    )

    assert bodies["connections"][0]["port"] == 9050
    assert bodies["variables"] == [
        {"key": "symbols", "value": "ETHUSDT"},
        {"key": "storage_url", "value": "elsewhere"},
    ]


def test_refuses_to_change_a_connection_that_the_file_lacks(file):
    with pytest.raises(SetupError, match="has no connection mart"):
        read_settings(file, connections={"mart": {}}, variables={})


def test_the_committed_file_holds_every_connection_that_a_stack_changes():
    changed = {name: {} for name in ("cassandra_default", "binance_default", "mart")}

    bodies = read_settings(CHECKOUT / "airflow_settings.yaml", connections=changed, variables={})

    assert len(bodies["connections"]) == 3


def api(answer):
    requests = []

    def handle(request):
        requests.append(request)
        return httpx.Response(200, json=answer)

    return requests, httpx.Client(base_url="http://api", transport=httpx.MockTransport(handle))


def test_overwrites_what_is_there():
    requests, client = api({"create": {"success": ["x"], "errors": []}})

    apply_settings(client, {"variables": [{"key": "symbols", "value": "BTCUSDT"}]})

    (action,) = json.loads(requests[0].content)["actions"]
    assert requests[0].url.path == "/variables"
    assert action["action_on_existence"] == "overwrite"
    assert action["entities"] == [{"key": "symbols", "value": "BTCUSDT"}]


def test_tells_what_airflow_refuses():
    _, client = api({"create": {"success": [], "errors": [{"error": "no such pool"}]}})

    with pytest.raises(StartError, match=r"refuses pools .*no such pool"):
        apply_settings(client, {"pools": [{}]})


def test_the_project_ships_a_mart_that_is_a_file_where_no_folder_is_named():
    bodies = read_settings(CHECKOUT / "airflow_settings.yaml", connections={}, variables={})

    (mart,) = [each for each in bodies["connections"] if each["connection_id"] == "mart"]
    assert mart == {"connection_id": "mart", "conn_type": "sqlite"}
