"""Every connection has a secret, every body of a task runs, and nothing that is written tells one.

Most secrets are told by failures, so here every server is down. What the bodies write when all is
well is searched, too; tests/e2e/test_secrets.py searches what a whole stack has written.
"""

import asyncio
import base64
import gzip
import json
import logging
import traceback

import httpx
import pytest
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from airflow.sdk.exceptions import AirflowException
from sqlalchemy.exc import SQLAlchemyError

from include.orchestration import alerts
from include.orchestration.forms import Kind
from include.records.errors import MarketDataError
from include.records.windows import MINUTE
from include.store.session import SESSIONS
from include.tasks import (
    audit_prices,
    average_minutes,
    backfill_prices,
    gates,
    ingest_prices,
    initialize_store,
    maintain,
    replay_quarantine,
    report_prices,
    validate_batches,
    watch_prices,
)
from include.web import prices_api
from plugins import prices, quality
from tests.fakes.builders import NOON, batch, land, symbol_info
from tests.fakes.memory_store import MemoryStore
from tests.fakes.planted import find_in_text, find_secrets

NAMES = (
    *("cassandra", "schema", "mart", "metadata", "smtp", "slack", "webhook", "webhook path"),
    *("exchange", "proxy", "storage", "fernet", "jwt", "session"),
)
SECRETS = {name: f"pl4nted+{name.replace(' ', '_')}/5ecret" for name in NAMES}
# As part of an address: a slash would end it.
IN_URL = {name: secret.replace("/", "-").replace("+", "-") for name, secret in SECRETS.items()}
ALL = SECRETS | {f"{name} of an address": secret for name, secret in IN_URL.items()}
DOWN = {"host": "127.0.0.1", "port": 9, "login": "prices"}
QUICK = {"patience_seconds": 0.1, "request_timeout_seconds": 0.1}
CONNECTIONS = {
    "CASSANDRA_DEFAULT": {
        "conn_type": "cassandra",
        "password": SECRETS["cassandra"],
        "extra": QUICK,
    },
    "CASSANDRA_SCHEMA": {"conn_type": "cassandra", "password": SECRETS["schema"], "extra": QUICK},
    "MART": {"conn_type": "postgres", "password": SECRETS["mart"], "schema": "mart"},
    "AIRFLOW_METADATA": {"conn_type": "postgres", "password": SECRETS["metadata"], "schema": "a"},
    "SMTP_DEFAULT": {
        "conn_type": "smtp",
        "password": SECRETS["smtp"],
        "extra": {"disable_ssl": True, "from_email": "a@x.org", "retry_limit": 1},
    },
    "SLACK_DEFAULT": {
        "conn_type": "slackwebhook",
        "password": f"http://127.0.0.1:9/services/{IN_URL['slack']}",
    },
    "DESK": {
        "conn_type": "http",
        "host": f"http://127.0.0.1:9/{IN_URL['webhook path']}",
        "password": SECRETS["webhook"],
    },
    "BINANCE_DEFAULT": {
        "conn_type": "http",
        "host": f"https://me:{IN_URL['exchange']}@data-api.binance.vision",
    },
}
WATCH = """
rules: [{name: old, kind: older_than, minutes: 10}]
notify:
  - {kind: smtp, to: desk@example.com}
  - {kind: slack}
  - {kind: webhook, connection: desk}
"""
DAY = "2020-01-01"
FETCH = {
    "symbol": "BTCUSDT",
    "url": "",
    "due_at": NOON.isoformat(),
    "start": NOON.isoformat(),
    "end": (NOON + MINUTE).isoformat(),
    "tick_size": "0.01",
    "clock_offset_ms": 0,
    "unreadable": "",
    "overlap_minutes": 0,
    "leave": None,
}
REPLAY = {
    "symbol": "BTCUSDT",
    "action": "list",
    "since": DAY,
    "until": DAY,
    "note": "",
    "expectations": [],
    "accept": [],
    "rows": [],
}
BACKFILL = {
    "symbol": "BTCUSDT",
    "day": DAY,
    "source": "auto",
    "force": True,
    "symbols": ["BTCUSDT"],
}
NEWS = {"hours": ["2026-03-01T12"], "known_at": None, "problems": {}}
BODIES = {
    "initialize_store": initialize_store.initialize_store,
    "check_deployment": lambda: initialize_store.check_deployment(None),
    "plan": ingest_prices.plan,
    "fetch": lambda: ingest_prices.fetch([FETCH]),
    "validate": lambda: validate_batches.validate([[FETCH]], 0),
    "load": lambda: ingest_prices.load([[FETCH]]),
    "publish": average_minutes.publish,
    "backfill": lambda: backfill_prices.backfill_day(BACKFILL),
    "audit": lambda: audit_prices.audit({"symbol": "BTCUSDT", "days": [DAY]}),
    "replay": lambda: replay_quarantine.settle(REPLAY),
    "refresh": report_prices.refresh_mart,
    "report": lambda: report_prices.publish_report(NEWS),
    "data_docs": report_prices.data_docs,
    "watch": lambda: watch_prices.watch({"test": False}),
    "test of the watch": lambda: watch_prices.watch({"test": True}),
    "mail": lambda: alerts.mail(["a message"], {}),
    **{
        f"maintain {kind}": lambda kind=kind: maintain.keep_up(kind, {"only_count": False})
        for kind in Kind
    },
}
# What needs no server that is down.
MAY_END_WELL = {"data_docs", "validate", *(f"maintain {kind}" for kind in Kind)}


