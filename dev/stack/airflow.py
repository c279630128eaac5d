"""Airflow's processes on one machine, their settings, and its REST API."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path

import httpx

from dev.machine.home import CHECKOUT, Home
from dev.machine.ports import LOOPBACK, Ports
from dev.machine.processes import Processes
from dev.stack.executors import Executor, executor_settings
from dev.stack.postgres import connection_uri, sqlalchemy_url
from include.records.windows import LONGEST_LEAD_SECONDS, SHORTEST_LEAD_SECONDS

API_SERVER = "api-server"
# The log servers that --skip-serve-logs disables listen on every address, and on one
# machine the API server reads the same files anyway.
COMPONENTS: Mapping[str, tuple[str, ...]] = {
    API_SERVER: ("api-server", "--host", LOOPBACK, "--workers", "1"),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
WORKER = "worker"
WORKER_COMMAND = ("celery", "worker", "--skip-serve-logs")
# A last resort: one that dies is seen at once, and a busy machine takes minutes.
START_TIMEOUT_SECONDS = 600.0
REQUEST_TIMEOUT_SECONDS = 120.0
# The check itself is done after three.
HEALTH_SECONDS = 10.0

# What every deployment needs; the rest of the environment is specific to this machine.
DEPLOYMENT_SETTINGS: Mapping[str, str] = {
    "AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES": "airflow.* astro.*",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    # On a busy machine a file takes longer than the defaults of 30 and 50 s, and DAGs that are not
    # read anew in time would vanish: the threshold is far above the interval below.
    "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",
    "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "180",
    "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": "900",
    # So does an answer of the API server: 5 s by default, then a task fails.
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
    # Ten fetches, and what waits for them; more have more (settings_for).
    "AIRFLOW__CORE__PARALLELISM": "16",
    # A file that has changed is read at once; the others need not be every 30 s.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
    # What plugins/preload.py does for LocalExecutor.
    "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG": '{"imports": ["include.tasks.preload"]}',
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    # A task whose process was killed holds up its DAG this long; five minutes by default.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    # Each beat is a request. The first comes with the start; most tasks end before a second one.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "10",
    "GX_ANALYTICS_ENABLED": "false",
}


# Beside the fetches: plan, validate, load and publish, and one of the reports.
OTHER_TASKS = 6
FEWEST_TASKS = int(DEPLOYMENT_SETTINGS["AIRFLOW__CORE__PARALLELISM"])
# Twice what each fetch task beyond ten takes to start on two cores. Much earlier, they
# would be in the way of the minute before.
TASK_SECONDS = 0.2


def fetch_lead_seconds(fetch_tasks: int) -> int:
    """Return how long before each minute ends the start of so many fetch tasks has to begin."""
    more = max(0, fetch_tasks - FEWEST_TASKS + OTHER_TASKS)
    return min(LONGEST_LEAD_SECONDS, round(SHORTEST_LEAD_SECONDS + TASK_SECONDS * more))


def places_for(fetch_tasks: int) -> int:
    """Return how many tasks may run at a time: each fetch task has a place of its own."""
    return max(FEWEST_TASKS, fetch_tasks + OTHER_TASKS)


def settings_for(fetch_tasks: int) -> dict[str, str]:
    """Return the settings that depend on the number of fetch tasks."""
    places = str(places_for(fetch_tasks))
    return {
        "AIRFLOW__CORE__PARALLELISM": places,
        "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": places,
        "AIRFLOW__SCHEDULER__MAX_TIS_PER_QUERY": places,
        "FETCH_LEAD_SECONDS": str(fetch_lead_seconds(fetch_tasks)),
    }


def airflow_url(port: int) -> str:
    """Return the address of Airflow's pages."""
    return f"http://{LOOPBACK}:{port}"


