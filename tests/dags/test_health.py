"""GET /prices/health, called as a load balancer calls it."""

import asyncio
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from airflow.api_fastapi.core_api.security import get_user
from airflow.sdk.exceptions import AirflowNotFoundException
from fastapi import Depends, FastAPI

from include.reading.health import Facts, State, SymbolFacts
from include.records.errors import RetryableError, SettingsError, StoreSilentError
from include.records.windows import MINUTE
from include.web.health import HealthCheck, add_health
from include.web.health_exchange import ExchangeFacts
from include.web.health_probes import AirflowFacts, Probes, airflow_facts
from include.web.responses import add_security_headers
from plugins import prices

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
CLOSED = NOW.replace(second=0)
FRESH = SymbolFacts("BTCUSDT", CLOSED - MINUTE, CLOSED, CLOSED, 60, 60)
WELL = Facts(NOW, *[State.ANSWERS] * 5, symbols=(FRESH,))
# Long enough for a thread to start on a busy machine, and never waited for.
LONG_SECONDS = 30.0
SHORT_SECONDS = 0.05


def nothing():
    """A part that answers."""


def serving(check):
    """An app whose other pages need a login, as the plugin's."""
    app = FastAPI(dependencies=[Depends(get_user)])
    add_security_headers(app, "default-src 'none'")

    @app.get("/page")
    def show_page():
        return {}

    add_health(app, check)
    return app


def ask(app, *paths, method="GET"):
    """Ask the application itself, all at once; there is no server."""

    async def ask_all():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
            return await asyncio.gather(*(client.request(method, path) for path in paths))

    return asyncio.run(ask_all())


def health_of(facts, **options):
    (answer,) = ask(serving(HealthCheck(lambda: facts)), "/health", **options)
    return answer


def probes(**changes):
    """Every part answers, unless a test says otherwise."""
    asked = {
        "ask_airflow": lambda: AirflowFacts(State.ANSWERS, State.ANSWERS),
        "read_symbols": lambda: (FRESH,),
        "ask_exchange": lambda: ExchangeFacts(State.ANSWERS),
        "ask_mart": nothing,
        "clock": lambda: NOW,
        "limit_seconds": LONG_SECONDS,
    }
    return Probes(**(asked | changes))


def failing(error):
    def fail():
        raise error

    return fail


def test_answers_200_without_a_login_when_all_is_well():
    answer = health_of(WELL)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["status"] == "ok"


def test_answers_503_with_the_causes():
    answer = health_of(replace(WELL, scheduler=State.SILENT, mart=State.SILENT))

    assert answer.status_code == 503
    assert [each["code"] for each in answer.json()["causes"]] == ["scheduler", "mart"]


def test_answers_head_without_a_body():
    answer = health_of(WELL, method="HEAD")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


def test_has_the_headers_of_the_pages():
    headers = health_of(WELL).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'"
    assert "no-cache" in headers["cache-control"]


def test_takes_no_other_method():
    assert health_of(WELL, method="POST").status_code == 405


def test_leaves_the_pages_beside_it_behind_their_login():
    health, page = ask(serving(HealthCheck(lambda: WELL)), "/health", "/page")

    assert (health.status_code, page.status_code) == (200, 401)


def test_is_served_by_the_plugin_without_a_login(monkeypatch, tmp_path):
    """Here without a database, a store and an exchange: it says so, and nothing else."""
    told = {"metadatabase": {"status": "healthy"}, "scheduler": {"status": "unhealthy"}}
    monkeypatch.setattr("airflow.api.common.airflow_health.get_airflow_health", lambda: told)
    for module in ("health_probes", "health_exchange"):
        monkeypatch.setattr(
            f"include.web.{module}.deployment", failing(StoreSilentError("10.9.8.7 is down"))
        )
    monkeypatch.setenv(
        "AIRFLOW_CONN_MART", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "mart.db")})
    )

    (answer,) = ask(prices.app, "/health")

    assert answer.status_code == 503
    assert [each["code"] for each in answer.json()["causes"]] == ["scheduler", "cassandra"]
    assert "10.9.8.7" not in answer.text
    assert str(tmp_path) not in answer.text


