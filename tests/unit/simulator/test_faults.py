from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from include.simulator.faults.faults import FAULTS, Fault, FaultScript, Rows, Status
from include.simulator.faults.faulty import FaultyApp
from include.simulator.faults.rows import spoil_rows, spoil_statuses
from include.simulator.requests.request_log import RequestLog
from include.simulator.serving.app import create_app, rate_limit_of

OPEN_MS = 1_699_999_980_000
NOW_MS = OPEN_MS + 30_500


def row(open_ms=OPEN_MS, close="100.00000000"):
    return [
        open_ms, "100.0", "100.0", "100.0", close, "2.00000000",
        open_ms + 59_999, "200.00000000", 3, "1.0", "100.0", "0",
    ]  # fmt: skip


def spoiled(change, rows=None, **options):
    return spoil_rows(rows or [row()], Rows(change=change, **options), NOW_MS)


def effects(script, count, endpoint="klines", now_ms=NOW_MS, **query):
    return [bool(script.effects(endpoint, query, now_ms)) for _ in range(count)]


def faults(**options):
    return FaultScript(FAULTS.validate_python([{"effect": {"kind": "hang"}, **options}]))


@pytest.fixture
def faulty(client, exchange):
    """The application with a script and a log that a test can reach."""
    client.script, client.log = FaultScript(), RequestLog()
    limit = rate_limit_of(exchange)
    app = create_app(exchange, lambda: client.now_ms, limit)
    client.app = FaultyApp(app, lambda: client.now_ms, client.script, client.log)
    return client


def strike(faulty, effect, **options):
    faulty.script.replace([Fault.model_validate({"effect": effect, **options})])


def test_strikes_only_what_it_names():
    script = faults(endpoint="klines", symbol="BTCUSDT", interval="1s")

    assert effects(script, 1, symbol="BTCUSDT", interval="1s") == [True]
    assert effects(script, 1, symbol="ETHUSDT", interval="1s") == [False]
    assert effects(script, 1, symbol="BTCUSDT", interval="1m") == [False]
    assert effects(script, 1, endpoint="time") == [False]


def test_passes_some_first_and_ends_after_its_number():
    assert effects(faults(skip=2, times=1), 5) == [False, False, True, False, False]


def test_holds_in_a_span_without_its_end():
    script = faults(from_ms=NOW_MS, until_ms=NOW_MS + 1)

    assert effects(script, 1, now_ms=NOW_MS - 1) == [False]
    assert effects(script, 1, now_ms=NOW_MS) == [True]
    assert effects(script, 1, now_ms=NOW_MS + 1) == [False]


def test_draws_the_same_again_from_the_same_seed():
    first, again = (effects(faults(probability=0.5), 100) for _ in range(2))

    assert first == again
    assert 20 < sum(first) < 80


def test_begins_to_count_again_with_new_faults():
    script = faults(times=1)
    effects(script, 1)

    script.replace(script.faults)

    assert effects(script, 2) == [True, False]


def test_refuses_a_fault_with_an_unknown_name():
    with pytest.raises(ValidationError, match="endpiont"):
        FAULTS.validate_python([{"endpiont": "klines", "effect": {"kind": "hang"}}])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("missing", []),
        ("duplicated", [row(), row()]),
        ("off_grid", [[OPEN_MS + 1, *row()[1:]]]),
        ("unclosed", [[*row()[:6], OPEN_MS + 59_999 + 365 * 86_400_000, *row()[7:]]]),
        ("not_a_number", [row(close="NaN")]),
        ("off_tick", [[OPEN_MS, *["100.00000001"] * 4, *row()[5:]]]),
        ("huge_number", [row(close="123456789012345678901234567890.12345678")]),
    ],
)
def test_spoils_a_row(change, expected):
    assert spoiled(change) == expected


def test_revises_a_row_as_a_late_trade_would():
    """0.1 at 100 more: volume 2.1, quote volume 210, one trade more."""
    (revised,) = spoiled("revised")

    assert (revised[5], revised[7], revised[8]) == ("2.10000000", "210.00000000", 4)


def test_leaves_out_what_has_not_settled():
    """Ten seconds after its end a minute is settled, at its end it is not."""
    settled, fresh = row(NOW_MS - 70_000), row(NOW_MS - 60_000)

    assert spoiled("unsettled", [settled, fresh], seconds=5) == [settled]


def test_spoils_only_the_rows_in_its_span():
    rows = [row(OPEN_MS), row(OPEN_MS + 60_000)]

    assert spoiled("missing", rows, from_ms=OPEN_MS + 60_000) == rows[:1]
    assert spoiled("missing", rows, until_ms=OPEN_MS + 60_000) == rows[1:]


def test_halts_one_symbol_or_all():
    info = {"symbols": [{"symbol": "A", "status": "TRADING"}, {"symbol": "B", "status": "TRADING"}]}

    one = spoil_statuses(info, Status(symbol="B"))
    all_ = spoil_statuses(info, Status(status="BREAK"))

    assert [entry["status"] for entry in one["symbols"]] == ["TRADING", "HALT"]
    assert [entry["status"] for entry in all_["symbols"]] == ["BREAK", "BREAK"]


def test_answers_as_usual_and_notes_it_without_a_fault(faulty):
    answer = faulty.get("ping")

    assert (answer.status_code, answer.json()) == (200, {})
    assert faulty.log.since(0) == [
        {
            "number": 0,
            "at_ms": NOW_MS,
            "client": "127.0.0.1",
            "path": "/api/v3/ping",
            "query": "",
            "status": 200,
            "used_weight": 1,
        }
    ]


def test_puts_another_answer_in_the_place_of_the_true_one(faulty):
    strike(
        faulty,
        {"kind": "answer", "status": 403, "body": "<html>", "headers": {"Location": "/x"}},
        times=1,
    )

    refused, served = faulty.get("ping"), faulty.get("ping")

    assert (refused.status_code, refused.text, refused.headers["location"]) == (403, "<html>", "/x")
    assert "x-mbx-used-weight-1m" not in refused.headers
    assert served.headers["x-mbx-used-weight-1m"] == "2"


def test_spoils_the_klines_of_an_answer_and_keeps_its_headers(faulty):
    strike(faulty, {"kind": "rows", "change": "not_a_number"})

    answer = faulty.get("klines", symbol="BTCUSDT", interval="1m", limit=3)

    assert [kline[4] for kline in answer.json()] == ["NaN"] * 3
    assert answer.headers["x-mbx-used-weight-1m"] == "2"
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_spoils_no_refusal(faulty):
    strike(faulty, {"kind": "rows", "change": "not_a_number"})

    assert faulty.get("klines", symbol="NOSUCH", interval="1m").json()["code"] == -1121


def test_says_in_exchange_info_that_a_symbol_is_halted(faulty):
    strike(faulty, {"kind": "status", "symbol": "BTCUSDT"}, endpoint="exchangeInfo")

    (entry,) = faulty.get("exchangeInfo", symbol="BTCUSDT").json()["symbols"]

    assert entry["status"] == "HALT"


def test_appends_each_request_to_its_file(tmp_path):
    file = tmp_path / "requests.jsonl"
    log = RequestLog(file)

    for status in (200, 429):
        log.note(at_ms=1, client="a", path="/p", query="q=1", status=status, used_weight=2)

    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line["number"], line["status"]) for line in lines] == [(0, 200), (1, 429)]
    assert log.since(1) == lines[1:]
