"""Fetch tasks of one symbol or of a group; the exchange is replaced, the landing folder is real."""

import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.exchange.request_budget import SPACING, RequestBudget
from include.pipeline.fetching import FetchPlan
from include.pipeline.landing import (
    batch_url,
    is_checked,
    is_fetched,
    land_batch,
    land_verdict,
    read_batch,
)
from include.records.errors import FileNotWrittenError, RetryableError
from include.records.windows import DAY, MINUTE, Window, floor_minute
from include.tasks import ingest_prices
from tests.fakes.builders import batch, verdict
from tests.fakes.memory_budget import MemoryBudgetTable
from tests.fakes.memory_store import MemoryStore

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT")
FIRST_LOOK = batch().window.end + timedelta(seconds=1.5)
AHEAD = timedelta(seconds=4.5)


class KilledError(BaseException):
    """Ends a task at once, as Airflow's time limit does."""


class Access:
    """To an exchange of which only the plan and the batch are told."""

    def __init__(self, table):
        self.budget = RequestBudget(table, 0.5)

    def client(self, _clock):
        return nullcontext(self)


@pytest.fixture
def table():
    return MemoryBudgetTable(6000)


@pytest.fixture(autouse=True)
def _three_tasks(monkeypatch, tmp_path, table):
    """Three fetch tasks at most."""
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_VAR_SYMBOLS", ",".join(SYMBOLS))
    monkeypatch.setenv("AIRFLOW_VAR_FETCH_TASKS", "3")
    monkeypatch.setattr("os.nice", lambda _: None)
    monkeypatch.setattr(ingest_prices, "open_store", MemoryStore)
    monkeypatch.setattr(ingest_prices, "open_exchange", lambda _: Access(table))
    monkeypatch.setattr(ingest_prices, "plan_fetches", plans)
    monkeypatch.setattr(ingest_prices, "fetch_batch", fetched)


def plans(_store, _client, symbols, _clock, _lead):
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


def messages():
    return [message for group in planned() for message in group]


def symbols_of(messages):
    return [message["symbol"] for message in messages]


def fail(*_):
    raise RetryableError("the exchange does not answer")


def landed_before(tmp_path, minutes, verdict_of=None, **changes):
    """Land a batch of BTCUSDT as an earlier run did that was killed before it had loaded it."""
    left = replace(batch(minutes=minutes), **changes)
    url = batch_url(str(tmp_path), left.symbol, left.window, left.window.end)
    land_batch(url, left)
    if verdict_of:
        land_verdict(url, verdict_of)
    return left


@pytest.fixture
def _stored(monkeypatch):
    """BTCUSDT is stored until the window of the batches begins, of the others nothing is."""
    store = MemoryStore()
    store.set_stored_until("BTCUSDT", batch().window.start)
    monkeypatch.setattr(ingest_prices, "open_store", lambda: store)
    monkeypatch.setattr(ingest_prices, "now", lambda: batch().window.end + DAY)


@pytest.mark.usefixtures("_stored")
@pytest.mark.parametrize("verdict_of", [None, verdict()], ids=["unchecked", "checked"])
def test_lands_what_an_earlier_run_has_fetched_while_the_exchange_does_not_answer(
    tmp_path, monkeypatch, verdict_of
):
    """The longest of them; the task fails all the same, and names the symbols."""
    landed_before(tmp_path, 1)
    longest = landed_before(tmp_path, 2, verdict_of)
    groups = planned()
    monkeypatch.setattr(ingest_prices, "fetch_batch", fail)

    for group in groups:
        with pytest.raises(RetryableError, match="the exchange does not answer"):
            ingest_prices.fetch(group)

    (message,), *others = groups
    assert read_batch(message["url"]) == longest
    assert [is_fetched(each["url"]) for group in others for each in group] == [False] * 4


@pytest.mark.usefixtures("_stored")
def test_plans_what_earlier_runs_have_fetched_while_the_exchange_says_no_time(
    tmp_path, monkeypatch
):
    left = landed_before(tmp_path, 2)
    monkeypatch.setattr(ingest_prices, "plan_fetches", fail)
    monkeypatch.setattr(ingest_prices, "fetch_batch", fail)

    ((message,),) = planned()
    with pytest.raises(RetryableError):
        ingest_prices.fetch([message])

    assert message["symbol"] == "BTCUSDT"
    assert read_batch(message["url"]) == left


@pytest.mark.usefixtures("_stored")
@pytest.mark.parametrize(
    "fault", ["none", "refused", "cut short", "of another day", "without a new minute"]
)
def test_says_that_the_exchange_does_not_answer_where_no_batch_can_be_loaded(
    tmp_path, monkeypatch, fault
):
    monkeypatch.setattr(ingest_prices, "plan_fetches", fail)
    if fault == "refused":
        landed_before(tmp_path, 1, verdict(reason="unit"))
    elif fault == "cut short":
        landed_before(tmp_path, 1)
        (file,) = tmp_path.rglob("*.json")
        file.write_bytes(file.read_bytes()[:99])
    elif fault == "of another day":
        window = batch().window
        landed_before(tmp_path, 1, window=Window(window.start + DAY, window.end + DAY))
    elif fault == "without a new minute":
        start = batch().window.start
        landed_before(tmp_path, 1, window=Window(start, start))

    with pytest.raises(RetryableError, match="the exchange does not answer"):
        ingest_prices.plan()


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


def test_lands_each_batch_of_a_group_where_its_plan_says():
    *_, group = planned()

    ingest_prices.fetch(group)

    for message in group:
        assert read_batch(message["url"]) == batch(symbol=message["symbol"])


