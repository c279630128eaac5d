from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from dev.machine.errors import StartError
from dev.stack import lookout as lookout_module
from dev.stack.lookout import SAID_EVERY, Lookout
from dev.stack.stack import MOST_RESTARTS, Stack, StackOptions
from include.records.errors import RetryableError


class FakePublished:
    """Answers, or does not."""

    def __init__(self):
        self.error = None

    def latest(self):
        if self.error:
            raise self.error
        return {"BTCUSDT": "a price"}

    def since(self, _start):
        return [*self.latest()]


class FakeStack:
    """Counts what is asked of it; its Airflow answers with some tasks."""

    def __init__(self, answer):
        self.asked, self._answer = Counter(), answer
        self.dead, self.silent_parts = None, []

    def check(self):
        self.asked["check"] += 1
        if self.dead:
            raise StartError(self.dead)

    def revive(self):
        self.asked["revive"] += 1

    def silent(self):
        return self.silent_parts

    def rest(self):
        return httpx.Client(base_url="http://airflow", transport=httpx.MockTransport(self._answer))


def airflow(request):
    if request.url.path.endswith("taskInstances"):
        states = [("plan", "success"), ("fetch", "success"), ("validate", "running")]
        states += [("load", None)]
        tasks = [{"task_id": name, "state": state} for name, state in states]
        return httpx.Response(200, json={"task_instances": tasks})
    run = {"dag_run_id": "one", "run_after": "2026-03-01T12:00:55Z", "state": "running"}
    return httpx.Response(200, json={"dag_runs": [run]})


def looking(answer=airflow, *, may_restart=True):
    stack, published = FakeStack(answer), FakePublished()
    return stack, published, Lookout(stack, published, may_restart=may_restart)


def test_goes_on_while_cassandra_does_not_answer_and_says_so_once(capsys):
    """A laptop that slept, a server that was frozen: the whole stack ended with it."""
    stack, published, lookout = looking()
    published.error = RetryableError("Cassandra did not answer for 5 s")

    assert (lookout.latest(), lookout.since(datetime.now(UTC))) == ({}, [])
    published.error = None
    assert lookout.latest() == {"BTCUSDT": "a price"}

    told = capsys.readouterr().out
    assert told.count("Cassandra does not answer; waiting for it") == 1
    assert told.count("Cassandra answers again after") == 1
    assert stack.asked == {"revive": 3}


def test_reports_a_dead_server_rather_than_its_clients_error():
    stack, published, lookout = looking(may_restart=False)
    published.error = RetryableError("Cassandra did not answer for 5 s")
    stack.dead = "cassandra ended by SIGKILL"

    with pytest.raises(StartError, match="cassandra ended by SIGKILL"):
        lookout.latest()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (airflow, "ingest_prices, run of 2026-03-01T12:00:55: 1 validate running, 1 load not"),
        (lambda _: httpx.Response(503), "Airflow does not answer"),
        (lambda _: httpx.Response(200, json={"dag_runs": []}), "ingest_prices has not run yet"),
    ],
    ids=["at work", "no answer", "no run"],
)
def test_says_what_is_late_and_why(capsys, answer, words):
    _, _, lookout = looking(answer)

    lookout.say_late(datetime.now(UTC) - timedelta(minutes=4), timedelta(minutes=3))

    told = capsys.readouterr().out
    assert "no new minute of every symbol for 4 min; load " in told
    assert words in told


def test_says_nothing_before_its_time_and_not_every_second(capsys, monkeypatch):
    _, _, lookout = looking()
    now = datetime.now(UTC)
    for passed in (timedelta(), timedelta(seconds=1), SAID_EVERY):
        moment = now + passed

        class Later(datetime):
            @classmethod
            def now(cls, _zone, moment=moment):
                return moment

        monkeypatch.setattr(lookout_module, "datetime", Later)
        lookout.say_late(now - timedelta(minutes=2), timedelta(minutes=3))
        lookout.say_late(now - timedelta(minutes=4), timedelta(minutes=3))

    assert capsys.readouterr().out.count("no new minute") == 2


def test_names_servers_that_do_not_answer_before_the_run_that_waits_for_them(capsys):
    stack, _, lookout = looking()
    stack.silent_parts = ["the queue does not answer: no task starts"]

    lookout.say_late(datetime.now(UTC) - timedelta(minutes=4), timedelta(minutes=3))

    told = capsys.readouterr().out
    assert "cores; the queue does not answer: no task starts; ingest_prices, run of" in told


@pytest.fixture
def stack(tmp_path, monkeypatch):
    stack = Stack(StackOptions(home=tmp_path))
    started = []
    monkeypatch.setattr(stack, "start_again", started.append)
    return stack, started, stack._processes  # noqa: SLF001 - its servers


def test_starts_a_dead_server_again_a_few_times(stack, monkeypatch, capsys):
    stack, started, processes = stack
    monkeypatch.setattr(processes, "dead", lambda: {"scheduler": "scheduler ended by SIGKILL; ..."})

    for _ in range(MOST_RESTARTS):
        stack.revive()
    with pytest.raises(StartError, match="scheduler has died 4 times"):
        stack.revive()

    assert started == ["scheduler"] * MOST_RESTARTS
    assert capsys.readouterr().out.count("scheduler ended by SIGKILL") == MOST_RESTARTS


def test_leaves_living_servers_alone(stack, monkeypatch):
    stack, started, processes = stack
    monkeypatch.setattr(processes, "dead", dict)

    stack.revive()

    assert started == []
