"""Every alert and failure says where in the runbook to read on.

That it is there, tests/unit/test_documents.py shows: a deployment has no documents.
"""

import logging
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.orchestration.failures import point_to_runbook, raise_failures
from include.orchestration.headings import BY_DAG, BY_TASK, heading_of
from include.records.errors import (
    ExchangeBusyError,
    FileNotWrittenError,
    InvalidAnswerError,
    LostBatchError,
    RetryableError,
    SettingsError,
    StoreSilentError,
    UnknownSymbolError,
)
from include.records.runbook import Heading, see


def test_each_task_says_it_when_it_fails(dag_bag):
    without = [
        f"{dag.dag_id}.{task.task_id}"
        for dag in dag_bag.dags.values()
        for task in dag.tasks
        if point_to_runbook not in task.on_failure_callback
    ]

    assert without == []


def test_knows_only_tasks_that_exist(dag_bag):
    assert set(BY_DAG) <= set(dag_bag.dags)
    assert [
        (dag_id, task_id)
        for dag_id, task_id in BY_TASK
        if task_id not in dag_bag.dags[dag_id].task_dict
    ] == []


def wrapped(error):
    """An error as a task of several parts raises it."""
    try:
        raise_failures({"BTCUSDT": error})
    except (AirflowFailException, RetryableError) as raised:
        return raised
    return None


@pytest.mark.parametrize(
    ("task", "error", "heading"),
    [
        ("fetch", RetryableError("does not answer"), Heading.EXCHANGE_SILENT),
        ("fetch", ExchangeBusyError("banned", wait_seconds=9), Heading.EXCHANGE_BUSY),
        ("fetch", UnknownSymbolError("FOOUSDT"), Heading.SYMBOL_UNKNOWN),
        ("fetch", FileNotWrittenError("no bucket"), Heading.FILE_UNWRITTEN),
        ("fetch", InvalidAnswerError("no rows", "{}"), Heading.EXCHANGE_SILENT),
        ("load", StoreSilentError("did not answer"), Heading.CASSANDRA_SILENT),
        ("load", LostBatchError("lost"), Heading.BATCH_LOST),
        ("load", SettingsError("wrong"), Heading.LOADING),
        ("load", KeyError("a bug"), Heading.PROGRAM_ERROR),
    ],
    ids=lambda value: getattr(value, "value", None) or type(value).__name__,
)
@pytest.mark.parametrize("as_raised", [lambda error: error, wrapped], ids=["bare", "wrapped"])
def test_finds_the_heading_by_the_error_behind_the_failure(task, error, heading, as_raised):
    assert heading_of("ingest_prices", task, as_raised(error)) is heading


@pytest.mark.parametrize(
    ("dag_id", "error", "heading"),
    [
        ("average_minutes", None, Heading.AVERAGES),
        ("average_minutes", AirflowFailException("BTCUSDT: …"), Heading.AVERAGES),
        ("initialize_store", None, Heading.SCHEMA),
        ("somebody_elses", None, Heading.TOP),
    ],
)
def test_finds_it_by_the_task_where_the_error_says_nothing(dag_id, error, heading):
    assert heading_of(dag_id, "publish", error) is heading


def test_does_not_take_what_a_library_met_for_a_program_error():
    error = RetryableError("does not answer")
    error.__cause__ = KeyError("of a library")

    assert heading_of("ingest_prices", "plan", error) is Heading.EXCHANGE_SILENT


@pytest.mark.parametrize("context", [{"exception": RetryableError("no")}, {}, {"exception": "no"}])
def test_logs_it_once_the_task_has_failed(caplog, context):
    instance = SimpleNamespace(dag_id="ingest_prices", task_id="load")

    with caplog.at_level(logging.ERROR):
        point_to_runbook({"ti": instance, **context})

    assert caplog.messages == [f"load of ingest_prices failed: see {Heading.LOADING.path}"]


def test_a_message_ends_with_where_to_read_on():
    assert see("BTCUSDT: 3 rows quarantined", Heading.ROWS_QUARANTINED) == (
        "BTCUSDT: 3 rows quarantined; see docs/runbook.md#alert-rows-quarantined"
    )