@pytest.fixture(autouse=True)
def _planted(monkeypatch, tmp_path):
    for name, fields in CONNECTIONS.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(DOWN | fields))
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://me:{IN_URL['proxy']}@127.0.0.1:9")
    for name, value in (
        *(("SYMBOLS", "BTCUSDT"), ("PRICE_WATCH", WATCH), ("ALERT_TO", "ops@example.com")),
        *(
            ("STORAGE_URL", str(tmp_path)),
            ("PRICE_WATCH_STATE", "{}"),
        ),
    ):
        monkeypatch.setenv(f"AIRFLOW_VAR_{name}", value)
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", base64.b64encode(b"x" * 32).decode())
    monkeypatch.setattr("os.nice", lambda _: None)
    monkeypatch.setattr("airflow.sdk.Variable.set", lambda *_, **__: None)
    yield
    SESSIONS.close()
    prices.health._fresh_until_s = 0.0  # noqa: SLF001 - a verdict is kept for seconds


def told_by(body):
    """What a body's failure tells, in its log as with its traceback."""
    try:
        body()
    except (MarketDataError, AirflowException, SQLAlchemyError, OSError) as error:
        return "".join(traceback.format_exception(error))
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("name", BODIES)
def test_no_body_tells_a_secret_where_every_server_is_down(name, caplog, capfd, tmp_path):
    with caplog.at_level(logging.INFO):
        told = told_by(BODIES[name])

    assert told or name in MAY_END_WELL
    written = "".join(capfd.readouterr())
    assert find_in_text(told + caplog.text + written, ALL) == []
    assert find_secrets(tmp_path, ALL) == []


@pytest.mark.parametrize(
    "url", ["s3://key:{}@bucket/prices", "nowhere://key:{}@host/prices", "key:{}@host"]
)
def test_no_body_tells_the_secret_of_the_storages_address(monkeypatch, caplog, url):
    """A relative path is refused with its text; only an address can hide what is a secret in it."""
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", url.format(IN_URL["storage"]))
    is_address = "://" in url

    with caplog.at_level(logging.INFO):
        told = told_by(report_prices.data_docs) + told_by(BODIES["maintain landing"])

    assert told
    assert not is_address or find_in_text(told + caplog.text, ALL) == []


def test_no_body_tells_the_secret_of_the_exchanges_address(monkeypatch, caplog):
    """It is refused, since the exchange needs no login."""
    monkeypatch.setattr(ingest_prices, "open_store", MemoryStore)

    told = told_by(ingest_prices.plan)

    assert "is not allowed" in told
    assert find_in_text(told + caplog.text, ALL) == []


@pytest.mark.slow
@pytest.mark.parametrize("app", [prices.app, quality.app], ids=["prices", "quality"])
def test_no_page_tells_a_secret_where_every_server_is_down(monkeypatch, caplog, app):
    monkeypatch.setattr(prices_api, "PATIENCE_SECONDS", 0.1)
    prices_api._deployment.cache_clear()  # noqa: SLF001 - another test's
    manager = "airflow.api_fastapi.core_api.security.get_auth_manager"
    monkeypatch.setattr(manager, SimpleAuthManager)
    user = SimpleAuthManagerUser(username="somebody", role="admin")
    monkeypatch.setitem(app.dependency_overrides, get_user, lambda: user)

    async def ask_all():
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
            paths = [route.path.replace("{path:path}", "latest.html") for route in app.routes]
            return [await client.get(path, params={"symbol": "BTCUSDT"}) for path in paths]

    with caplog.at_level(logging.INFO):
        answers = asyncio.run(ask_all())

    told = "".join(f"{answer.headers} {answer.text}" for answer in answers)
    assert 503 in {answer.status_code for answer in answers}
    assert find_in_text(told + caplog.text, ALL) == []


@pytest.mark.slow
def test_what_the_bodies_write_when_all_is_well_tells_no_secret(monkeypatch, caplog, tmp_path):
    """Batches, verdicts, results, Data Docs and messages between tasks."""
    store = MemoryStore()
    store.remember_symbol(symbol_info())
    for module in (ingest_prices, validate_batches, gates, report_prices):
        monkeypatch.setattr(module, "open_store", lambda: store)
    monkeypatch.setattr(report_prices, "now", lambda: NOON)
    message = FETCH | {"url": land(str(tmp_path), batch())}

    with caplog.at_level(logging.INFO):
        checked = validate_batches.validate([[message]], 0)
        ingest_prices.load([[message]])
        index = report_prices.data_docs()

    assert [each["rows"] > 0 for each in checked] == [True]
    assert len(list(tmp_path.rglob("*.html"))) > 1
    assert find_in_text(json.dumps([checked, index]) + caplog.text, ALL) == []
    assert find_secrets(tmp_path, ALL) == []


@pytest.mark.parametrize(
    "written",
    [
        lambda secret: secret.encode(),
        lambda secret: b"before " + secret.encode() + b" after",
        lambda secret: gzip.compress(secret.encode()),
        lambda secret: base64.b64encode(f"me:{secret}".encode()),
        lambda secret: base64.b64encode(f"some:{secret}:else".encode()),
        lambda secret: b"?token=" + httpx.QueryParams({"a": secret}).__str__().encode(),
    ],
    ids=["as it is", "within", "gzip", "login of http", "base64", "percent"],
)
def test_the_search_finds_what_is_planted(tmp_path, written):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(written(SECRETS["mart"]))
    (tmp_path / "a" / "other").write_bytes(b"nothing")

    assert find_secrets(tmp_path, ALL) == ["mart in a/file"]
    assert find_secrets(tmp_path, ALL, allowed=["a/file"]) == []
