"""The pages and the JSON API of the plugin, called as Airflow's web server calls them."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from include.reading.recent_minutes import RecentMinutes
from include.records.errors import RetryableError
from include.records.revisions import BackfilledDay
from include.records.windows import MINUTE, floor_minute
from include.web import prices_api, prices_page
from include.web.access import may_read
from include.web.prices_api import Deployment
from tests.fakes.builders import average, logged, quarantined_row
from tests.fakes.memory_store import MemoryStore

NOW = datetime(2026, 3, 2, 12, 0, 40, tzinfo=UTC)
CLOSED = floor_minute(NOW)
SYMBOLS = ("BTCUSDT", "ETHUSDT")
API = ["latest", "span", "as_of", "quality", "board", "minute"]


def get(path, *, is_logged_in=True, headers=None, **parameters):
    """Ask the application itself; there is no server."""

    async def ask():
        transport = httpx.ASGITransport(app=prices_page.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
            return await client.get(path, params=parameters or None, headers=headers)

    if is_logged_in:
        prices_page.app.dependency_overrides[may_read] = lambda: "somebody"
    try:
        return asyncio.run(ask())
    finally:
        prices_page.app.dependency_overrides.clear()


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path):
    """A store with an hour of one symbol, and a folder for reports."""
    held = MemoryStore()
    minutes = [average(CLOSED - place * MINUTE, vwap="100.5") for place in range(60, 0, -1)]
    for each in minutes:
        held.minute_prices.append([each], each.minute + timedelta(seconds=67))
    recent = RecentMinutes(held.minute_rows, lambda: NOW)
    monkeypatch.setattr(prices_api, "deployment", lambda: Deployment(SYMBOLS, held, recent, "here"))
    monkeypatch.setattr(prices_api, "now", lambda: NOW)
    monkeypatch.setattr(prices_page, "storage_url", lambda: str(tmp_path))
    return held


def parameters_of(name):
    """What an endpoint needs."""
    return {
        "as_of": {"moment": CLOSED.isoformat()},
        "minute": {"minute": (CLOSED - MINUTE).isoformat()},
    }.get(name, {})


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/run",
        "/report/",
        "/report/files/latest.html",
        "/glossary",
        "/static/prices.js",
        "/static/vocabulary.js",
        "/api/symbols",
        "/api/strip",
        "/api/reports",
        "/api/openapi.json",
        "/api/file?symbol=BTCUSDT",
        *(f"/api/{name}?symbol=BTCUSDT" for name in API),
    ],
)
def test_asks_for_a_login(path):
    answer = get(path, is_logged_in=False)

    assert answer.status_code == 401
    assert "log in to Airflow" in answer.json()["problem"]


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc", "/static/", "/api/nothing"])
def test_has_nothing_else(path):
    assert get(path).status_code == 404


@pytest.mark.parametrize("name", API)
def test_answers(name):
    answer = get(f"/api/{name}", symbol="BTCUSDT", **parameters_of(name))

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


def test_tells_the_newest_minute_in_exact_words():
    answer = get("/api/latest", symbol="BTCUSDT").json()

    assert (answer["vwap"], answer["minute"]) == ("100.5", "2026-03-02T11:59:00Z")
    assert answer["state"] == "PROVISIONAL"


def test_says_where_a_minute_comes_from(store):
    store.log_batch(logged(CLOSED - MINUTE, source="REPLAY of 2020-01-01"))

    newest = get("/api/latest", symbol="BTCUSDT").json()
    first, *_, last = get("/api/span", symbol="BTCUSDT").json()["minutes"]

    assert newest["source"] == last["source"] == "REPLAY of 2020-01-01"
    assert first["source"] is None
    assert newest["first_valued_at"] == newest["first_known_at"]


def test_has_a_strip_for_the_pages_without_a_symbol(store):
    """The newest minute ended at 12:00:00; it is 12:00:40."""
    store.log_batch(logged(CLOSED - MINUTE, source="GENERATED"))

    strip = get("/api/strip").json()

    assert (strip["source"], strip["age_seconds"], strip["level"]) == ("GENERATED", 40, "fresh")


def test_says_when_nothing_is_published_yet():
    answer = get("/api/latest", symbol="ETHUSDT")

    assert answer.status_code == 404
    assert "turn on the DAGs" in answer.json()["problem"]


def test_a_span_is_the_last_hour_unless_asked_otherwise():
    minutes = get("/api/span", symbol="BTCUSDT").json()["minutes"]

    assert len(minutes) == 60


def test_a_span_has_no_end_minute():
    ends = {"from": "2026-03-02T11:30:00Z", "to": "2026-03-02T11:32:00+00:00"}

    minutes = get("/api/span", symbol="BTCUSDT", **ends).json()["minutes"]

    assert [each["minute"] for each in minutes] == ["2026-03-02T11:30:00Z", "2026-03-02T11:31:00Z"]


def test_knows_at_a_moment_what_was_known_then(store):
    minute = CLOSED - 30 * MINUTE
    store.minute_prices.append([average(minute, vwap="99")], CLOSED)
    ends = {"from": minute.isoformat(), "to": (minute + MINUTE).isoformat()}

    values = [
        get("/api/as_of", symbol="BTCUSDT", moment=moment, **ends).json()["minutes"][0]["vwap"]
        for moment in ((CLOSED - MINUTE).isoformat(), CLOSED.isoformat())
    ]

    assert values == ["100.5", "99"]


def test_gives_a_span_as_a_file(store):
    store.log_batch(logged(CLOSED - MINUTE, source="REPLAY of 2020-01-01"))
    known_at = (CLOSED + timedelta(seconds=30)).isoformat()

    answer = get("/api/file", symbol="BTCUSDT", moment=known_at)

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    name = "BTCUSDT_2026-03-02T1100Z_2026-03-02T1200Z_as_of_2026-03-02T120030Z.csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    head, *rows = answer.text.splitlines()
    assert len(rows) == 60
    assert head.endswith(",as_of")
    assert "REPLAY of 2020-01-01" in rows[-1]


def test_a_file_in_json_has_what_the_api_answers():
    minutes = get("/api/span", symbol="BTCUSDT").json()["minutes"]

    answer = get("/api/file", symbol="BTCUSDT", kind="json")

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"].endswith('.json"')
    assert answer.json()["minutes"] == minutes


def test_a_file_has_what_was_known_at_its_moment(store):
    minute = CLOSED - 30 * MINUTE
    store.minute_prices.append([average(minute, vwap="99")], CLOSED)

    before, after = (
        get("/api/file", symbol="BTCUSDT", kind="json", moment=moment.isoformat()).json()
        for moment in (CLOSED - MINUTE, CLOSED)
    )

    assert [each["minutes"][30]["vwap"] for each in (before, after)] == ["100.5", "99"]
    assert (before["as_of"], len(before["minutes"])) == ("2026-03-02T11:59:00Z", 58)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "xlsx"}, "'csv' or 'json'"),
        ({"from": "2026-02-20T12:00:00Z"}, "at most 10,080 minutes"),
        ({"moment": "then"}, "is not a time"),
    ],
)
def test_says_what_is_wrong_with_the_file_that_is_asked_for(changes, words):
    answer = get("/api/file", symbol="BTCUSDT", **changes)

    assert answer.status_code == 400
    assert words in answer.json()["problem"]


def test_bounds_the_rows_of_a_day(store):
    store.quarantine.keep(
        [quarantined_row([number, "x"], detected_at=NOW) for number in range(500)]
    )

    answer = get("/api/quality", symbol="BTCUSDT").json()

    assert (answer["quarantined_count"], len(answer["quarantined"])) == (500, 200)


def test_a_board_has_a_ribbon_for_each_symbol():
    answer = get("/api/board", symbol="BTCUSDT").json()

    assert [each["symbol"] for each in answer["ribbons"]] == ["BTCUSDT", "ETHUSDT"]
    assert answer["ribbons"][0]["causes"] == [["OK", 60]]


def test_a_board_of_a_day_is_small():
    start = (CLOSED - timedelta(days=1)).isoformat()

    answer = get("/api/board", symbol="BTCUSDT", **{"from": start})

    assert len(answer.content) < 300_000


def test_packs_long_answers():
    headers = {"accept-encoding": "gzip"}

    answer = get("/api/board", symbol="BTCUSDT", headers=headers)

    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"symbol": ""}, 400, "name a symbol"),
        ({"symbol": "btcusdt"}, 400, "write it in upper case"),
        ({"symbol": "DOGEUSDT"}, 404, "is not fetched, and nothing is published for it"),
        ({"symbol": "<script>alert(1)</script>"}, 400, "is not a valid symbol"),
        ({"symbol": "B" * 5000}, 400, "is not a valid symbol"),
        ({"from": "2016-03-02T12:00:00Z"}, 400, "before Binance began"),
        ({"from": "2018-03-02T12:00:00Z", "to": "2028-03-02T12:00:00Z"}, 400, "minutes are"),
        ({"from": "2026-03-02T12:00:00Z", "to": "2026-03-02T11:00:00Z"}, 400, "swap them"),
        ({"from": "2026-03-02T11:00:00"}, 400, "has no time zone"),
        ({"from": "2026-03-02T11:00:00 00:00"}, 400, "+ is %2B"),
        ({"to": "noon"}, 400, "is not a time: write it like 2026-03-01T12:00:00Z"),
        ({"to": "9999-12-31T23:59:59-14:00"}, 400, "is not a time"),
        ({"from": "2027-03-02T12:00:00Z"}, 400, "in the future"),
        ({"from": "2026-03-02T11:00:10Z", "to": "2026-03-02T11:00:50Z"}, 400, "same minute"),
        ({"from": "<script>alert(1)</script>"}, 400, "is not a time"),
    ],
)
@pytest.mark.parametrize("name", ["span", "board"])
def test_says_what_is_wrong_and_what_to_do(name, changes, status, words):
    answer = get(f"/api/{name}", **{"symbol": "BTCUSDT", **changes})

    assert answer.status_code == status
    assert words in answer.json()["problem"]
    assert len(answer.content) < 1_000
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("as_of", {}, "name the moment"),
        ("as_of", {"moment": "then"}, "moment 'then' is not a time"),
        ("minute", {}, "name a minute"),
        ("minute", {"minute": "2026-03-03T12:00:00Z"}, "in the future"),
        ("quality", {"day": "yesterday"}, "write it like 2026-03-02"),
        ("quality", {"day": "2026-03-03"}, "is outside"),
        ("board", {"moment": "2026-03-02T11:00:00"}, "has no time zone"),
        ("board", {"counted_from": "2026-03-02T11:30:00Z"}, "leave it out"),
        ("board", {"counted_from": "2026-02-20T11:30:00Z"}, "between 7 days before"),
    ],
)
def test_says_what_else_is_wrong(name, changes, words):
    answer = get(f"/api/{name}", symbol="BTCUSDT", **changes)

    assert answer.status_code == 400
    assert words in answer.json()["problem"]


def test_shows_what_is_published_of_a_symbol_that_is_fetched_no_more(store):
    store.minute_prices.append([average(CLOSED - MINUTE, symbol="OLDUSDT")], NOW)

    answer = get("/api/board", symbol="OLDUSDT").json()

    assert [each["symbol"] for each in answer["ribbons"]] == ["OLDUSDT", "BTCUSDT", "ETHUSDT"]


@pytest.mark.parametrize("name", API)
def test_says_so_when_cassandra_does_not_answer(monkeypatch, name):
    def fail():
        raise RetryableError("Cassandra at 127.0.0.1 did not answer; see that it runs")

    monkeypatch.setattr(prices_api, "deployment", fail)

    answer = get(f"/api/{name}", symbol="BTCUSDT", **parameters_of(name))

    assert answer.status_code == 503
    assert "see that it runs" in answer.json()["problem"]


@pytest.mark.defect(39)
def test_answers_for_a_symbol_of_any_script(store):
    store.minute_prices.append([average(CLOSED - MINUTE, symbol="币安人生USDT")], CLOSED)

    answer = get("/api/minute", symbol="币安人生USDT", minute=(CLOSED - MINUTE).isoformat())

    assert answer.json()["data_docs"].endswith("/币安人生USDT.html")
    assert get("/api/latest", symbol="币安人生USDT").json()["symbol"] == "币安人生USDT"


def test_leads_to_the_day_on_which_a_minute_was_checked(store):
    """Of a backfill that is not the minute's: results are filed under the day of the check."""
    minute = CLOSED - timedelta(days=40)
    store.minute_prices.append([average(minute)], CLOSED)
    day = BackfilledDay("BTCUSDT", minute.date(), CLOSED, "archive", 0, 1_440, 0)
    store.days.note_backfill(day)
    store.log_batch(logged(minute, fetched_at=CLOSED - MINUTE))

    answer = get("/api/minute", symbol="BTCUSDT", minute=minute.isoformat())

    assert answer.json()["data_docs"] == f"../quality/docs/days/{CLOSED:%Y-%m-%d}/BTCUSDT.html"


