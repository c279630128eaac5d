"""How long the end-to-end tests wait: for whole runs, however long a machine takes for one."""

import pytest

from tests.e2e.runs import ENOUGH_RUNS, LONGEST_RUN_SECONDS, Runs

FIRST, SECOND = "ingest_prices", "average_minutes"


@pytest.fixture
def ended():
    """How many runs of each DAG had ended before."""
    return {FIRST: 40, SECOND: 41}


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def runs(ended, clock):
    return Runs((FIRST, SECOND), ended.__getitem__, lambda: clock[0])


def test_goes_on_while_runs_end_however_long_each_takes(runs, ended, clock):
    for _ in range(ENOUGH_RUNS - 1):
        clock[0] += LONGEST_RUN_SECONDS
        ended[FIRST] += 1
        ended[SECOND] += 1

        assert not runs.why_enough()


def test_has_enough_of_so_many_runs_of_each(runs, ended):
    ended[FIRST] += ENOUGH_RUNS
    assert not runs.why_enough()

    ended[SECOND] += ENOUGH_RUNS
    assert f"within {ENOUGH_RUNS} runs of {FIRST} and {SECOND}" in runs.why_enough()


def test_has_enough_when_no_run_of_one_of_them_ends_any_more(runs, ended, clock):
    clock[0] = LONGEST_RUN_SECONDS + 1
    ended[FIRST] += 1

    assert f"no run of {FIRST} and {SECOND} ended for" in runs.why_enough()
