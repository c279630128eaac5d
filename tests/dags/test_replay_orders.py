"""What the form of replay_quarantine may ask for, and what is done."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.orchestration.forms import REPLAY_QUARANTINE
from include.records.verdicts import State
from include.records.windows import SECOND
from include.tasks import gates, maintain, maintain_files, replay_quarantine
from tests.fakes.builders import NOON, batch, kline, land, quarantined_row, symbol_info
from tests.fakes.memory_store import MemoryStore

DEFAULTS = {name: param.value for name, param in REPLAY_QUARANTINE.items()}


@pytest.fixture(autouse=True)
def _symbols(monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_SYMBOLS", "BTCUSDT,ETHUSDT")


def plan(**wishes):
    return replay_quarantine.plan(DEFAULTS | wishes)


def test_lists_a_week_of_every_symbol_when_nothing_is_filled_in():
    parts = plan()

    assert [(part["symbol"], part["action"]) for part in parts] == [
        ("BTCUSDT", "list"),
        ("ETHUSDT", "list"),
    ]
    assert parts[0]["until"] > parts[0]["since"]


def test_takes_the_symbols_that_are_named_and_leaves_blanks_out():
    assert [part["symbol"] for part in plan(symbols=[" SOLUSDT ", ""])] == ["SOLUSDT"]


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"since": "2026-03-02", "until": "2026-03-01"}, "set 'since' to the first day"),
        ({"since": "2017-07-14", "until": "2026-03-01"}, "400 days: set 'since' to 2025-01-26"),
        ({"until": "2999-01-01"}, "is in the future: leave it empty for today"),
        ({"since": "soon"}, "since: 'soon' is not a day: write it like 2026-03-01"),
        ({"action": "reply"}, "action: Input should be 'list', 'replay' or 'close'"),
        ({"action": ""}, "action: Input should be 'list', 'replay' or 'close'"),
        ({"symbols": ["BTC/USDT"]}, "'BTC/USDT' is not a valid symbol"),
        ({"action": "close"}, "give the reason in 'note'"),
        (
            {"action": "replay", "accept": ["expect_prices_to_be_in_order"]},
            "give the reason in 'note'",
        ),
        ({"rows": ["12ab"]}, "rows: .*'12ab': write the first characters of a row's digest"),
    ],
    ids=[
        "backwards",
        "too long",
        "in the future",
        "no day",
        "no action",
        "an empty action",
        "no symbol",
        "closed without a word",
        "accepted without a word",
        "a digest cut short",
    ],
)
def test_says_what_is_wrong_with_an_order(wishes, words):
    with pytest.raises(AirflowFailException, match=words):
        plan(**wishes)


@pytest.mark.parametrize("note", [None, "", " "])
def test_lists_without_a_reason(note):
    assert [part["note"] for part in plan(note=note)] == ["", ""]


def test_its_form_asks_for_no_reason_to_list():
    """Airflow's form requires a field whose type is a text alone."""
    assert REPLAY_QUARANTINE["note"].schema["type"] == ["string", "null"]
    assert REPLAY_QUARANTINE["note"].resolve(None) is None


@pytest.mark.usefixtures("store")
def test_says_in_a_sentence_what_was_done():
    assert replay_quarantine.settle(part("list")) == "BTCUSDT: 1 OPEN; 0 minutes revised."
    assert replay_quarantine.settle(part("close", note="an edge")) == (
        "BTCUSDT: 1 CLOSED; 0 minutes revised."
    )


@pytest.fixture
def store(monkeypatch, tmp_path):
    """A store with one open row, and a folder for what the gate says."""
    held = MemoryStore()
    held.remember_symbol(symbol_info())
    held.quarantine.keep([quarantined_row()])
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", str(tmp_path))
    monkeypatch.setattr(replay_quarantine, "open_store", lambda: held)
    monkeypatch.setattr(gates, "open_store", lambda: held)
    return held


def part(action, **changes):
    day = NOON.date().isoformat()
    asked = {"symbol": "BTCUSDT", "action": action, "since": day, "until": day}
    return asked | {"expectations": [], "accept": [], "rows": [], "note": ""} | changes


def states(store):
    return [row.state for row in store.quarantine.on_day("BTCUSDT", NOON.date())]


@pytest.mark.parametrize("action", ["reply", "REPLAY", "", "accept"])
def test_does_nothing_for_a_message_whose_action_is_none(store, action):
    """It may come from a run of another version, or by hand: nobody asked to store anything."""
    with pytest.raises(AirflowFailException, match="give one of list, replay, close"):
        replay_quarantine.settle(part(action))

    assert states(store) == [State.OPEN]


@pytest.mark.parametrize(
    ("action", "expected"),
    [("list", State.OPEN), ("close", State.CLOSED), ("replay", State.REPLAYED)],
)
def test_does_what_each_action_says(store, action, expected):
    replay_quarantine.settle(part(action))

    assert states(store) == [expected]


@pytest.mark.defect(42)
def test_takes_the_row_that_is_named_as_the_list_shows_it(store, caplog):
    caplog.set_level("INFO")
    other = quarantined_row(kline(NOON + SECOND))
    store.quarantine.keep([other])
    replay_quarantine.settle(part("list"))
    shown = other.digest[:12]
    assert f"OPEN BTCUSDT 1s {other.open_time} {shown}: " in caplog.text

    replay_quarantine.settle(part("replay", rows=[shown]))

    assert states(store) == [State.OPEN, State.REPLAYED]


def test_says_what_can_never_be_accepted(store):
    with pytest.raises(AirflowFailException, match="cannot be accepted: such a row is not a price"):
        replay_quarantine.settle(part("replay", accept=["expect_rows_to_be_well_formed"]))

    assert states(store) == [State.OPEN]


def test_keeps_what_was_refused_for_as_long_as_it_looks_back(tmp_path, monkeypatch):
    """A batch that was refused on a Friday evening is there on Monday morning."""
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", str(tmp_path))
    monkeypatch.setattr(maintain_files, "open_store", MemoryStore)
    asked = plan()[0]
    first_day = date.fromisoformat(asked["since"])
    friday = land(tmp_path, batch(start=datetime(*first_day.timetuple()[:3], tzinfo=UTC)))
    older = land(
        tmp_path,
        batch(start=datetime(*first_day.timetuple()[:3], tzinfo=UTC) - timedelta(days=2)),
    )

    maintain.keep_up("landing", {"only_count": False})

    assert Path(friday).exists()
    assert not Path(older).exists()
