"""Every address of the plugins: who may ask, what it answers with, and what it does with attacks.

The routes are those of the apps, so a new one is tested too.
"""

import asyncio
import re
import threading
from datetime import UTC, datetime, timedelta
from inspect import signature
from urllib.parse import quote

import httpx
import pytest
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI

from include.reading.recent_minutes import RecentMinutes
from include.records.errors import SettingsError
from include.records.windows import MINUTE, floor_minute
from include.web import prices_api, prices_page, quality_page
from include.web.access import Turns, may_read
from include.web.prices_api import Deployment
from include.web.responses import (
    LONGEST_TARGET,
    add_security_headers,
    answer_errors_in_json,
)
from plugins import prices, quality
from tests.fakes.builders import average, quarantined_row
from tests.fakes.hostile import HOSTILE, MARK
from tests.fakes.memory_store import MemoryStore

NOW = datetime(2026, 3, 2, 12, 0, 40, tzinfo=UTC)
CLOSED = floor_minute(NOW)
APPS = {
    f"{each['url_prefix']}": each["app"]
    for plugin in (prices.PricesPlugin, quality.QualityPlugin)
    for each in plugin.fastapi_apps
}
# The addresses for everybody: name one here only with a reason.
OPEN = {
    "/prices/health",  # for load balancers and monitoring; test_health.py: it tells nothing secret
}
ROUTES = [
    (prefix, route.path, method)
    for prefix, app in APPS.items()
    for route in app.routes
    for method in sorted(getattr(route, "methods", None) or {"GET"})
]
IDS = [f"{method} {prefix}{path}" for prefix, path, method in ROUTES]
# Asks for the login and the role by itself, unless a setting opens it: test_metrics.py.
BY_ITSELF = {"/prices/metrics"}
GUARDED = [route for route in ROUTES if f"{route[0]}{route[1]}" not in OPEN]
WITH_ROLES = [route for route in GUARDED if f"{route[0]}{route[1]}" not in BY_ITSELF]


def ask(app, *requests, role=None, **options):
    """Ask an application itself, all at once; there is no server. With a role, as a user has it."""

    async def ask_all():
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
            return await asyncio.gather(
                *(client.request(method, path, **options) for method, path in requests)
            )

    if role is not None:
        user = SimpleAuthManagerUser(username="somebody", role=role or None)
        app.dependency_overrides[get_user] = lambda: user
    try:
        return asyncio.run(ask_all())
    finally:
        app.dependency_overrides.clear()


def sample(path):
    """An address of a route, with something in place of its parts."""
    return re.sub(r"\{[^}]*\}", "prices.js", path)


def forget_health():
    """Keep no verdict for other tests."""
    prices.health._fresh_until_s = 0.0  # noqa: SLF001 - it is kept for seconds


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path):
    """Airflow's own manager of roles, a store with an hour of one symbol, and a folder."""
    monkeypatch.setattr("airflow.api_fastapi.core_api.security.get_auth_manager", SimpleAuthManager)
    held = MemoryStore()
    for place in range(60, 0, -1):
        minute = CLOSED - place * MINUTE
        held.minute_prices.append([average(minute)], minute + timedelta(seconds=67))
    recent = RecentMinutes(held.minute_rows, lambda: NOW)
    monkeypatch.setattr(
        prices_api, "deployment", lambda: Deployment(("BTCUSDT",), held, recent, "here")
    )
    monkeypatch.setattr(prices_api, "now", lambda: NOW)
    monkeypatch.setattr(quality_page, "open_store", lambda: held)
    monkeypatch.setattr(quality_page, "symbols", lambda: ("BTCUSDT",))
    for module in (prices_page, quality_page):
        monkeypatch.setattr(module, "storage_url", lambda: str(tmp_path))
    yield held
    forget_health()


def test_has_routes_of_both_plugins():
    assert {"/prices", "/quality"} == set(APPS)
    assert len(GUARDED) > 15


@pytest.mark.parametrize(
    ("prefix", "path", "method"), GUARDED, ids=[f"{m} {a}{b}" for a, b, m in GUARDED]
)
def test_every_address_needs_a_login(prefix, path, method):
    (answer,) = ask(APPS[prefix], (method, sample(path)))

    assert answer.status_code == 401
    assert "USDT" not in answer.text


@pytest.mark.parametrize(
    ("prefix", "path", "method"), WITH_ROLES, ids=[f"{m} {a}{b}" for a, b, m in WITH_ROLES]
)
def test_every_address_needs_a_role(prefix, path, method):
    """A login without a role has no permission in Airflow."""
    (answer,) = ask(APPS[prefix], (method, sample(path)), role="")

    assert answer.status_code == 403
    assert "USDT" not in answer.text


