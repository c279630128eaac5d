"""Fetch tasks of one symbol or of a group; the exchange is replaced, the landing folder is real."""

import json
from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.pipeline.fetching import FetchPlan
from include.pipeline.landing import read_batch
from include.records.errors import RetryableError
from include.tasks import ingest_prices
from tests.fakes.builders import batch
from tests.fakes.memory_store import MemoryStore

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT")


class KilledError(BaseException):
    """Ends a task at once, as Airflow's time limit does."""


@pytest.fixture(autouse=True)
def handed(monkeypatch, tmp_path):
    """What a task hands on before it fails; three fetch tasks at most."""
    pushed = []
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_VAR_SYMBOLS", ",".join(SYMBOLS))
    monkeypatch.setattr(ingest_prices, "FETCH_TASKS", 3)
    monkeypatch.setattr(ingest_prices, "open_store", MemoryStore)
    monkeypatch.setattr(ingest_prices, "open_exchange", lambda *_: nullcontext())
    monkeypatch.setattr(ingest_prices, "plan_fetches", plans)
    monkeypatch.setattr(ingest_prices, "push_result", pushed.extend)
    monkeypatch.setattr(ingest_prices, "fetch_batch", fetched)
    return pushed


def plans(_store, _client, symbols, _clock):
    window = batch().window
    return [FetchPlan(symbol, window, Decimal("0.01"), timedelta(0)) for symbol in symbols]


def fetched(_client, plan, _clock):
    return batch(symbol=plan.symbol)


def but_for(symbol, error):
    def fetch_or_fail(client, plan, clock):
        if plan.symbol == symbol:
            raise error
        return fetched(client, plan, clock)

    return fetch_or_fail


def planned():
    return json.loads(json.dumps(ingest_prices.plan()))


def symbols_of(messages):
    return [message["symbol"] for message in messages]


def test_divides_more_symbols_than_tasks_into_groups():
    groups = planned()

    assert [symbols_of(group) for group in groups] == [
        ["BTCUSDT"],
        ["ETHUSDT", "SOLUSDT"],
        ["XRPUSDT", "ADAUSDT"],
    ]
    assert [*map(ingest_prices.group_name, groups)] == [
        "BTCUSDT",
        "ETHUSDT, SOLUSDT",
        "XRPUSDT, ADAUSDT",
    ]


def test_names_a_group_of_many_symbols_by_the_first_and_the_last():
    messages = [{"symbol": f"S{number:02}USDT"} for number in range(40)]

    assert len(ingest_prices.group_name(messages[:27])) == 27 * 9 - 2
    assert ingest_prices.group_name(messages) == "S00USDT to S39USDT (40)"


def test_lands_a_batch_for_each_symbol_of_a_group(handed):
    *_, group = planned()

    arrived = ingest_prices.fetch(group)

    assert sorted(symbols_of(arrived)) == ["ADAUSDT", "XRPUSDT"]
    for message in arrived:
        assert read_batch(message["url"]) == batch(symbol=message["symbol"])
    assert handed == []


def test_fetches_the_symbols_of_a_group_side_by_side(monkeypatch):
    """Each waits for the other: one after another they would wait for ever."""
    barrier = Barrier(2, timeout=30)

    def together(client, plan, clock):
        barrier.wait()
        return fetched(client, plan, clock)

    monkeypatch.setattr(ingest_prices, "fetch_batch", together)

    assert len(ingest_prices.fetch(planned()[-1])) == 2


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (RetryableError("the exchange does not answer"), RetryableError),
        (ValueError("a bug"), AirflowFailException),
    ],
)
def test_hands_on_the_others_where_one_of_a_group_fails(monkeypatch, handed, error, raised):
    monkeypatch.setattr(ingest_prices, "fetch_batch", but_for("XRPUSDT", error))

    with pytest.raises(raised, match="XRPUSDT"):
        ingest_prices.fetch(planned()[-1])

    assert symbols_of(handed) == ["ADAUSDT"]


def test_hands_on_what_has_arrived_when_its_time_is_over(monkeypatch, handed):
    monkeypatch.setattr(ingest_prices, "fetch_batch", but_for("ADAUSDT", KilledError()))

    with pytest.raises(KilledError):
        ingest_prices.fetch(planned()[-1])

    assert symbols_of(handed) == ["XRPUSDT"]
