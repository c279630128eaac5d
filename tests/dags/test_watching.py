"""One run of the price watch after another: what it reads, says and remembers."""

import json
import logging
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk import Variable
from airflow.sdk.exceptions import AirflowFailException

from include.records.errors import RetryableError, UnstorableValueError
from include.records.windows import MINUTE
from include.tasks import watch_prices
from include.watch.settings import read_watch
from tests.fakes.builders import NOON, average
from tests.fakes.memory_store import MemoryStore
from tests.fakes.sinks import http_sink

PROJECT = Path(__file__).resolve().parents[2]
RULES = """
rules:
  - {name: high, kind: price_above, symbols: BTCUSDT, threshold: 100}
  - {name: old, kind: older_than, minutes: 10}
notify:
  - {kind: slack}
  - {kind: webhook, connection: desk}
"""


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    """Airflow's Variables, in memory."""
    held = {"symbols": "BTCUSDT"}

    def get(key, default):
        return held.get(key, default)

    monkeypatch.setattr(Variable, "get", get)
    monkeypatch.setattr(Variable, "set", lambda key, value, **_more: held.update({key: value}))
    return held


@pytest.fixture
def store(monkeypatch):
    held = MemoryStore()
    monkeypatch.setattr(watch_prices, "open_store", lambda: held)
    return held


@pytest.fixture
def sinks(monkeypatch):
    """What stands behind the two channels."""
    with http_sink() as slack, http_sink() as desk:
        for name, server in (("SLACK_DEFAULT", slack), ("DESK", desk)):
            connection = {"host": f"http://127.0.0.1:{server.port}", "password": "T0/B0/X"}
            monkeypatch.setenv(
                f"AIRFLOW_CONN_{name}", json.dumps({"conn_type": "http"} | connection)
            )
        yield SimpleNamespace(slack=slack, desk=desk)


@pytest.fixture
def run(monkeypatch):
    """Run the task as it is at a number of minutes after noon."""

    def run_at(minutes, *, test=False):
        monkeypatch.setattr(watch_prices, "now", lambda: NOON + minutes * MINUTE)
        watch_prices.watch({"test": test})

    return run_at


def publish(store, index, vwap):
    minute = NOON + index * MINUTE
    store.minute_prices.append([average(minute, vwap=vwap)], minute + timedelta(seconds=70))


def test_is_off_as_it_ships_and_says_so_in_one_line(run, variables, caplog):
    del variables["symbols"]

    with caplog.at_level(logging.INFO, logger=watch_prices.__name__):
        run(0)

    (line,) = [record.getMessage() for record in caplog.records]
    assert (
        line == f"the price watch is off: the file {PROJECT}/include/price_watch.yaml has no rule"
    )
    assert variables == {}


def test_the_file_that_ships_is_right_once_its_rules_are_uncommented():
    text = (PROJECT / "include" / "price_watch.yaml").read_text(encoding="utf-8")
    heading, rules = text.split("rules:\n")

    assert "#" in heading
    assert len(read_watch("rules:\n" + rules.replace("#", ""), "").rules) == 3


def test_says_by_every_channel_what_crossed_a_line_and_says_it_once(run, variables, store, sinks):
    variables["price_watch"] = RULES
    publish(store, 0, "105")

    run(1)
    run(2)

    text = "high: BTCUSDT is above 100: VWAP 105 in the minute 2026-03-01 12:00 UTC, grade A"
    assert [post.body["text"] for post in sinks.slack.taken] == [text]
    assert [post.body["text"] for post in sinks.desk.taken] == [text]
    assert sinks.desk.taken[0].path == "/"


def test_reads_the_file_that_a_variable_names(run, variables, store, sinks, tmp_path):
    variables["price_watch_file"] = str(tmp_path / "rules.yaml")
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    publish(store, 0, "105")

    run(1)

    assert len(sinks.slack.taken) == len(sinks.desk.taken) == 1


def test_a_channel_that_fails_keeps_no_other_from_its_message_and_gets_its_own_later(
    run, variables, store, sinks
):
    variables["price_watch"] = RULES
    publish(store, 0, "105")
    sinks.desk.status = 500

    with pytest.raises(
        RetryableError, match=r"^webhook / \(connection desk\) did not accept .* 500"
    ):
        run(1)
    sinks.desk.status = 200
    run(1)
    run(2)

    assert len(sinks.slack.taken) == 1
    assert [post.body["announcements"][0]["change"] for post in sinks.desk.taken] == [
        "fired",
        "fired",
    ]
    assert "undelivered" not in json.loads(variables["price_watch_state"])


def test_an_error_of_the_program_in_one_channel_is_named_as_that_and_the_others_are_told(
    run, variables, store, sinks, monkeypatch
):
    """No connection is to be corrected for it, and nothing is said twice."""
    variables["price_watch"] = RULES
    publish(store, 0, "105")
    deliver = watch_prices.deliver

    def broken(channel, announcements):
        if channel.kind == "webhook":
            raise TypeError("unexpected keyword")
        deliver(channel, announcements)

    monkeypatch.setattr(watch_prices, "deliver", broken)

    with pytest.raises(AirflowFailException, match=r"webhook .* failed with a program error: Type"):
        run(1)
    monkeypatch.setattr(watch_prices, "deliver", deliver)
    run(2)

    assert len(sinks.slack.taken) == len(sinks.desk.taken) == 1