@pytest.mark.parametrize(
    "error",
    [
        RetryableError("secret-host:9042 refuses the login 'secret-login'"),
        SettingsError("the extra of secret-connection is wrong: /secret/path"),
        AirflowNotFoundException("secret-connection is not defined"),
        KeyError("secret-value"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("part", ["ask_airflow", "read_symbols", "ask_exchange", "ask_mart"])
def test_tells_strangers_nothing_secret(part, error, caplog):
    """Operators find the message in the log."""
    check = HealthCheck(probes(**{part: failing(error)}).facts)

    (answer,) = ask(serving(check), "/health")

    assert answer.status_code == 503
    assert answer.json()["causes"]
    assert "secret" not in answer.text
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    ("part", "error", "codes"),
    [
        ("read_symbols", StoreSilentError("down"), ["cassandra"]),
        ("read_symbols", SettingsError("no tables"), ["settings"]),
        ("read_symbols", AirflowNotFoundException("no connection"), ["settings"]),
        ("ask_exchange", RetryableError("down"), ["exchange"]),
        ("ask_mart", RetryableError("locked"), ["mart"]),
        ("ask_mart", KeyError("a bug"), ["check"]),
        ("ask_airflow", ValueError("a bug"), ["check"]),
    ],
)
def test_names_the_part_that_fails(part, error, codes):
    check = HealthCheck(probes(**{part: failing(error)}).facts)

    (answer,) = ask(serving(check), "/health")

    assert [each["code"] for each in answer.json()["causes"]] == codes


def test_logs_a_lasting_problem_once(caplog):
    asked = probes(ask_mart=failing(RetryableError("the mart is locked")))

    for _ in range(3):
        asked.facts()

    assert caplog.text.count("the mart is locked") == 1


def test_waits_for_nobody_who_does_not_answer_and_holds_one_thread_for_each():
    """A frozen Cassandra, asked again and again; then it goes on."""
    thaws = threading.Event()
    asked = probes(
        read_symbols=lambda: (thaws.wait(LONG_SECONDS), (FRESH,))[1], limit_seconds=SHORT_SECONDS
    )

    frozen = [asked.facts().store for _ in range(5)]
    waiting = [each.name for each in threading.enumerate() if each.name == "health-store"]
    thaws.set()
    asked._limit_seconds = LONG_SECONDS  # noqa: SLF001 - or a busy machine looks frozen

    assert frozen == [State.SILENT] * 5
    assert waiting == ["health-store"]
    assert asked.facts().store is State.ANSWERS


def test_asks_side_by_side():
    """Each waits for the others: one after the other, they would never answer."""
    together = threading.Barrier(4)

    def meet(answer):
        return lambda: (together.wait(LONG_SECONDS), answer)[1]

    facts = probes(
        ask_airflow=meet(AirflowFacts(State.ANSWERS, State.ANSWERS)),
        read_symbols=meet((FRESH,)),
        ask_exchange=meet(ExchangeFacts(State.ANSWERS)),
        ask_mart=meet(None),
    ).facts()

    assert facts == replace(WELL, checked_at=NOW)


def test_checks_once_for_many_who_ask():
    checks = []
    check = HealthCheck(lambda: checks.append(1) or WELL, kept_seconds=LONG_SECONDS)

    answers = ask(serving(check), *["/health"] * 50) + ask(serving(check), "/health")

    assert {answer.status_code for answer in answers} == {200}
    assert len(checks) == 1


def test_checks_again_when_the_verdict_is_old():
    found = iter([replace(WELL, mart=State.SILENT), WELL])
    app = serving(HealthCheck(lambda: next(found), kept_seconds=0))

    assert [ask(app, "/health")[0].status_code for _ in range(2)] == [503, 200]


def test_knows_airflows_health_by_its_own_words():
    def told(database, scheduler):
        return airflow_facts(
            {"metadatabase": {"status": database}, "scheduler": {"status": scheduler}}
        )

    assert told("healthy", "healthy") == AirflowFacts(State.ANSWERS, State.ANSWERS)
    assert told("healthy", "unhealthy") == AirflowFacts(State.ANSWERS, State.SILENT)
    assert told("unhealthy", "unhealthy") == AirflowFacts(State.SILENT, State.UNKNOWN)


def test_is_checked_when_its_age_is_counted():
    answer = health_of(replace(WELL, checked_at=NOW + timedelta(seconds=20)))

    assert answer.json()["symbols"][0]["age_seconds"] == 50