@pytest.mark.parametrize("role", ["viewer", "user", "op", "admin"])
@pytest.mark.parametrize(
    ("prefix", "path", "method"), WITH_ROLES, ids=[f"{m} {a}{b}" for a, b, m in WITH_ROLES]
)
def test_every_role_may_read(prefix, path, method, role):
    (answer,) = ask(APPS[prefix], (method, sample(path)), role=role)

    assert answer.status_code not in {401, 403, 500}


def test_no_address_changes_anything():
    """So no page needs a token against forged requests."""
    assert {method for _, _, method in ROUTES} <= {"GET", "HEAD"}


def assert_secured(answer):
    headers = answer.headers
    policy = dict(
        part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'self'"
    assert policy["base-uri"] == policy["form-action"] == "'none'"
    assert not [each for each in policy.values() if "http" in each or "*" in each]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "private, no-cache"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert "set-cookie" not in headers
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("role", [None, "", "viewer"], ids=["stranger", "no role", "viewer"])
@pytest.mark.parametrize(("prefix", "path", "method"), ROUTES, ids=IDS)
def test_every_answer_has_the_headers(prefix, path, method, role):
    for answer in ask(APPS[prefix], (method, sample(path)), ("POST", sample(path)), role=role):
        assert_secured(answer)


@pytest.mark.parametrize("prefix", APPS)
def test_an_address_that_is_not_there_has_the_headers(prefix):
    for answer in ask(APPS[prefix], ("GET", "/no/such"), ("OPTIONS", "/"), role="viewer"):
        assert answer.status_code in {404, 405}
        assert_secured(answer)


@pytest.mark.parametrize("prefix", APPS)
def test_a_program_error_has_the_headers_and_tells_nothing(monkeypatch, prefix):
    def fail(*_arguments):
        raise KeyError("s3cr3t")

    monkeypatch.setattr(prices_page, "style_sheet", fail)
    monkeypatch.setattr(quality_page, "open_store", fail)
    path = {"/prices": "/static/palette.css", "/quality": "/"}[prefix]

    (answer,) = ask(APPS[prefix], ("GET", path), role="viewer")

    assert answer.status_code == 500
    assert "s3cr3t" not in answer.text
    assert "Traceback" not in answer.text
    assert_secured(answer)


@pytest.mark.parametrize(("prefix", "path"), [("/prices", "/api/reports"), ("/quality", "/")])
def test_no_error_shows_the_credentials_of_an_address(monkeypatch, prefix, path):
    def fail():
        raise SettingsError("'s3://key:s3cr3t@bucket' cannot be reached")

    monkeypatch.setattr(prices_page, "storage_url", fail)
    monkeypatch.setattr(quality_page, "open_store", fail)

    (answer,) = ask(APPS[prefix], ("GET", path), role="viewer")

    assert answer.status_code == 503
    assert "***@bucket" in answer.text
    assert "s3cr3t" not in answer.text


@pytest.mark.parametrize("path", ["/report/files/latest.html", "/report/files/daily/x.html"])
def test_a_report_may_run_no_script(tmp_path, path):
    file = tmp_path / "reports" / path.removeprefix("/report/files/")
    file.parent.mkdir(parents=True)
    file.write_text("<script>alert(1)</script>")

    (answer,) = ask(APPS["/prices"], ("GET", path), role="viewer")

    assert answer.status_code == 200
    assert "script-src" not in answer.headers["content-security-policy"]


def test_the_page_of_quality_runs_only_scripts_of_ours():
    (answer,) = ask(APPS["/quality"], ("GET", "/"), role="viewer")

    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]* src=)", answer.text)


@pytest.mark.parametrize(("prefix", "path", "method"), ROUTES, ids=IDS)
def test_bounds_the_length_of_an_address(prefix, path, method):
    long = f"{sample(path)}?symbol={'A' * LONGEST_TARGET}"

    (answer,) = ask(APPS[prefix], (method, long), role="viewer")

    assert answer.status_code == 414
    assert len(answer.content) < 1_000
    assert_secured(answer)


def parameters_of(app, path):
    """The names that a route reads from the address, by its own signature."""
    (route,) = (each for each in app.routes if each.path == path)
    if not hasattr(route, "dependant"):
        return []
    return [field.alias for field in route.dependant.query_params]


TARGETS = [
    (prefix, route.path, name)
    for prefix, app in APPS.items()
    for route in app.routes
    for name in ([*parameters_of(app, route.path)] + (["path"] if "{path" in route.path else []))
]
VALID = {
    "symbol": "BTCUSDT",
    "from": (CLOSED - 10 * MINUTE).isoformat(),
    "to": CLOSED.isoformat(),
    "moment": CLOSED.isoformat(),
    "counted_from": (CLOSED - timedelta(hours=1)).isoformat(),
    "minute": (CLOSED - MINUTE).isoformat(),
    "day": "",
    "suite": "second_prices",
    "at": CLOSED.isoformat(),
    "kind": "json",
}


def test_knows_every_parameter():
    assert {name for _, _, name in TARGETS} == {*VALID, "path"}
    assert len(TARGETS) > 15


