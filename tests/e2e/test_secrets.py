"""A whole stack has secrets: its own, and those of connections. Nothing that it wrote tells one."""

import json

import httpx
import pytest

from dev.stack.postgres import open_database
from tests.e2e.conftest import ANSWER_SECONDS
from tests.fakes.hostile import HOSTILE
from tests.fakes.planted import find_in_text, find_secrets

PLANTED = {
    "slack": "pl4nted-slack-5ecret",
    "webhook": "pl4nted-webhook-5ecret",
    "smtp": "pl4nted-smtp-5ecret",
}
# Nothing listens on port 9 of this machine: failures tell the most.
CONNECTIONS = [
    {
        "connection_id": "planted_slack",
        "conn_type": "slackwebhook",
        "password": f"http://127.0.0.1:9/services/{PLANTED['slack']}",
    },
    {
        "connection_id": "planted_webhook",
        "conn_type": "http",
        "host": "http://127.0.0.1:9",
        "login": "prices",
        "password": PLANTED["webhook"],
    },
    {
        "connection_id": "planted_smtp",
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": 9,
        "login": "prices",
        "password": PLANTED["smtp"],
        "extra": json.dumps({"disable_ssl": True, "from_email": "a@example.com"}),
    },
]
WATCH = {
    "rules": [{"name": "old", "kind": "older_than", "minutes": 10}],
    "notify": [
        {"kind": "slack", "connection": "planted_slack"},
        {"kind": "webhook", "connection": "planted_webhook"},
        {"kind": "smtp", "connection": "planted_smtp", "to": "desk@example.com"},
    ],
}
# Where each belongs: the file that only the owner reads.
ALLOWED = ("secrets.json",)
# The search is read while the servers go on writing.
SHOWN = 20


@pytest.fixture(scope="module")
def secrets(product):
    """All secrets by name, once every channel that has one has been tried."""
    with product.stack.rest() as api:
        made = [("/connections", body) for body in CONNECTIONS]
        made += [("/variables", {"key": "price_watch", "value": json.dumps(WATCH)})]
        for path, body in made:
            api.post(path, json=body).raise_for_status()
        api.patch("/dags/watch_prices", json={"is_paused": False}).raise_for_status()
        try:
            state, log = product.run_dag("watch_prices", test=True)
            assert state == "failed", log
        finally:
            api.patch("/dags/watch_prices", json={"is_paused": True}).raise_for_status()
            api.delete("/variables/price_watch").raise_for_status()
            for body in CONNECTIONS:
                api.delete(f"/connections/{body['connection_id']}").raise_for_status()
    own = {f"{name} of the stack": secret for name, secret in product.stack.home.secrets().items()}
    return PLANTED | own


def test_no_file_of_the_stack_has_a_secret(product, secrets):
    """Logs of all servers and tasks, batches, results, Data Docs, reports, exports, the mart."""
    found = find_secrets(product.stack.home.path, secrets, ALLOWED)

    assert found[:SHOWN] == []


def test_airflow_keeps_no_secret_in_the_open(product, secrets):
    """Whole tables: XCom, rendered fields, runs' forms, Variables, the log of events."""
    password = product.stack.home.secrets()["postgres"]
    database = open_database(product.stack.ports.postgres, password)
    found = {}
    with database, database.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" AS t')  # noqa: S608 - from the catalogue
            rows = "\n".join(row for (row,) in cursor)
            if names := find_in_text(rows, secrets):
                found[table] = names
    database.close()

    assert {"xcom", "rendered_task_instance_fields", "connection", "log"} <= {*tables}
    assert found == {}


def test_no_answer_of_the_product_has_a_secret(product, secrets):
    paths = (
        *("/prices/health", "/prices/metrics", "/prices/", "/quality/"),
        "/prices/api/board?symbol=BTCUSDT",
    )
    answers = [
        httpx.get(f"{product.url}{path}", trust_env=False, timeout=ANSWER_SECONDS) for path in paths
    ]
    told = "".join(f"{answer.headers} {answer.text}" for answer in answers)
    told += "".join(product.page(path) for path in paths)

    assert find_in_text(told, secrets) == []


def test_a_form_is_no_template(product):
    """Airflow renders what a task is given, but not what a person has typed."""
    wishes = {"action": "list", "expectations": [HOSTILE["jinja"]], "note": HOSTILE["jinja"]}

    state, log = product.run_dag("replay_quarantine", **wishes)

    assert state == "success", log
    tasks = product.get("/dags/replay_quarantine/dagRuns/~/taskInstances", limit=100)
    assert "7 * 191" in json.dumps(tasks)
    assert "1337" not in json.dumps([task["rendered_fields"] for task in tasks["task_instances"]])
    assert "1337" not in log
