"""Hostile texts in forms, Variables and answers of the exchange, through the bodies of tasks."""

import json
import logging
import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.exchange.addresses import AddressFields, allowed_base_urls, read_simulator_host
from include.exchange.request_budget import RequestBudget
from include.mart.addresses import MartFields, read_mart_address
from include.orchestration.connections import kept, storage_url, symbols, whole_number
from include.orchestration.failures import raise_failures
from include.orchestration.forms import AUDIT_PRICES, BACKFILL_PRICES, REPLAY_QUARANTINE
from include.pipeline.landing import batch_url, land_failure, unloaded_batch
from include.records.errors import InvalidAnswerError, MarketDataError, SettingsError
from include.records.klines import LONGEST_CELL, Interval
from include.records.symbols import read_symbol
from include.records.windows import MINUTE, Window
from include.store.addresses import contact_points
from include.tasks import audit_prices, backfill_prices, ingest_prices, replay_quarantine
from include.watch.settings import read_watch
from tests.fakes.builders import NOON, kline, quarantined_row
from tests.fakes.exchange import client_over
from tests.fakes.hostile import HOSTILE, MARK
from tests.fakes.memory_budget import MemoryBudgetTable
from tests.fakes.memory_store import MemoryStore

# What a spreadsheet takes for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
LONGEST_MESSAGE = 3_000
OTHERS = {
    "number": 7,
    "nothing": None,
    "list": [[]],
    "object": {"a": 1},
    "flag": True,
    "float": 1e300,
}
DAY = "2020-01-01"
FORMS = {
    "replay": (replay_quarantine.plan, REPLAY_QUARANTINE, {}),
    "backfill": (backfill_prices.plan, BACKFILL_PRICES, {"from": DAY, "to": DAY}),
    "audit": (audit_prices.plan, AUDIT_PRICES, {}),
}
FIELDS = [(form, field) for form, (_, params, _) in FORMS.items() for field in params]


def in_environment(text):
    """A text as the environment, where tests have their Variables, can hold it."""
    return text.replace("\0", "\1").encode("utf-8", "replace").decode()


def assert_plain(message):
    assert message.isprintable()
    assert 0 < len(message) < LONGEST_MESSAGE


@pytest.fixture(autouse=True)
def _variables(monkeypatch, tmp_path):
    monkeypatch.setenv("AIRFLOW_VAR_SYMBOLS", "BTCUSDT")
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", str(tmp_path / "data"))


def planned(form, **wishes):
    """The orders of a filled-in form; none where it is refused in plain words."""
    plan, params, defaults = FORMS[form]
    filled = {name: param.value for name, param in params.items()} | defaults | wishes
    try:
        return plan(filled)
    except AirflowFailException as error:
        assert_plain(str(error))
        return []


@pytest.mark.parametrize(("form", "field"), FIELDS, ids=[f"{a} {b}" for a, b in FIELDS])
def test_a_form_is_refused_in_plain_words_or_names_valid_symbols(form, field):
    for value in (*HOSTILE.values(), *OTHERS.values()):
        orders = [
            order
            for sent in (value, [value], [value] * 3)
            for order in planned(form, **{field: sent})
        ]
        for order in orders:
            assert read_symbol(order["symbol"]) == order["symbol"]
            for each in ("day", "since", "until"):
                assert re.fullmatch(r"\d{4}-\d\d-\d\d", order.get(each, DAY))
            assert order.get("action", "list") in {"list", "replay", "close"}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_field_that_no_form_has_is_not_repeated_as_it_is(attack):
    assert planned("backfill", **{HOSTILE[attack]: 1}) == []