@pytest.mark.parametrize(
    ("prefix", "path", "name"), TARGETS, ids=[f"{a}{b} {c}" for a, b, c in TARGETS]
)
def test_no_parameter_does_harm(prefix, path, name, caplog):
    """Each answer is small, of the declared type, and quotes nothing as markup."""
    app = APPS[prefix]
    requests = []
    for text in HOSTILE.values():
        sent = "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass")[:2_000])
        values = {each: quote(VALID[each]) for each in parameters_of(app, path)}
        target = path.replace("{path:path}", sent)
        if name != "path":
            values[name] = sent
        query = "&".join(f"{each}={value}" for each, value in values.items())
        requests.append(("GET", f"{target}?{query}"))

    answers = dict(zip(HOSTILE, ask(app, *requests, role="viewer"), strict=True))

    good = {404} if name == "path" else {200, 400, 404}
    assert {attack: each.status_code for attack, each in answers.items()} == {
        attack: each.status_code for attack, each in answers.items() if each.status_code in good
    }
    for answer in answers.values():
        assert_secured(answer)
        # A page that says what is wrong has its styles in it.
        assert answer.status_code == 200 or len(answer.content) < 12_000
        assert "1337" not in answer.text
        if answer.headers["content-type"].startswith("text/html"):
            assert f"<script>alert('{MARK}" not in answer.text
            assert "<img src=x" not in answer.text
            assert f"\" onmouseover=alert('{MARK}" not in answer.text
        else:
            assert answer.headers["content-type"] == "application/json"
            assert answer.json().get("problem", "").isprintable()
    assert all(record.getMessage().isprintable() for record in caplog.records)


@pytest.mark.parametrize("attack", HOSTILE)
def test_what_the_exchange_sent_is_text_on_the_page_of_quality(store, attack):
    text = HOSTILE[attack].encode("utf-8", "replace").decode()
    row = quarantined_row([text, *[text] * 11], detected_at=datetime.now(UTC))
    store.quarantine.keep([row])

    (answer,) = ask(APPS["/quality"], ("GET", "/"), role="viewer")

    assert answer.status_code == 200
    assert len(answer.content) < 50_000
    for markup in ("<script>alert", "<img src=x", ' x="'):
        assert markup not in answer.text.replace("&", "")


def slow_app(turns, working):
    """An app whose one page takes as long as the test says."""
    app = FastAPI(dependencies=[Depends(turns, scope="function")])
    add_security_headers(app, "default-src 'none'")
    answer_errors_in_json(app)
    most, lock, go_on = [0], threading.Lock(), threading.Event()

    @app.get("/slow")
    def show():
        with lock:
            most[0] = max(most[0], working.count + 1)
            working.count += 1
        go_on.wait(0.05)
        with lock:
            working.count -= 1
        return {}

    return app, most


class Working:
    count = 0


def test_many_at_a_time_wait_for_their_turn_and_all_are_answered():
    app, most = slow_app(Turns(at_once=3, waiting=100), Working())

    answers = ask(app, *[("GET", "/slow")] * 30)

    assert {answer.status_code for answer in answers} == {200}
    assert most[0] == 3


def test_more_than_may_wait_are_told_to_come_again():
    app, most = slow_app(Turns(at_once=2, waiting=3), Working())

    answers = ask(app, *[("GET", "/slow")] * 20)

    assert sorted({answer.status_code for answer in answers}) == [200, 503]
    assert most[0] == 2
    refused = [answer for answer in answers if answer.status_code == 503]
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert "fewer side by side" in refused[0].json()["problem"]
    assert (ask(app, ("GET", "/slow"))[0]).status_code == 200


def test_one_that_waits_too_long_is_told_so_and_costs_no_turn():
    app, _ = slow_app(Turns(at_once=1, waiting=9, wait_seconds=0.01), Working())

    answers = ask(app, *[("GET", "/slow")] * 5)
    later = ask(app, ("GET", "/slow"))

    assert [answer.status_code for answer in answers].count(200) >= 1
    assert 503 in {answer.status_code for answer in answers}
    assert later[0].status_code == 200


def test_an_error_gives_its_turn_back(monkeypatch):
    def fail():
        raise KeyError

    monkeypatch.setattr(prices_api, "deployment", fail)
    path = ("GET", "/api/latest?symbol=BTCUSDT")

    statuses = {ask(APPS["/prices"], path, role="viewer")[0].status_code for _ in range(20)}

    assert statuses == {500}


@pytest.mark.parametrize("prefix", APPS)
def test_the_pages_leave_most_threads_to_airflow(prefix):
    """Its API server has forty, and tasks report to it; every address takes a turn."""
    turns = [each.dependency for each in APPS[prefix].router.dependencies]

    assert turns[0] is may_read
    assert signature(Turns).parameters["at_once"].default * len(APPS) <= 20
    assert isinstance(turns[1], Turns)