@pytest.mark.defect(37)
def test_a_symbol_that_cannot_be_read_keeps_no_other_from_being_watched(
    run, variables, store, sinks, monkeypatch
):
    variables["symbols"] = "ETHUSDT,BTCUSDT"
    variables["price_watch"] = RULES.replace("BTCUSDT", "[ETHUSDT, BTCUSDT]")
    publish(store, 0, "105")
    between = store.minute_prices.between

    def broken(symbol, window):
        if symbol == "ETHUSDT":
            raise UnstorableValueError("a flag that is none")
        return between(symbol, window)

    monkeypatch.setattr(store.minute_prices, "between", broken)

    with pytest.raises(AirflowFailException, match="ETHUSDT: a flag that is none"):
        run(1)

    assert [post.body["text"][:22] for post in sinks.slack.taken] == ["high: BTCUSDT is above"]


def test_what_waits_for_a_channel_is_sent_in_one_message_in_its_order(run, variables, store, sinks):
    variables["price_watch"] = RULES
    sinks.desk.status = 500
    for index, vwap in enumerate(["105", "98"]):
        publish(store, index, vwap)
        with pytest.raises(RetryableError):
            run(index + 1)
    sinks.desk.status = 200

    run(3)

    assert [each["change"] for each in sinks.desk.taken[-1].body["announcements"]] == [
        "fired",
        "over",
    ]
    assert len(sinks.slack.taken) == 2


def test_says_again_what_was_said_when_it_could_not_be_remembered(
    run, variables, store, sinks, monkeypatch
):
    """Twice is better than never."""
    variables["price_watch"] = RULES
    publish(store, 0, "105")

    def fail(*_args, **_more):
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(Variable, "set", fail)
        with pytest.raises(ConnectionError):
            run(1)
    run(1)

    assert len(sinks.slack.taken) == len(sinks.desk.taken) == 2


def test_judges_age_also_when_cassandra_does_not_answer(run, variables, store, sinks):
    variables["price_watch"] = RULES
    publish(store, 0, "99")
    run(1)

    def fail(_symbol, _window):
        raise RetryableError("Cassandra did not answer")

    store.minute_prices.between = fail
    with pytest.raises(RetryableError, match=r"^Cassandra did not answer$"):
        run(12)

    (post,) = sinks.slack.taken
    assert post.body["text"] == (
        "old: BTCUSDT is without a price for more than 10 minutes: the newest is from the minute "
        "2026-03-01 12:00 UTC"
    )
    assert len(sinks.desk.taken) == 1


def test_a_test_goes_to_every_channel_and_judges_nothing(run, variables, sinks):
    variables["price_watch"] = RULES

    run(1, test=True)

    text = "test of the price watch at 2026-03-01 12:01 UTC; rules: 2"
    assert [server.taken[0].body["text"] for server in (sinks.slack, sinks.desk)] == [text, text]
    assert "price_watch_state" not in variables


def test_a_test_that_fails_names_the_channel_and_is_not_tried_again(run, variables, sinks):
    variables["price_watch"] = RULES
    sinks.slack.status = 403

    with pytest.raises(AirflowFailException, match=r"^slack \(connection slack_default\) did not"):
        run(1, test=True)

    assert len(sinks.desk.taken) == 1


@pytest.mark.parametrize(
    ("changes", "test", "message"),
    [
        (
            {"price_watch": RULES.replace("100", "-100")},
            True,
            'the Airflow Variable \'price_watch\': rule "high": threshold is "-100"; write a price',
        ),
        (
            {"price_watch": RULES.replace("BTCUSDT", "DOGEUSDT")},
            True,
            'rule "high": symbols has DOGEUSDT, for which no price is extracted; write some of BTC',
        ),
        (
            {"price_watch_file": "nowhere.yaml"},
            False,
            "correct the Airflow Variable 'price_watch_f",
        ),
        ({"price_watch": "rules: []"}, True, "there is no channel to test; write one below"),
        ({"price_watch": RULES, "price_watch_state": "?"}, False, "delete it, and every rule"),
    ],
    ids=["a wrong rule", "a strange symbol", "no file", "no channel", "no memory"],
)
def test_says_what_is_wrong_and_is_not_tried_again(run, variables, changes, test, message):
    variables |= changes

    with pytest.raises(AirflowFailException) as raised:
        run(1, test=test)

    assert message in str(raised.value)


def test_a_channel_without_its_connection_says_so(run, variables, store, sinks):
    variables["price_watch"] = RULES.replace("desk", "nowhere")
    publish(store, 0, "105")

    with pytest.raises(RetryableError, match=r"connection nowhere\).*nowhere.* isn't defined"):
        run(1)

    assert len(sinks.slack.taken) == 1
