"""GET /prices/metrics, scraped as Prometheus does."""

import asyncio
import threading
from datetime import UTC, datetime

import httpx
import pytest
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI
from prometheus_client.parser import text_string_to_metric_families

from include.reading.gauges import BudgetFacts, Gauge, GaugeFacts, SymbolCounts, samples_of
from include.reading.health import SymbolFacts
from include.records.errors import SettingsError, StoreSilentError
from include.records.windows import MINUTE
from include.web import access, metrics
from include.web.metrics import Metrics, add_metrics, needs_login, text_of
from include.web.responses import add_security_headers, answer_errors_in_json
from plugins import prices

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
CLOSED = NOW.replace(second=0)
FACTS = GaugeFacts(
    read_at=NOW,
    symbols=(
        SymbolFacts("BTCUSDT", CLOSED - MINUTE, CLOSED, CLOSED, 60, 59, 4_250, 3),
        SymbolFacts("币安人生USDT", CLOSED - MINUTE, CLOSED, CLOSED - 4 * MINUTE, 60, 60, 4_500),
    ),
    counts=(SymbolCounts("BTCUSDT", 7, 1, 2), SymbolCounts("币安人生USDT", 0, 0, 0)),
    budget=BudgetFacts(62, 3_000, None),
)
# Long enough for a thread to start on a busy machine, and never waited for.
LONG_SECONDS = 30.0
SHORT_SECONDS = 0.05


def served(read=lambda: FACTS, ask_login=lambda: False, **options):
    """An app whose pages need a login, as the plugin's."""
    app = FastAPI(dependencies=[Depends(get_user)])
    add_security_headers(app, "default-src 'none'")
    answer_errors_in_json(app)
    add_metrics(app, Metrics(read, ask_login, **({"limit_seconds": LONG_SECONDS} | options)))
    return app


def ask(app, count=1, method="GET", **options):
    """Ask the application itself, all at once; there is no server."""

    async def ask_all():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
            asked = (client.request(method, "/metrics", **options) for _ in range(count))
            return await asyncio.gather(*asked)

    return asyncio.run(ask_all())


def scraped(answer):
    """Value by name and symbol, as Prometheus's own parser reads it."""
    return {
        (sample.name, sample.labels.get("symbol")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def failing(error):
    def fail():
        raise error

    return fail


def test_shows_every_gauge_with_its_value():
    (answer,) = ask(served())

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert scraped(answer) == {
        (each.gauge.metric, each.symbol): float(each.value) for each in samples_of(FACTS)
    }
    assert scraped(answer)["minute_prices_publish_delay_seconds", "BTCUSDT"] == 4.25


def test_every_gauge_is_described_and_called_a_gauge():
    (answer,) = ask(served())

    families = [*text_string_to_metric_families(answer.text)]
    assert [(each.name, each.type, each.documentation) for each in families] == [
        (gauge.metric, "gauge", gauge.value.meaning) for gauge in Gauge
    ]


def test_answers_head_and_no_other_method():
    app = served()

    assert ask(app, method="HEAD")[0].status_code == 200
    assert ask(app, method="POST")[0].status_code == 405


def test_has_the_headers_of_the_pages():
    (answer,) = ask(served())

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'"


def test_tells_a_stranger_nothing_and_reads_nothing_for_him():
    readings = []
    app = served(lambda: readings.append(1) or FACTS, ask_login=lambda: True)

    (answer,) = ask(app)

    assert answer.status_code == 401
    assert answer.json()["problem"].startswith("Not authenticated: log in to Airflow")
    assert readings == []


@pytest.mark.parametrize(("role", "expected"), [("VIEWER", 200), (None, 403)])
def test_asks_airflow_who_has_a_token_and_whether_he_may_read(monkeypatch, role, expected):
    """The header's token goes to Airflow, which knows it or not."""
    asked = []

    async def know(_request, _oauth, bearer):
        asked.append(bearer.credentials)
        return SimpleAuthManagerUser(username="somebody", role=role)

    monkeypatch.setattr(metrics, "get_user", know)
    monkeypatch.setattr(access, "get_auth_manager", SimpleAuthManager)

    (answer,) = ask(served(ask_login=lambda: True), headers={"Authorization": "Bearer T0ken"})

    assert (answer.status_code, asked) == (expected, ["T0ken"])


@pytest.mark.parametrize("error", [SettingsError("wrong"), KeyError("a bug")])
def test_a_setting_that_cannot_be_read_opens_nothing(error):
    assert ask(served(ask_login=failing(error)))[0].status_code == 401


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, True), ("on", True), ("", True), ("no", True), ("off", False), (" Off ", False)],
)
def test_needs_a_login_unless_it_is_switched_off(monkeypatch, value, expected):
    monkeypatch.delenv("AIRFLOW_VAR_METRICS_NEED_LOGIN", raising=False)
    if value is not None:
        monkeypatch.setenv("AIRFLOW_VAR_METRICS_NEED_LOGIN", value)

    assert needs_login() is expected


@pytest.mark.parametrize(
    "error", [StoreSilentError("secret-host is down"), SettingsError("secret"), KeyError("secret")]
)
def test_says_that_the_figures_cannot_be_read_and_why_only_in_the_log(error, caplog):
    (answer,) = ask(served(failing(error)))

    assert answer.status_code == 200
    assert scraped(answer) == {("minute_prices_up", None): 0}
    assert "secret" not in answer.text
    assert "secret" in caplog.text


def test_waits_for_no_store_that_hangs_and_holds_one_thread():
    thaws = threading.Event()
    asked = Metrics(
        lambda: (thaws.wait(LONG_SECONDS), FACTS)[1],
        lambda: False,
        limit_seconds=SHORT_SECONDS,
        kept_seconds=0,
    )

    texts = {asyncio.run(asked.text()) for _ in range(5)}
    waiting = [each.name for each in threading.enumerate() if each.name == "metrics-facts"]
    thaws.set()

    assert texts == {text_of(samples_of(None))}
    assert waiting == ["metrics-facts"]


def test_reads_once_for_many_who_scrape():
    readings = []
    app = served(lambda: readings.append(1) or FACTS, kept_seconds=LONG_SECONDS)

    answers = ask(app, 50) + ask(app)

    assert {answer.status_code for answer in answers} == {200}
    assert len(readings) == 1


def test_reads_again_when_the_figures_are_old():
    found = iter([FACTS, FACTS])
    app = served(lambda: next(found), kept_seconds=0)

    up = [scraped(ask(app)[0])["minute_prices_up", None] for _ in range(3)]

    assert up == [1, 1, 0]


def test_is_served_by_the_plugin_behind_its_login():
    assert ask(prices.app)[0].status_code == 401