@pytest.fixture
def leaves(monkeypatch):
    """Three seconds before a minute's end; what each fetch is given to send with."""
    given = {}

    def reserving(access, plan, _clock):
        given[plan.symbol] = access.budget.reserve(6, ingest_prices.now() + AHEAD)
        return batch(symbol=plan.symbol)

    monkeypatch.setattr(ingest_prices, "now", lambda: FIRST_LOOK - AHEAD)
    monkeypatch.setattr(ingest_prices, "fetch_batch", reserving)
    return given


def test_the_plan_reserves_the_weight_of_all_fetches_in_one_step(table, leaves):
    """For the moment of the first look at their minute, spaced, the first of them ahead."""
    groups = planned()
    reserved = table.use(floor_minute(FIRST_LOOK))

    for group in groups:
        ingest_prices.fetch(group)

    assert table.use(floor_minute(FIRST_LOOK)) == reserved
    assert (reserved.taken_weight, reserved.version) == (6 * len(SYMBOLS), 1)
    assert {each.send_at for each in leaves.values()} == {
        FIRST_LOOK + place * SPACING for place in range(len(SYMBOLS))
    }
    assert [leaves[symbol].is_first for symbol in SYMBOLS] == [True, *[False] * 4]


def test_a_group_reserves_its_own_weight_where_the_minute_has_no_room_for_all(table, leaves):
    table.set_weight_limit(50)
    *_, group = planned()
    assert table.use(floor_minute(FIRST_LOOK)) is None

    ingest_prices.fetch(group)

    reserved = table.use(floor_minute(FIRST_LOOK))
    assert (reserved.taken_weight, reserved.version, len(leaves)) == (12, 1, 2)


def test_a_fetch_that_is_cleared_later_reserves_its_own_weight(table, leaves, monkeypatch):
    """What the plan had reserved is of a minute that is over."""
    alone, *_ = planned()
    later = FIRST_LOOK + MINUTE
    monkeypatch.setattr(ingest_prices, "now", lambda: later - AHEAD)

    ingest_prices.fetch(alone)

    assert table.use(floor_minute(later)).taken_weight == 6
    assert leaves["BTCUSDT"].send_at == later


def test_fetches_the_symbols_of_a_group_side_by_side(monkeypatch):
    """Each waits for the other: one after another they would wait for ever."""
    barrier = Barrier(2, timeout=30)

    def together(client, plan, clock):
        barrier.wait()
        return fetched(client, plan, clock)

    monkeypatch.setattr(ingest_prices, "fetch_batch", together)

    *_, group = planned()
    ingest_prices.fetch(group)

    assert [is_fetched(message["url"]) for message in group] == [True, True]


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (RetryableError("the exchange does not answer"), RetryableError),
        (ValueError("a bug"), AirflowFailException),
        (KilledError("its time is over"), KilledError),
    ],
)
def test_lands_the_others_where_one_of_a_group_fails_and_says_that_it_will_not_come(
    monkeypatch, error, raised
):
    monkeypatch.setattr(ingest_prices, "fetch_batch", but_for("ADAUSDT", error))
    *_, group = planned()

    with pytest.raises(raised, match=str(error)):
        ingest_prices.fetch(group)

    assert [is_fetched(message["url"]) for message in group] == [True, False]
    assert [is_checked(message["url"]) for message in group] == [None, False]


def test_says_that_nothing_will_come_where_there_is_no_cassandra(monkeypatch):
    def open_none():
        raise RetryableError("Cassandra did not answer")

    *_, group = planned()
    monkeypatch.setattr(ingest_prices, "open_store", open_none)

    with pytest.raises(RetryableError):
        ingest_prices.fetch(group)

    assert [is_fetched(message["url"]) for message in group] == [False, False]


def test_plans_another_url_each_time():
    """A batch of an earlier run with the same window keeps its file, which the batch log names."""
    first, again = ({each[0]["url"] for each in planned()} for _ in range(2))

    assert not first & again


@pytest.mark.parametrize(
    ("planned_after", "due_after"), [(-4, 0), (20, 20), (90 * 60, 90 * 60)], ids=str
)
def test_waits_from_when_a_fetch_can_begin(monkeypatch, planned_after, due_after):
    """The minute's end, or the plan of a run that is late or behind."""
    end = batch().window.end
    monkeypatch.setattr(ingest_prices, "now", lambda: end + timedelta(seconds=planned_after))

    wait = ingest_prices.wait_for(messages(), longest=timedelta(seconds=35))

    due_at = end + timedelta(seconds=due_after)
    assert (wait.since, wait.until) == (due_at, due_at + timedelta(seconds=35))


def test_a_task_that_starts_late_looks_for_a_while(monkeypatch):
    listed = messages()
    late = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr(ingest_prices, "now", lambda: late)

    wait = ingest_prices.wait_for(listed, longest=timedelta(seconds=35))

    assert wait.until == late + timedelta(seconds=20)


def test_says_that_a_batch_cannot_be_landed(monkeypatch):
    """Neither can the note that none will come: the cause counts, not what follows from it."""

    def refuse(*_):
        raise OSError("The specified bucket does not exist")

    monkeypatch.setattr(ingest_prices, "land_batch", refuse)
    monkeypatch.setattr(ingest_prices, "land_failure", refuse)

    with pytest.raises(RetryableError, match="The specified bucket does not exist") as raised:
        ingest_prices.fetch(messages()[:1])

    assert "set the Airflow Variable 'storage_url'" in str(raised.value)
    assert isinstance(raised.value.__cause__, FileNotWrittenError)