def test_a_form_is_bounded():
    assert planned("replay", note="x" * 100_000) == []
    assert planned("replay", expectations=["x"] * 100_000) == []
    assert planned("replay", rows=["a" * 64] * 100_000) == []
    assert planned("backfill", symbols=[f"A{number}" for number in range(100_000)]) == []
    assert planned("backfill", **{"from": "0001-01-01"}) == []
    assert planned("audit", **{"from": "0001-01-01", "to": "2020-01-01"}) == []


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_reason_is_kept_as_text_and_logged_in_one_line(monkeypatch, caplog, attack):
    """It is no template, and no line of its own."""
    text = HOSTILE[attack].encode("utf-8", "replace").decode()
    store = MemoryStore()
    row = quarantined_row([text, *["1"] * 11], detected_at=NOON)
    store.quarantine.keep([row])
    monkeypatch.setattr(replay_quarantine, "open_store", lambda: store)
    part = {
        "symbol": row.symbol,
        "action": "list",
        "since": "2026-03-01",
        "until": "2026-03-01",
        "expectations": [],
        "accept": [],
        "rows": [],
        "note": text[:1_000],
    }

    with caplog.at_level(logging.INFO):
        assert replay_quarantine.settle(part) == f"{row.symbol}: 1 OPEN; 0 minutes revised."
        replay_quarantine.settle(part | {"action": "close"})

    (closed,) = store.quarantine.on_day(row.symbol, NOON.date())
    assert closed.note == (text[:1_000] or "close")
    assert caplog.records
    assert all(record.getMessage().isprintable() for record in caplog.records)


@pytest.mark.parametrize("attack", HOSTILE)
def test_no_name_of_a_symbol_is_a_formula_a_path_or_an_option(attack):
    """So no cell of a file that is exported, no file and no folder is, either."""
    try:
        name = read_symbol(HOSTILE[attack])
    except ValueError as error:
        assert_plain(str(error))
        return

    assert not name.startswith((*FORMULA, "."))
    assert re.fullmatch(r"[\w.-]{1,50}", name)
    assert (Path("/folder") / name).parent == Path("/folder")


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_name_in_the_variable_of_symbols_leads_to_no_other_folder(monkeypatch, tmp_path, attack):
    """It is kept, so that its own fetch reports it: also where that leaves a note."""
    monkeypatch.setenv("AIRFLOW_VAR_SYMBOLS", in_environment(HOSTILE[attack]) + ",BTCUSDT")
    names = symbols()
    landing = tmp_path / "data" / "landing" / "2026-03-01"

    for name in names:
        assert name.isprintable()
        url = batch_url(storage_url(), name, Window(NOON, NOON + MINUTE), NOON)
        land_failure(url, "why")
        assert Path(url).resolve().parent.parent == landing
        assert unloaded_batch(storage_url(), name, NOON, NOON.date()) is None

    assert names[-1] == "BTCUSDT"
    assert [each for each in tmp_path.iterdir() if each.name != "data"] == []


@pytest.mark.parametrize("attack", HOSTILE)
def test_the_failure_of_a_symbol_is_told_in_one_line(caplog, attack):
    """With its name, with the answer of the exchange, and with a program error."""
    text = HOSTILE[attack]
    failed = {text: KeyError(text), f"{text}2": MarketDataError(text)}

    with caplog.at_level(logging.ERROR), pytest.raises(AirflowFailException) as caught:
        raise_failures(failed, [f"{text} was not fetched"])

    assert str(caught.value).isprintable()
    assert all(record.getMessage().isprintable() for record in caplog.records)


