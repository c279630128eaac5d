"""An order that cannot be carried out is refused where it is given, before there is a run."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from airflow.api_fastapi.core_api.datamodels.dag_run import TriggerDAGRunPostBody
from fastapi import Depends, FastAPI, Header, HTTPException

from include.orchestration.orders import ORDERS
from include.web import order_gate
from include.web.order_gate import OrderGate
from plugins.prices import PricesPlugin

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
DAYS = {"from": "2026-03-01", "to": "2026-03-02"}
REVERSED = {"from": "2026-03-02", "to": "2026-03-01"}
PATH = "/api/v2/dags/{}/dagRuns"


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr(order_gate, "now", lambda: NOW)


def must_be_known(user: str = Header(default="")):
    if not user:
        raise HTTPException(401, "Not authenticated")


class Api:
    """Airflow's API behind the gate: its own body of a run, and a login that comes before."""

    def __init__(self):
        self.started = []
        app = FastAPI()

        @app.post(PATH.format("{dag_id}"), dependencies=[Depends(must_be_known)])
        def start(dag_id: str, body: TriggerDAGRunPostBody):
            self.started.append((dag_id, body.conf))
            return {"dag_run_id": "one"}

        @app.get(PATH.format("{dag_id}"))
        def listed(dag_id: str):
            return {"dag_id": dag_id}

        self.app = OrderGate(app)

    def ask(self, dag_id, *, method="POST", user="somebody", prefix="", **body):
        async def send():
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
                path = prefix + PATH.format(dag_id)
                return await client.request(method, path, headers={"user": user}, **body)

        return asyncio.run(send())

    def order(self, dag_id, conf, **how):
        return self.ask(dag_id, json={"logical_date": None, "conf": conf}, **how)


@pytest.fixture
def api():
    return Api()


@pytest.mark.parametrize(
    ("dag_id", "conf", "words"),
    [
        ("backfill_prices", REVERSED, "set 'from' to the first day and 'to' to the last"),
        ("backfill_prices", DAYS | {"to": "2026-03-04"}, "is in the future: set it to 2026-03-03"),
        ("backfill_prices", DAYS | {"from": "2017-07-13"}, "set it to 2017-07-14 or a later day"),
        ("backfill_prices", DAYS | {"from": "2020-01-01"}, "1000 at a time: split the order"),
        ("backfill_prices", DAYS | {"from": "soon"}, "from: 'soon' is not a day: write it like"),
        ("backfill_prices", DAYS | {"to": "2026-02-30"}, "to: '2026-02-30' is not a day: write it"),
        ("backfill_prices", {"to": "2026-03-01"}, "from: no day is given: write one like 2026-"),
        ("backfill_prices", DAYS | {"symbols": ["btc"]}, "symbols: 'btc' is not a valid symbol: "),
        ("audit_prices", REVERSED, "set 'from' to the first day and 'to' to the last"),
        ("audit_prices", {"to": "2026-03-03"}, "to 2026-03-02, the last whose archive can be"),
        ("replay_quarantine", {"action": "close"}, "give the reason in 'note'"),
        ("replay_quarantine", {"since": "2026-03-04"}, "set 'since' to the first day and 'until'"),
        ("replay_quarantine", {"until": "2026-03-04"}, "in the future: leave it empty for today"),
        ("replay_quarantine", {"since": "2025-01-01"}, "400 days: set 'since' to 2025-01-28"),
        ("replay_quarantine", {"action": "reply"}, "action: Input should be 'list', 'replay' or "),
    ],
)
def test_says_what_to_write_and_starts_no_run(api, dag_id, conf, words):
    answer = api.order(dag_id, conf)

    assert answer.status_code == 400
    assert words in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]
    assert api.started == []


@pytest.mark.parametrize(
    ("dag_id", "conf"),
    [
        ("backfill_prices", DAYS),
        ("backfill_prices", {"from": "2026-03-03", "to": "2026-03-03", "symbols": ["BTCUSDT"]}),
        ("replay_quarantine", {}),
        ("replay_quarantine", {"action": "list", "note": None}),
        ("replay_quarantine", {"action": "list", "note": ""}),
        ("replay_quarantine", {"action": "close", "note": "an outage"}),
        ("audit_prices", {}),
        ("audit_prices", {"from": "", "to": ""}),
        ("ingest_prices", REVERSED),
    ],
)
def test_passes_a_good_order_on_as_it_is(api, dag_id, conf):
    answer = api.order(dag_id, conf)

    assert answer.status_code == 200
    assert api.started == [(dag_id, conf)]


def test_tells_a_stranger_nothing(api):
    answer = api.order("backfill_prices", REVERSED, user="")

    assert answer.status_code == 401
    assert answer.json() == {"detail": "Not authenticated"}


@pytest.mark.parametrize(
    "body",
    [
        {"content": b"{"},
        {"content": b""},
        {"content": b"[" * 100_000},
        {"json": [1]},
        {"json": {"conf": "text"}},
    ],
    ids=["cut short", "empty", "nested too deep", "a list", "a text"],
)
def test_leaves_to_airflow_what_is_no_order(api, body):
    assert api.ask("backfill_prices", **body).status_code == 422
    assert api.started == []


def test_leaves_other_requests_alone(api):
    assert api.ask("backfill_prices", method="GET").json() == {"dag_id": "backfill_prices"}


def test_knows_the_forms_that_say_what_days_or_reasons_they_need(dag_bag):
    """A DAG whose form has only switches has nothing to check."""
    with_form = {
        dag_id
        for dag_id, dag in dag_bag.dags.items()
        if any(param.schema.get("type") != "boolean" for param in dag.params.values())
    }

    assert {*ORDERS} == with_form
    assert all({*ORDERS[dag_id][0]} == {*dag_bag.dags[dag_id].params} for dag_id in with_form)


def test_is_part_of_the_plugin():
    assert [each["middleware"] for each in PricesPlugin.fastapi_root_middlewares] == [OrderGate]
