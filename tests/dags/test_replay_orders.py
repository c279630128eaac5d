"""What the form of replay_quarantine may ask for."""

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.orchestration import quarantine
from include.orchestration.forms import REPLAY_QUARANTINE

DEFAULTS = {name: param.value for name, param in REPLAY_QUARANTINE.items()}


@pytest.fixture(autouse=True)
def _symbols(monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_SYMBOLS", "BTCUSDT,ETHUSDT")


def plan(**wishes):
    return quarantine.plan(DEFAULTS | wishes)


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
        ({"since": "2026-03-02", "until": "2026-03-01"}, "let 'since' be the first day"),
        ({"since": "2017-07-14", "until": "2026-03-01"}, "at most 400 days"),
        ({"since": "soon"}, "since: "),
        ({"action": "close"}, "say why in 'note'"),
        ({"action": "replay", "accept": ["expect_prices_to_be_on_tick_grid"]}, "say why in 'note'"),
    ],
    ids=["backwards", "too long", "no day", "closed without a word", "accepted without a word"],
)
def test_says_what_is_wrong_with_an_order(wishes, words):
    with pytest.raises(AirflowFailException, match=words):
        plan(**wishes)