@pytest.mark.parametrize(
    "read",
    [
        lambda text: allowed_base_urls(AddressFields(text, schema=text)),
        lambda text: allowed_base_urls(AddressFields(f"https://{text}")),
        read_simulator_host,
        lambda text: contact_points(text, None, "cassandra_default"),
        lambda text: read_mart_address(MartFields("sqlite", text)),
        lambda text: read_mart_address(MartFields(text, text, text)),
        lambda text: read_watch(text, "the test"),
        lambda text: read_watch(json.dumps({"rules": [{"kind": text}]}), "the test"),
        lambda text: read_watch(json.dumps({"rules": [{"kind": "move", "name": text}]}), "it"),
        lambda text: read_watch(json.dumps({"notify": [{"kind": "smtp", "to": text}]}), "it"),
        lambda text: read_watch(
            json.dumps({"notify": [{"kind": "webhook", "connection": text, "endpoint": text}]}),
            "it",
        ),
    ],
    ids=[
        *("exchange", "exchange's host", "simulator", "Cassandra", "mart's file", "mart"),
        *("rules", "kind", "name", "mail", "webhook"),
    ],
)
def test_a_setting_is_refused_in_one_line(read):
    for text in HOSTILE.values():
        try:
            read(text)
            message = ""
        except SettingsError as error:
            message = str(error)
        assert message.isprintable()


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_number_in_a_variable_is_refused_in_one_line(monkeypatch, attack):
    for name in ("FETCH_TASKS", "LANDING_DAYS"):
        monkeypatch.setenv(f"AIRFLOW_VAR_{name}", in_environment(HOSTILE[attack]))

    for read in (lambda: whole_number("fetch_tasks", 1), lambda: kept("landing_days")):
        with pytest.raises(SettingsError) as caught:
            read()
        assert_plain(str(caught.value))


HEADERS = [
    "x-mbx-used-weight-1m",
    "retry-after",
    "content-type",
    "content-length",
    "date",
    "location",
    "set-cookie",
]


def asked(client):
    """Everything that is asked of the exchange; what it answers with is one line, if an error."""
    told = []
    for ask in (
        client.server_time,
        lambda: client.symbol_infos(["BTCUSDT"]),
        lambda: client.klines("BTCUSDT", Interval.SECOND, Window(NOON - MINUTE, NOON)),
        lambda: client.five_minute_price("BTCUSDT", NOON - MINUTE),
    ):
        try:
            told.append(ask())
        except MarketDataError as error:
            assert_plain(str(error))
    return told


@pytest.fixture
def _impatient(monkeypatch):
    monkeypatch.setattr("include.exchange.transport.retry_delay", lambda *_: None)
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("status", [200, 400, 403, 418, 429, 451, 500])
def test_what_the_exchange_writes_in_an_error_is_told_in_one_line(status):
    bodies = [
        body
        for text in HOSTILE.values()
        for body in (
            json.dumps({"code": -1121, "msg": text}).encode(),
            json.dumps({"code": text, "msg": [text]}).encode(),
            text.encode("utf-8", "replace"),
        )
    ]
    for body in bodies:
        with client_over(
            lambda _request, body=body: httpx.Response(status, content=body)
        ) as client:
            asked(client)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("status", [200, 429, 503])
@pytest.mark.parametrize("header", HEADERS)
def test_a_header_of_the_exchange_does_no_harm(status, header):
    for text in HOSTILE.values():
        value = re.sub(rb"[\r\n\0]", b" ", text.encode("utf-8", "replace"))
        answer = httpx.Response(
            status, headers=[(header.encode(), value)], content=b'{"serverTime": 1772366400000}'
        )
        with client_over(lambda _request, answer=answer: answer) as client:
            asked(client)
            assert client.transport.used_weight <= 10**9


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("attack", HOSTILE)
def test_a_name_in_the_exchange_information_does_no_harm(attack):
    """What was not asked for is not believed to be there."""
    text = HOSTILE[attack]
    entry = {"symbol": text, "status": text, "baseAsset": text, "quoteAsset": text, "filters": []}
    whole = entry | {
        "symbol": "BTCUSDT",
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "stepSize": text},
        ],
    }
    for entries in ([entry], [whole], [text], text, {text: text}):
        body = {"symbols": entries, "rateLimits": [{"rateLimitType": text, "limit": text}]}
        sent = json.dumps(body).encode()
        with client_over(lambda _request, sent=sent: httpx.Response(200, content=sent)) as client:
            for found in asked(client):
                assert set(found) <= {"BTCUSDT"}
                for each in found.values():
                    assert not isinstance(each, MarketDataError) or str(each).isprintable()


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("place", range(1, 12))
def test_a_cell_that_is_too_long_is_no_kline(place):
    """Nothing of it is landed, so no page and no file has to show it."""
    rows = [kline(NOON - MINUTE + timedelta(seconds=second)) for second in range(60)]
    rows[7][place] = "9" * (LONGEST_CELL + 1)

    with (
        client_over(lambda _request: httpx.Response(200, json=rows)) as client,
        pytest.raises(InvalidAnswerError, match="rows of twelve"),
    ):
        client.klines("BTCUSDT", Interval.SECOND, Window(NOON - MINUTE, NOON))


