"""What `astro dev start` runs in Docker: the Astro CLI's services, merged with our override."""

import json
import re
from pathlib import Path

import pytest

from include.orchestration.connections import PROJECT
from tests.fakes import compose

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "compose"
BASE = (DATA / "astro.yaml").read_text()
OVERRIDE = (ROOT / "docker-compose.override.yml").read_text()
OURS = ("cassandra", "simulator")
RUNS_TASKS_OR_PAGES = ("scheduler", "dag-processor", "api-server", "triggerer")
CASSANDRA = "AIRFLOW_CONN_CASSANDRA_DEFAULT"


def merged(shell=None, profiles=()):
    return compose.merge(BASE, OVERRIDE, shell or {}, profiles)["services"]


@pytest.fixture
def folder(tmp_path):
    """A project's folder with the committed defaults, and no .env yet."""
    (tmp_path / "docker-compose.env").write_text((ROOT / "docker-compose.env").read_text())
    return tmp_path


@pytest.mark.parametrize("name", RUNS_TASKS_OR_PAGES)
def test_reaches_the_cassandra_of_the_override_where_env_says_nothing(folder, name):
    (folder / ".env").write_text("AIRFLOW__CORE__PARALLELISM=16\n")

    found = compose.environment(merged()[name], folder)

    assert found[CASSANDRA] == "cassandra://cassandra:9042/prices"
    assert found["AIRFLOW__CORE__PARALLELISM"] == "16"
    assert found["ASTRONOMER_ENVIRONMENT"] == "local"


def proposed():
    """Every line of .env.example, those that are commented out as well."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(
        found.groups() for line in lines if (found := re.fullmatch(r"#? ?([A-Z_]+)=(.*)", line))
    )


@pytest.mark.parametrize("name", RUNS_TASKS_OR_PAGES)
def test_env_wins_over_the_override_in_all_that_the_example_proposes(folder, name):
    lines = {variable: f"from .env: {variable}" for variable in proposed()}
    assert {CASSANDRA, "AIRFLOW_VAR_STORAGE_URL", "AIRFLOW_CONN_MART"} <= lines.keys()
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))

    found = compose.environment(merged()[name], folder)

    assert {variable: found[variable] for variable in lines} == lines


def test_needs_no_env(folder):
    """The Astro CLI leaves its own entry out where there is no .env, and ours is not required."""
    base = BASE.replace("    env_file: .env\n", "")
    services = compose.merge(base, OVERRIDE, {})["services"]

    assert compose.environment(services["scheduler"], folder)[CASSANDRA]


def test_sets_the_ports_on_this_machine_by_the_shell_and_opens_no_other():
    shell = {"CASSANDRA_PORT": "9142", "SIMULATOR_PORT": "8901"}

    for said, ports in (
        ({}, {"127.0.0.1:9042:9042", "127.0.0.1:8900:8900"}),
        (shell, {"127.0.0.1:9142:9042", "127.0.0.1:8901:8900"}),
    ):
        services = merged(said, ["simulator"])
        assert {port for name in OURS for port in services[name]["ports"]} == ports
    variables = {found["name"] for found in compose.VARIABLE.finditer(OVERRIDE)}
    assert variables == shell.keys()


def test_leaves_the_simulator_out_without_its_profile_and_waits_for_it_with_it():
    without, with_it = merged(), merged(profiles=["simulator"])

    assert "simulator" not in without
    for name in RUNS_TASKS_OR_PAGES:
        assert without[name]["depends_on"].keys() == {"db-migration", "cassandra"}
        assert with_it[name]["depends_on"].keys() == {"db-migration", "cassandra", "simulator"}


def test_waits_for_each_server_until_it_is_healthy():
    services = merged(profiles=["simulator"])

    for name in OURS:
        assert {"test", "interval", "timeout", "retries"} <= services[name]["healthcheck"].keys()
    for name in RUNS_TASKS_OR_PAGES:
        for other in OURS:
            assert services[name]["depends_on"][other]["condition"] == "service_healthy"


def test_adds_nothing_to_the_services_that_run_no_code_of_ours():
    services = merged()

    assert services["postgres"]["env_file"] == []
    assert services["db-migration"]["depends_on"].keys() == {"postgres"}


def test_runs_what_it_adds_on_airflows_network_from_pinned_images():
    services = merged(profiles=["simulator"])

    for name in OURS:
        assert services[name]["networks"] == ["airflow"]
    assert re.fullmatch(r"cassandra:\d+\.\d+\.\d+", services["cassandra"]["image"])
    # Of the Dockerfile, whose base is pinned.
    assert services["simulator"]["build"] == "."


def test_writes_files_where_the_image_has_a_folder_of_its_own_user():
    """A volume that is first mounted takes over the owner of the image's folder."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    home = "/usr/local/airflow"

    for name in RUNS_TASKS_OR_PAGES:
        volumes = merged()[name]["volumes"]
        assert f"prices_data:{home}/data" in volumes
        assert f"/home/me/minute-prices/dags:{home}/dags:z" in volumes
    assert re.search(rf"^RUN mkdir -p {home}/data$", dockerfile, re.MULTILINE)
    assert not re.search(r"^USER", dockerfile, re.MULTILINE)
    # It is where files go without the Variable storage_url: in the image the project is home.
    assert (PROJECT / "data").relative_to(PROJECT) == Path("data")


def test_merges_as_compose_itself_does(tmp_path):
    """Compared with compose-go, for what a container is given: README.md there says how."""
    expected = json.loads((DATA / "merged.json").read_text())
    (tmp_path / "docker-compose.env").write_text((ROOT / "docker-compose.env").read_text())
    (tmp_path / ".env").write_text(expected["env"])

    services = merged(expected["shell"])

    assert services.keys() == expected["services"].keys()
    for name, service in expected["services"].items():
        found = services[name]
        assert found.get("image") == service.get("image")
        assert found["depends_on"] == service["depends_on"], name
        assert compose.environment(found, tmp_path) == service["environment"], name
        assert found.get("ports", []) == service["ports"], name
        assert [volume.split(":")[1] for volume in found.get("volumes", [])] == service["volumes"]
