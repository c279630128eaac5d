"""Whether the exchange answers: what workers noted, and when the check asks by itself."""

from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace

import pytest

from include.exchange.transport import BinanceSettings
from include.reading.health import State
from include.records.errors import ExchangeBusyError, RetryableError, StoreSilentError
from include.records.request_weight import EVERY_HOST, Block, Use
from include.records.windows import floor_minute
from include.web import health_exchange
from include.web.health_exchange import ExchangeFacts, ExchangeQuestion
from tests.fakes.clock import Clock
from tests.fakes.memory_store import MemoryStore

ANSWERS, SILENT, UNKNOWN = map(ExchangeFacts, (State.ANSWERS, State.SILENT, State.UNKNOWN))


class Access:
    """An exchange that answers, or not, and counts who asks."""

    settings = BinanceSettings(("https://data-api.binance.vision",))

    def __init__(self):
        self.error = None
        self.asked = 0

    @contextmanager
    def client(self, _clock):
        yield SimpleNamespace(server_time=self._server_time)

    def _server_time(self):
        self.asked += 1
        if self.error:
            raise self.error


@pytest.fixture(autouse=True)
def access(monkeypatch):
    made = Access()
    monkeypatch.setattr(health_exchange, "open_exchange", lambda *_, **__: made)
    return made


@pytest.fixture(autouse=True)
def store(monkeypatch):
    held = MemoryStore()
    monkeypatch.setattr(health_exchange, "deployment", lambda: SimpleNamespace(store=held))
    return held


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def question(clock):
    return ExchangeQuestion(clock)


def note_answer(store, moment):
    """As a worker does when the exchange has answered it."""
    table, minute = store.exchange_budget("default"), floor_minute(moment)
    old = table.use(minute)
    table.swap_use(old, Use(minute, 2, moment, moment, answered_at=moment))


def test_believes_a_worker_who_was_answered_a_moment_ago(question, access, store, clock):
    note_answer(store, clock.now - timedelta(seconds=14))

    assert question() == ANSWERS
    assert access.asked == 0


def test_asks_by_itself_when_no_worker_was_answered_lately(question, access, store, clock):
    note_answer(store, clock.now - timedelta(seconds=15))

    assert question() == ANSWERS
    assert access.asked == 1


def test_notices_an_exchange_that_stops_right_after_an_answer(question, access, store, clock):
    note_answer(store, clock.now)
    access.error = RetryableError("the exchange does not answer")

    found = []
    for _ in range(4):
        found.append(question())
        clock.sleep(5)

    assert found == [ANSWERS, ANSWERS, ANSWERS, SILENT]


def test_asks_an_exchange_that_is_silent_rarely(question, access, clock):
    access.error = RetryableError("the exchange does not answer")

    found = []
    for _ in range(60):
        found.append(question())
        clock.sleep(1)

    assert set(found) == {SILENT}
    assert access.asked == 4


def test_knows_that_it_answers_again_by_its_own_question(question, access, clock):
    access.error = RetryableError("the exchange does not answer")
    question()
    access.error = None

    clock.sleep(14)
    before = question()
    clock.sleep(1)

    assert (before, question()) == (SILENT, ANSWERS)


def test_knows_that_it_answers_again_by_a_workers_answer(question, access, store, clock):
    access.error = RetryableError("the exchange does not answer")
    question()

    clock.sleep(2)
    note_answer(store, clock.now)

    assert question() == ANSWERS
    assert access.asked == 1


def test_asks_nothing_while_the_breaker_is_open(question, access, store, clock):
    until = clock.now + timedelta(minutes=2)
    store.exchange_budget("default").add_block(Block(EVERY_HOST, 418, until, "banned"))

    assert question() == ExchangeFacts(State.UNKNOWN, until)
    assert access.asked == 0


def test_does_not_call_it_silent_when_the_weight_is_used_up(question, access):
    """Workers used it up, so it answers them."""
    access.error = ExchangeBusyError("spent", wait_seconds=20)

    assert question() == UNKNOWN


def test_does_not_call_it_silent_when_the_store_is(question, access):
    access.error = StoreSilentError("Cassandra did not answer")

    with pytest.raises(StoreSilentError):
        question()


def test_asks_nothing_where_the_web_server_must_not(question, access, monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_HEALTH_ASKS_EXCHANGE", "off")

    assert question() == UNKNOWN
    assert access.asked == 0
