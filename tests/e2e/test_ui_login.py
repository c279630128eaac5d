"""What somebody sees who has not logged in, where Airflow asks for it: nothing of the pages.

Named to come after test_main_job, which checks that no minute is late and is to be left alone.
"""

import re
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect
from prometheus_client.parser import text_string_to_metric_families

from include.reading.gauges import Gauge
from tests.e2e.conftest import ANSWER_SECONDS, PAGE_TIMEOUT_MS, watched
from tests.servers.login_server import login_server

USER, PASSWORD = "viewer", "only-for-this-test"
NOBODY = "nobody"
# Every kind of address that the plugins serve, with and without something to find there.
PROTECTED = (
    "/quality/",
    "/quality/?day=2020-01-01",
    "/quality/docs/index.html",
    "/quality/docs/no-such-page.html",
    "/quality/result?suite=second_prices&symbol=BTCUSDT",
    "/prices/",
    "/prices/report/",
    "/prices/report/files/latest.html",
    "/prices/run?dag_id=a&run_id=b",
    "/prices/glossary",
    "/prices/static/prices.js",
    "/prices/static/vocabulary.js",
    "/prices/api/latest?symbol=BTCUSDT",
    "/prices/api/span",
    "/prices/api/board",
    "/prices/api/file?symbol=BTCUSDT&kind=csv",
    "/prices/api/strip",
    "/prices/api/openapi.json",
    "/prices/metrics",
)
# What FastAPI serves to everybody unless it is told not to.
ABSENT = ("/quality/openapi.json", "/quality/redoc", "/prices/openapi.json", "/prices/docs")
# The one address for everybody.
OPEN = "/prices/health"
PAGE, HEADING = "/plugin/quality", "Data quality"


@pytest.fixture(scope="module")
def guarded(product):
    """The address of an Airflow that knows a viewer and a user without a role, over the product."""
    passwords = dict.fromkeys((USER, NOBODY), PASSWORD)
    with login_server(product.stack, passwords, {NOBODY: ""}) as url:
        yield url


def as_user(url, user):
    """A client that is logged in."""
    login = {"username": user, "password": PASSWORD}
    token = httpx.post(f"{url}/auth/token", json=login, trust_env=False, timeout=ANSWER_SECONDS)
    headers = {"Authorization": f"Bearer {token.raise_for_status().json()['access_token']}"}
    return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=ANSWER_SECONDS)


def _without_pointers(answer):
    """The text of a verdict, less the headings of the runbook, which are paths of the project."""
    return re.sub(r"docs/runbook.md#[\w-]+", "", answer.text)


@pytest.fixture
def stranger(browser, guarded, request):
    """A watched page of somebody who has never been here."""
    with browser.new_context(base_url=guarded) as context:
        context.set_default_timeout(PAGE_TIMEOUT_MS)
        with watched(context.new_page(), guarded, request) as watch:
            # Chromium calls each refusal an error.
            watch.expect(r"console error: .* 401 ")
            yield watch.page


@pytest.mark.parametrize("path", PROTECTED)
def test_tells_a_stranger_nothing(guarded, path):
    answer = httpx.get(
        f"{guarded}{path}", trust_env=False, follow_redirects=True, timeout=ANSWER_SECONDS
    )

    assert answer.status_code == 401
    # One word under one name, and nothing else.
    (said,) = answer.json().values()
    assert said.startswith("Not authenticated")


def test_tells_a_user_without_a_role_nothing_and_a_viewer_all(guarded):
    with as_user(guarded, NOBODY) as nobody, as_user(guarded, USER) as viewer:
        refused = {nobody.get(path).status_code for path in PROTECTED}
        served = {viewer.get(path).status_code for path in PROTECTED}

    assert refused == {403}
    assert not served & {401, 403, 500}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_tells_a_stranger_whether_the_prices_are_fresh_and_nothing_secret(product, guarded, method):
    answer = httpx.request(method, f"{guarded}{OPEN}", trust_env=False, timeout=ANSWER_SECONDS)

    assert answer.status_code in {200, 503}
    ports = [f":{port}" for port in vars(product.stack.ports).values()]
    assert not [each for each in ("127.0.0.1", "/", *ports) if each in _without_pointers(answer)]


def test_shows_the_figures_to_who_has_a_viewers_token(guarded):
    """As Prometheus does: a token from /auth/token, in the header."""
    with httpx.Client(base_url=guarded, trust_env=False, timeout=ANSWER_SECONDS) as client:
        login = client.post("/auth/token", json={"username": USER, "password": PASSWORD})
        token = login.raise_for_status().json()["access_token"]
        answer = client.get("/prices/metrics", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 200
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert [sample.value for sample in families["minute_prices_up"].samples] == [1]
    assert "BTCUSDT" in {
        sample.labels["symbol"] for sample in families["minute_prices_late"].samples
    }
    assert {*families} <= {gauge.metric for gauge in Gauge}


@pytest.mark.parametrize("path", ABSENT)
def test_describes_itself_to_nobody(guarded, path):
    assert httpx.get(f"{guarded}{path}", trust_env=False, timeout=ANSWER_SECONDS).status_code == 404


@pytest.mark.parametrize(
    "token",
    [{"headers": {"Authorization": "Bearer made.up.token"}}, {"cookies": {"_token": "made.up"}}],
    ids=["header", "cookie"],
)
def test_takes_no_false_token(guarded, token):
    answer = httpx.get(f"{guarded}/quality/", trust_env=False, timeout=ANSWER_SECONDS, **token)

    assert answer.status_code in {401, 403}, answer.text


def test_shows_the_page_after_the_login_form_and_not_before(stranger):
    stranger.goto("/quality/")
    assert "USDT" not in stranger.content()
    stranger.goto(PAGE)
    stranger.wait_for_url("**/auth/login**")
    assert urlsplit(stranger.url).path == "/auth/login"

    stranger.get_by_label("Username").fill(USER)
    stranger.get_by_label("Password").fill(PASSWORD)
    stranger.get_by_role("button", name="Sign in").click()

    stranger.wait_for_url(f"**{PAGE}**")
    frame = stranger.frame_locator("iframe")
    frame.get_by_role("heading", name=HEADING, level=1).wait_for()
    expect(frame.locator("body")).to_contain_text("BTCUSDT")
