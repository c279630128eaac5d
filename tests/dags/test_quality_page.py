"""The pages of the plugin, called as Airflow's web server calls them."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

import httpx
import pytest

from include.gx.batches import check_batch
from include.gx.checkpoints import Checkpoints
from include.gx.data_docs import build_data_docs
from include.gx.docs_index import Retention
from include.records.batches import BatchRecord
from include.records.errors import RetryableError, UnstorableValueError
from include.records.verdicts import State
from include.records.windows import MINUTE, floor_minute
from include.web import quality_page
from include.web.access import may_read
from tests.fakes.builders import NOON, average, batch, quarantined_row
from tests.fakes.builders import logged as batch_logged
from tests.fakes.memory_store import MemoryStore

NOW = datetime.now(UTC)
TODAY = NOW.date()


def get(path, *, is_logged_in=True, **parameters):
    """Ask the application itself; there is no server."""

    async def ask():
        transport = httpx.ASGITransport(app=quality_page.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
            return await client.get(path, params=parameters)

    if is_logged_in:
        quality_page.app.dependency_overrides[may_read] = lambda: "somebody"
    try:
        return asyncio.run(ask())
    finally:
        quality_page.app.dependency_overrides.clear()


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path):
    """A store, and a folder for Data Docs."""
    held = MemoryStore()
    monkeypatch.setattr(quality_page, "open_store", lambda: held)
    monkeypatch.setattr(quality_page, "symbols", lambda: ("BTCUSDT", "ETHUSDT"))
    monkeypatch.setattr(quality_page, "storage_url", lambda: str(tmp_path))
    return held


def logged(*, quarantined=0, is_refused=False, failed=()):
    return BatchRecord(
        symbol="BTCUSDT",
        fetched_at=NOW,
        window_start=NOW,
        window_end=NOW,
        row_count=376,
        quarantined_count=quarantined,
        is_refused=is_refused,
        failed=failed,
        used_weight=4,
        fetch_ms=10,
        check_ms=120,
    )


@pytest.mark.parametrize("path", ["/", "/docs/index.html", "/docs/static/data_docs.css"])
def test_asks_for_a_login(path):
    assert get(path, is_logged_in=False).status_code == 401


@pytest.mark.parametrize("path", ["/openapi.json", "/redoc"])
def test_tells_nothing_of_itself_that_nobody_needs(path):
    assert get(path).status_code == 404


def test_counts_batches_and_rows_by_symbol(store):
    store.log_batch(logged(quarantined=3, failed=("expect_prices_to_be_in_order",)))
    row = quarantined_row(detected_at=NOW)
    store.quarantine.keep([row, quarantined_row([7, "x"], detected_at=NOW)])
    store.quarantine.settle(row, State.CLOSED, NOW, "an outage's <edge>")

    page = get("/").text

    assert "expect_prices_to_be_in_order (1)" in page
    assert '<td class="number">2</td>\n<td class="number bad">1</td>' in page
    assert "an outage&#39;s &lt;edge&gt;" in page
    assert "ETHUSDT" in page


def test_says_that_all_is_well(store):
    store.log_batch(logged())

    page = get("/").text

    assert "No row was refused on this day." in page
    assert "Nothing ran on this day" not in page


@pytest.mark.parametrize("day", [TODAY, TODAY - timedelta(days=3)], ids=["today", "past"])
def test_a_day_on_which_nothing_ran_is_not_a_good_day(day):
    page = get("/", day=day.isoformat()).text

    assert "Nothing ran on this day" in page
    assert page.count('class="soft">nothing ran</td>') == 2
    assert "No row was refused on this day." not in page


def test_a_symbol_that_did_not_run_is_no_good_symbol_either(store):
    """Bitcoin ran, ether did not."""
    store.log_batch(logged())

    page = get("/").text

    assert page.count('class="soft">nothing ran</td>') == 1


def test_says_first_where_the_prices_come_from_and_how_old_they_are(store):
    minute = floor_minute(NOW) - 10 * MINUTE
    store.minute_prices.append([average(minute)], minute + MINUTE)
    store.log_batch(batch_logged(minute, source="GENERATED", fetched_at=minute + MINUTE))

    page = get("/").text

    assert '<p class="strip stale" data-testid="strip">GENERATED · price of ' in page


def test_lists_the_newest_rows_of_very_many(store):
    store.quarantine.keep(
        [quarantined_row([number, "x"], detected_at=NOW) for number in range(1_000)]
    )

    page = get("/").text

    assert "The newest 200 of 1,000 rows." in page
    assert len(page) < 300_000


@pytest.mark.parametrize(
    ("sent", "cell"),
    [
        (1_764_072_000_000, '<td title="1764072000000">2025-11-25 12:00:00</td>'),
        ("soon", '<td title="soon">soon</td>'),
        (10**40, f'<td title="{10**40}">{10**40}</td>'),
    ],
    ids=["a time", "no number", "beyond all times"],
)
def test_shows_open_times_as_times_and_as_they_were_sent(store, sent, cell):
    store.quarantine.keep([quarantined_row([sent, "x"], detected_at=NOW)])

    assert cell in get("/").text


def test_shows_markup_of_the_exchange_as_text(store):
    store.quarantine.keep([quarantined_row(["<script>alert(1)</script>"], detected_at=NOW)])

    assert "<script>alert" not in get("/").text


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("yesterday", "is not a date; write it like"),
        ("<script>", "&lt;script&gt;"),
        pytest.param(
            (TODAY + timedelta(days=1)).isoformat(),
            "is not one of the last 90 days",
            id="tomorrow",
        ),
        ("2017-07-14", "is not one of the last 90 days"),
    ],
)
def test_says_what_is_wrong_with_a_day(day, words):
    answer = get("/", day=day)

    assert answer.status_code == 400
    assert words in answer.text
    assert "<script>" not in answer.text


def test_shows_a_day_that_is_over():
    yesterday = TODAY - timedelta(days=1)

    assert f'<a href="?day={TODAY}">' in get("/", day=yesterday.isoformat()).text


def test_says_so_when_cassandra_does_not_answer(monkeypatch):
    def fail():
        raise RetryableError("Cassandra at 127.0.0.1 did not answer")

    monkeypatch.setattr(quality_page, "open_store", fail)

    answer = get("/")

    assert answer.status_code == 503
    assert "did not answer" in answer.text


@pytest.mark.defect(37)
def test_shows_the_other_symbols_beside_one_that_cannot_be_read(store, monkeypatch):
    monkeypatch.setattr(quality_page, "symbols", lambda: ("BTCUSDT", "ETHUSDT"))
    of_day = store.quarantine.on_day

    def broken(symbol, day):
        if symbol == "BTCUSDT":
            raise UnstorableValueError("a state that is none")
        return of_day(symbol, day)

    monkeypatch.setattr(store.quarantine, "on_day", broken)

    page = get("/")

    assert page.status_code == 200
    assert "BTCUSDT: a state that is none" in page.text
    assert "ETHUSDT.html" in page.text
    assert "BTCUSDT.html" not in page.text


def test_serves_data_docs(tmp_path):
    docs = tmp_path / "gx" / "docs" / "static"
    docs.mkdir(parents=True)
    (docs / "data_docs.css").write_text("a {}")

    answer = get("/docs/static/data_docs.css")

    assert (answer.text, answer.headers["content-type"]) == ("a {}", "text/css; charset=utf-8")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "../../secret.html",
        "%2e%2e/%2e%2e/secret.html",
        "..%2f..%2fsecret.html",
        "%2fetc%2fpasswd.html",
        "secret.txt",
    ],
)
def test_serves_nothing_from_elsewhere(tmp_path, path):
    (tmp_path / "secret.html").write_text("secret")
    (tmp_path / "gx" / "docs").mkdir(parents=True)
    (tmp_path / "gx" / "docs" / "secret.txt").write_text("secret")

    answer = get(f"/docs/{path}")

    assert answer.status_code == 404
    assert answer.text != "secret"


def test_says_when_there_will_be_data_docs():
    assert "the DAG report_prices builds Data Docs" in get("/docs/index.html").text


@pytest.mark.parametrize(
    "path",
    ["/docs/nowhere.html", "/docs/days/2020-01-01/BTCUSDT.html", "/docs/a/b/c~d.html", "/result"],
)
def test_an_unknown_address_leads_back(path):
    """By links that work from where it is: below /quality, at any depth."""
    answer = get(path)

    assert answer.status_code in {400, 404}
    address = f"http://airflow/quality{path}"
    links = {urljoin(address, link) for link in re.findall(r'href="([^"]+)"', answer.text)}
    known = ("quality/", "quality/docs/index.html", "prices/")
    assert {f"http://airflow/{each}" for each in known} < links
    scripts = {urljoin(address, link) for link in re.findall(r'src="([^"]+)"', answer.text)}
    assert scripts == {"http://airflow/prices/static/theme.js"}


def test_the_folder_of_data_docs_is_its_first_page(tmp_path):
    (tmp_path / "gx" / "docs").mkdir(parents=True)
    (tmp_path / "gx" / "docs" / "index.html").write_text("first")

    assert get("/docs/").text == "first"


def asked(moment, *, symbol="BTCUSDT", minute=NOON, **more):
    return {
        "suite": "second_prices",
        "symbol": symbol,
        "at": moment.isoformat(),
        "from": minute.isoformat(),
        "to": (minute + MINUTE).isoformat(),
    } | more


def test_leads_from_a_batch_to_its_result(tmp_path):
    """As its address comes from the batch log, which keeps whole milliseconds."""
    folder = str(tmp_path / "gx")
    landed = batch()
    check_batch(Checkpoints(folder), landed, symbol="BTCUSDT", stored={})
    build_data_docs(folder, NOON.date(), Retention())

    answer = get("/result", **asked(landed.fetched_at))

    assert answer.status_code == 302
    page = answer.headers["location"]
    assert page.startswith("docs/results/second_prices/BTCUSDT-20260301T1200-20260301T1201~")
    assert get(f"/{page}").status_code == 200
    assert "BTCUSDT" in get(f"/{page}").text


def test_says_when_there_will_be_a_result_of_a_batch():
    answer = get("/result", **asked(NOON))

    assert answer.status_code == 404
    assert "the DAG report_prices builds its page a moment after the check" in answer.text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"symbol": "btc"}, "is not a valid symbol"),
        ({"at": "soon"}, "is not a time: write it like"),
        ({"from": "2026-03-01T12:00:00"}, "has no time zone"),
        ({"suite": "<script>"}, "&lt;script&gt;"),
    ],
)
def test_says_what_is_wrong_with_the_address_of_a_result(wrong, words):
    answer = get("/result", **asked(NOON, **wrong))

    assert answer.status_code in {400, 404}
    assert words in answer.text
    assert "<script>" not in answer.text.replace('<script type="module"', "")