def environment(
    home: Home,
    ports: Ports,
    dags_folder: Path,
    fetch_tasks: int,
    executor: Executor = Executor.LOCAL,
) -> dict[str, str]:
    """Return the environment of every Airflow process; it contains this home's secrets."""
    secrets = home.secrets()
    proxy_free = [os.environ.get("NO_PROXY", ""), LOOPBACK, "localhost"]
    return {
        **os.environ,
        **DEPLOYMENT_SETTINGS,
        **settings_for(fetch_tasks),
        "AIRFLOW_HOME": str(home.airflow),
        # Without it `maintain` skips Airflow's metadata.
        "AIRFLOW_CONN_AIRFLOW_METADATA": connection_uri(ports.postgres, secrets["postgres"]),
        "PYTHONPATH": str(CHECKOUT),
        "NO_PROXY": ",".join(filter(None, proxy_free)),
        "AIRFLOW__API__BASE_URL": airflow_url(ports.airflow),
        "AIRFLOW__API__SECRET_KEY": secrets["session"],
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets["jwt"],
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{airflow_url(ports.airflow)}/execution/",
        **executor_settings(executor, home.path / "queue", places_for(fetch_tasks)),
        "AIRFLOW__CORE__FERNET_KEY": secrets["fernet"],
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(CHECKOUT / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": sqlalchemy_url(ports.postgres, secrets["postgres"]),
    }


def migrate(home: Home, processes: Processes, surroundings: Mapping[str, str]) -> None:
    """Migrate the metadata database to this Airflow version, unless that is done.

    Raises:
        StartError: The migration failed.
    """
    # Next to the database files, so that it is deleted with them.
    stamp = home.postgres / f"airflow-{version('apache-airflow')}.migrated"
    if stamp.exists():
        return
    processes.run("migrate", [sys.executable, "-m", "airflow", "db", "migrate"], surroundings)
    stamp.touch()


def start_api_server(
    processes: Processes, port: int, surroundings: Mapping[str, str], name: str = API_SERVER
) -> None:
    """Start an API server and wait until it is healthy.

    Raises:
        StartError: It died, or was not healthy in time.
    """
    words = [*COMPONENTS[API_SERVER], "--port", str(port)]
    spawn(processes, name, words, surroundings, port)
    processes.wait_until(
        lambda: health(port).get(API_SERVER) == "healthy", name, START_TIMEOUT_SECONDS
    )


def start_others(processes: Processes, port: int, surroundings: Mapping[str, str]) -> None:
    """Start what there is besides the API server and workers, and wait until each is healthy.

    Raises:
        StartError: One died, or was not healthy in time.
    """
    names = [name for name in COMPONENTS if name != API_SERVER]
    for name in names:
        spawn(processes, name, COMPONENTS[name], surroundings)
    for name in names:
        _wait_until_healthy(processes, name, port)


def start_component(
    processes: Processes, name: str, port: int, surroundings: Mapping[str, str]
) -> None:
    """Start one of Airflow's processes and wait until it is healthy.

    Raises:
        StartError: It died, or was not healthy in time.
    """
    if name == API_SERVER:
        start_api_server(processes, port, surroundings)
    elif name == WORKER:
        spawn(processes, WORKER, WORKER_COMMAND, surroundings)
    else:
        spawn(processes, name, COMPONENTS[name], surroundings)
        _wait_until_healthy(processes, name, port)


def spawn(  # noqa: PLR0913 - each is a choice that some caller makes alone
    processes: Processes,
    name: str,
    words: Sequence[str],
    surroundings: Mapping[str, str],
    port: int | None = None,
    *,
    folder: Path = CHECKOUT,
) -> None:
    """Start an Airflow command in a folder, without waiting until it is ready."""
    command = [sys.executable, "-m", "airflow", *words]
    processes.spawn(name, command, environment=surroundings, port=port, folder=folder)


def _wait_until_healthy(processes: Processes, name: str, port: int) -> None:
    processes.wait_until(lambda: health(port).get(name) == "healthy", name, START_TIMEOUT_SECONDS)


def health(port: int) -> dict[str, str | None]:
    """Return Airflow's status of each process, by our names; {} when it does not answer."""
    try:
        answer = httpx.get(
            f"{airflow_url(port)}/api/v2/monitor/health", timeout=5, trust_env=False
        ).raise_for_status()
    except httpx.HTTPError:
        return {}
    told = answer.json()
    by_name = {name.replace("_", "-"): part and part["status"] for name, part in told.items()}
    return {**by_name, API_SERVER: by_name.get("metadatabase")}


def prices_health(port: int) -> list[str]:
    """Return why the prices are not fresh and right, a line for each cause; [] when they are."""
    try:
        answer = httpx.get(
            f"{airflow_url(port)}/prices/health", timeout=HEALTH_SECONDS, trust_env=False
        )
    except httpx.HTTPError as error:
        return [f"api_server: Airflow's API server does not answer ({type(error).__name__})"]
    if answer.status_code not in {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE}:
        return [f"api_server: /prices/health answers with HTTP {answer.status_code}"]
    told = answer.json()
    return [f"{each['code']}: {each['problem']}; see {each['runbook']}" for each in told["causes"]]


def rest(port: int) -> httpx.Client:
    """Return an authorised client of Airflow's REST API; its paths are relative to /api/v2."""
    token = httpx.get(
        f"{airflow_url(port)}/auth/token", timeout=REQUEST_TIMEOUT_SECONDS, trust_env=False
    ).raise_for_status()
    return httpx.Client(
        base_url=f"{airflow_url(port)}/api/v2",
        headers={"Authorization": f"Bearer {token.json()['access_token']}"},
        timeout=REQUEST_TIMEOUT_SECONDS,
        trust_env=False,
    )
