"""The deadline of a run that publishes, and who is alerted when it is missed."""

import asyncio
import inspect
from datetime import timedelta

import pytest
from airflow.sdk import AsyncCallback, DeadlineReference
from airflow.sdk._shared.module_loading import accepts_context, import_string
from airflow.sdk.definitions.variable import Variable

from include.orchestration import deadlines
from include.orchestration.deadlines import PUBLISH_DEADLINE, alert_late_publication, describe_miss
from include.records.runbook import Heading
from tests.fakes.builders import NOON

RUN = {
    "dag_id": "average_minutes",
    "dag_run_id": "scheduled__2026-03-01T12:00:55+00:00",
    "queued_at": "2026-03-01T12:00:55.120000Z",
    "state": "running",
}
CONTEXT = {"dag_run": RUN, "deadline": {"id": "1", "deadline_time": NOON}}


@pytest.fixture
def said(monkeypatch):
    """What is logged and mailed, and the variables, which outlive a run."""
    kept = {"log": [], "mails": [], "variables": {}, "now": NOON, "is_mailed": True}

    def mail(messages, _context):
        kept["mails"] += messages
        return kept["is_mailed"]

    monkeypatch.setattr(deadlines, "write", kept["log"].extend)
    monkeypatch.setattr(deadlines, "mail", mail)
    monkeypatch.setattr(deadlines, "now", lambda: kept["now"])
    monkeypatch.setattr(
        Variable, "get", lambda key, default=None: kept["variables"].get(key, default)
    )
    monkeypatch.setattr(
        Variable, "set", lambda key, value, **_: kept["variables"].update({key: value})
    )
    return kept


def miss():
    asyncio.run(alert_late_publication(CONTEXT))


def test_only_the_run_that_publishes_has_a_deadline(dag_bag):
    with_deadline = {name: dag.deadline for name, dag in dag_bag.dags.items() if dag.deadline}

    assert with_deadline == {"average_minutes": [PUBLISH_DEADLINE]}


def test_counts_from_when_the_run_was_queued():
    """By its logical date, a run that is created late would have missed it as it begins."""
    assert PUBLISH_DEADLINE.reference == DeadlineReference.DAGRUN_QUEUED_AT


def test_gives_a_run_that_catches_up_all_the_time_of_its_task(dag_bag):
    """The task is stopped before: a run of one try is late only if it waited to begin."""
    publish = dag_bag.dags["average_minutes"].task_dict["publish"]

    assert PUBLISH_DEADLINE.interval > publish.execution_timeout


def test_says_within_two_minutes_that_nothing_was_published():
    assert PUBLISH_DEADLINE.interval <= timedelta(minutes=2)


def test_is_found_by_the_triggerer():
    """By its path, with the scheduler's context, and without blocking the triggerer's loop."""
    callback = PUBLISH_DEADLINE.callback
    found = import_string(callback.path)

    assert isinstance(callback, AsyncCallback)
    assert found is alert_late_publication
    assert inspect.iscoroutinefunction(found)
    assert accepts_context(found)


def test_names_the_run_and_the_runbook(said):
    miss()

    (message,) = said["log"]
    assert said["mails"] == [message]
    assert message == (
        "average_minutes has not published within 100 s: run "
        "scheduled__2026-03-01T12:00:55+00:00, queued at 2026-03-01T12:00:55.120000Z, is running; "
        f"see {Heading.DEADLINE.path}"
    )


def test_logs_each_miss_and_mails_once_an_hour(said):
    for minutes in (0, 1, 59, 60, 61):
        said["now"] = NOON + timedelta(minutes=minutes)
        miss()

    assert (len(said["log"]), len(said["mails"])) == (5, 2)


def test_counts_only_what_was_mailed(said):
    """Nobody to mail to yet: whoever is entered a minute later gets the next."""
    said["is_mailed"] = False
    miss()

    assert said["variables"] == {}


def test_describes_a_run_that_failed():
    assert "is failed;" in describe_miss({**RUN, "state": "failed"})