@pytest.mark.slow
def test_a_cell_of_a_kline_is_refused_by_the_gate_and_is_text_wherever_it_is_told(caplog, tmp_path):
    """Each attack in each column that has a text: none is stored, none is markup or a line."""
    from include.gx.batches import check_batch, verdict_line  # noqa: PLC0415 - seconds
    from include.gx.checkpoints import Checkpoints  # noqa: PLC0415
    from include.gx.data_docs import build_data_docs  # noqa: PLC0415
    from include.gx.docs_index import Retention  # noqa: PLC0415
    from include.pipeline.storing import refused_rows  # noqa: PLC0415
    from tests.fakes.builders import batch  # noqa: PLC0415

    attacks = [in_environment(text)[:LONGEST_CELL] for text in HOSTILE.values()]
    rows = [kline(NOON + timedelta(seconds=place)) for place in range(60)]
    for place, text in enumerate(attacks):
        rows[place][1 + place % 5] = text
    landed = batch(seconds=rows)

    with caplog.at_level(logging.INFO):
        verdict = check_batch(Checkpoints(str(tmp_path)), landed, symbol="BTCUSDT", stored={})
        build_data_docs(str(tmp_path), NOON.date(), Retention())

    assert {*range(len(attacks))} <= {*verdict.bad_rows[Interval.SECOND]}
    assert verdict_line(verdict, landed.row_count).isprintable()
    for row in refused_rows(landed, verdict, "memory://x"):
        assert row.payload.isascii()
        assert all(len(seen) < LONGEST_MESSAGE for seen in row.observed.values())
        assert json.loads(row.payload)[0] == int(row.open_time)
    pages = [file.read_text(encoding="utf-8") for file in (tmp_path / "docs").rglob("*.html")]
    assert any(MARK in page for page in pages)
    for page in pages:
        assert f"<script>alert('{MARK}" not in page
        assert "<img src=x" not in page
        assert f"\" onmouseover=alert('{MARK}" not in page
    ours = [record for record in caplog.records if record.name.startswith("include")]
    assert all(record.getMessage().isprintable() for record in ours)


def test_the_task_that_fetches_names_a_hostile_symbol_in_one_line(monkeypatch, tmp_path, caplog):
    """From the Variable to the note in the landing folder, and no further."""
    monkeypatch.setattr("os.nice", lambda _: None)
    monkeypatch.setattr(ingest_prices, "open_store", MemoryStore)

    class Access:
        budget = RequestBudget(MemoryBudgetTable(6000), 0.5)

        def client(self, _clock):
            return client_over(lambda _request: httpx.Response(400, json={"code": -1121}))

    monkeypatch.setattr(ingest_prices, "open_exchange", lambda _: Access())
    for text in HOSTILE.values():
        monkeypatch.setenv("AIRFLOW_VAR_SYMBOLS", in_environment(text))
        try:
            name = symbols()[0]
        except SettingsError:
            continue
        url = batch_url(storage_url(), name, Window(NOON, NOON + MINUTE), NOON)
        message = {
            "symbol": name,
            "url": url,
            "due_at": NOON.isoformat(),
            "start": NOON.isoformat(),
            "end": (NOON + MINUTE).isoformat(),
            "tick_size": None,
            "clock_offset_ms": 0,
            "unreadable": text,
            "overlap_minutes": 0,
            "leave": None,
        }
        with caplog.at_level(logging.INFO), pytest.raises(AirflowFailException) as caught:
            ingest_prices.fetch([message])
        assert str(caught.value).isprintable()
    assert [each.name for each in tmp_path.iterdir()] == ["data"]
    assert [each.name for each in (tmp_path / "data").iterdir()] == ["landing"]
    assert all(record.getMessage().isprintable() for record in caplog.records)
