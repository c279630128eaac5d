"""./dev/status --check."""

from types import SimpleNamespace

import httpx
import pytest

from dev.machine.home import Home
from dev.stack import airflow, status

CAUSES = [
    {"code": "exchange", "problem": "it does not answer", "runbook": "docs/runbook.md#health"},
    {"code": "late", "problem": "no minute: BTCUSDT", "runbook": "docs/runbook.md#late"},
]


@pytest.fixture
def answer(monkeypatch):
    """Airflow's API server, as it answers on the loopback address."""
    told = {"answer": httpx.Response(200, json={"causes": []})}

    def get(url, **_):
        assert url == "http://127.0.0.1:8080/prices/health"
        if isinstance(told["answer"], Exception):
            raise told["answer"]
        return told["answer"]

    monkeypatch.setattr(httpx, "get", get)
    return told


@pytest.mark.parametrize(
    ("answered", "lines"),
    [
        (httpx.Response(200, json={"causes": []}), []),
        (
            httpx.Response(503, json={"causes": CAUSES}),
            [
                "exchange: it does not answer; see docs/runbook.md#health",
                "late: no minute: BTCUSDT; see docs/runbook.md#late",
            ],
        ),
        (
            httpx.ConnectError("refused"),
            ["api_server: Airflow's API server does not answer (ConnectError)"],
        ),
        (httpx.Response(404), ["api_server: /prices/health answers with HTTP 404"]),
        (httpx.Response(500), ["api_server: /prices/health answers with HTTP 500"]),
    ],
    ids=["well", "failing", "down", "no such page", "broken"],
)
def test_has_a_line_for_each_cause(answer, answered, lines):
    answer["answer"] = answered

    assert airflow.prices_health(8080) == lines


def test_fails_and_says_so_where_no_api_server_runs(tmp_path, capsys):
    assert status.check(Home(tmp_path)) == 1

    assert capsys.readouterr().out.startswith("api_server: Airflow's API server is not running")


@pytest.fixture
def causes(monkeypatch):
    """What a running API server names."""
    named = []
    running = SimpleNamespace(name=airflow.API_SERVER, port=8080, is_running=lambda: True)
    monkeypatch.setattr(status.Processes, "records", lambda _: [running])
    monkeypatch.setattr(airflow, "prices_health", lambda port: named if port == 8080 else None)
    return named


def test_says_that_all_is_well(tmp_path, causes, capsys):
    assert (status.check(Home(tmp_path)), causes) == (0, [])

    assert capsys.readouterr().out == "ok: the prices are fresh and right\n"


def test_prints_a_line_for_each_cause(tmp_path, causes, capsys):
    causes += ["late: no minute: BTCUSDT", "mart: no answer"]

    assert status.check(Home(tmp_path)) == 1

    assert capsys.readouterr().out == "late: no minute: BTCUSDT\nmart: no answer\n"


def test_explains_itself(capsys):
    with pytest.raises(SystemExit):
        status.main(["--help"])

    assert "--check" in capsys.readouterr().out


def test_shows_the_pages_and_what_is_late(tmp_path, causes, capsys):
    causes += ["late: no minute: BTCUSDT"]

    status._show_pages(Home(tmp_path))  # noqa: SLF001

    told = capsys.readouterr().out
    assert "Prices        http://127.0.0.1:8080/plugin/prices" in told
    assert told.endswith("late: no minute: BTCUSDT\n")


def test_shows_no_page_that_nobody_serves(tmp_path, capsys):
    status._show_pages(Home(tmp_path))  # noqa: SLF001

    assert capsys.readouterr().out == ""
