import httpx
import pytest

from dev.machine.errors import StartError
from dev.machine.home import CHECKOUT
from dev.stack.dag_runs import run_dag, wait_for_dag
from dev.stack.stack import INITIAL_DAG, MINUTE_DAGS, OTHER_DAGS


def nothing():
    pass


def api(answers, asked=None):
    """An API that knows a JSON answer, or a status code, per method and path."""

    def handle(request):
        if asked is not None:
            asked.append(request.method)
        answer = answers[f"{request.method} {request.url.path}"]
        return (
            httpx.Response(answer) if isinstance(answer, int) else httpx.Response(200, json=answer)
        )

    return httpx.Client(base_url="http://api", transport=httpx.MockTransport(handle))


def run_in_state(state, asked=None):
    return api(
        {
            "PATCH /dags/initialize_store": {},
            "POST /dags/initialize_store/dagRuns": {"dag_run_id": "r1"},
            "GET /dags/initialize_store/dagRuns/r1": {"state": state},
            "GET /dags/initialize_store/dagRuns/r1/taskInstances": {
                "task_instances": [{"task_id": "create_tables", "state": "up_for_retry"}]
            },
        },
        asked,
    )


def test_shows_the_import_errors_when_a_dag_does_not_appear():
    error = {"filename": "ingest_prices.py", "stack_trace": "SyntaxError: line 3"}
    client = api({"GET /dags/x": 404, "GET /importErrors": {"import_errors": [error]}})

    with pytest.raises(StartError, match=r"ingest_prices\.py: SyntaxError: line 3"):
        wait_for_dag(client, "x", -1, nothing)


def test_stops_waiting_when_a_server_died():
    def died():
        raise StartError("scheduler ended")

    with pytest.raises(StartError, match="scheduler ended"):
        wait_for_dag(api({"GET /dags/x": 404}), "x", 60, died)


def test_returns_when_the_run_succeeded():
    asked = []

    run_dag(run_in_state("success", asked), "initialize_store", 60, nothing)

    assert asked == ["PATCH", "POST", "GET"]


@pytest.mark.parametrize(
    ("state", "timeout_seconds"),
    [pytest.param("failed", 60, id="failed"), pytest.param("running", -1, id="too slow")],
)
def test_names_the_tasks_of_a_run_that_did_not_succeed(state, timeout_seconds):
    with pytest.raises(
        StartError, match=f"is {state} .create_tables up_for_retry.*http://api/dags"
    ):
        run_dag(run_in_state(state), "initialize_store", timeout_seconds, nothing)


def test_the_stack_switches_on_every_dag_but_the_price_watch():
    switched_on = {INITIAL_DAG, *MINUTE_DAGS, *OTHER_DAGS}

    assert {file.stem for file in (CHECKOUT / "dags").glob("*.py")} - switched_on == {
        "watch_prices"
    }