def test_describes_itself():
    answer = get("/api/openapi.json").json()

    assert {f"/api/{name}" for name in API} < set(answer["paths"])


@pytest.mark.parametrize("path", ["/", "/run", "/report/", "/glossary"])
def test_pages_load_nothing_from_elsewhere(path):
    answer = get(path)

    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "http" not in answer.text.replace("http-equiv", "")


@pytest.mark.parametrize("name", ["prices", "vocabulary"])
def test_serves_its_files(name):
    answer = get(f"/static/{name}.js")

    assert "javascript" in answer.headers["content-type"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../prices_page.py",
        "/static/%2e%2e/prices_page.py",
        "/static/..%2fprices_page.py",
        "/static/%2fetc%2fpasswd",
        "/report/files/../secret.html",
        "/report/files/%2e%2e/secret.html",
        "/report/files/..%2fsecret.html",
        "/report/files/%2fetc%2fpasswd.html",
        "/report/files/secret.db",
        "/report/files/%00.html",
    ],
)
def test_serves_nothing_from_elsewhere(tmp_path, path):
    (tmp_path / "secret.html").write_text("secret")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "secret.db").write_text("secret")

    assert get(path).status_code == 404


def test_lists_reports_newest_first(tmp_path):
    for stem in ("latest", "hourly/2026-03-02T10", "hourly/2026-03-02T11", "daily/2026-03-01"):
        file = tmp_path / "reports" / f"{stem}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("a report")

    assert get("/api/reports").json()["reports"] == {
        "latest": ["latest"],
        "hourly": ["hourly/2026-03-02T11", "hourly/2026-03-02T10"],
        "daily": ["daily/2026-03-01"],
    }
    assert get("/report/files/hourly/2026-03-02T11.html").text == "a report"


def test_lists_no_report_before_there_is_one():
    assert get("/api/reports").json()["reports"] == {"latest": [], "hourly": [], "daily": []}
