"""The image, the local stack, the checks and the list of parts are as docs/security.md says."""

import re
import tokenize
import tomllib
from pathlib import Path

import pytest
import yaml

from dev.machine.ports import LOOPBACK
from dev.stack.airflow import COMPONENTS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WORKFLOWS = {
    file.name: yaml.safe_load(file.read_text(encoding="utf-8"))
    for file in (ROOT / ".github" / "workflows").glob("*.yml")
}
SOURCES = [
    file
    for folder in ("dags", "dev", "include", "plugins", "tests")
    for file in sorted((ROOT / folder).rglob("*.py"))
]
EXCEPTION = re.compile(r"noqa: [A-Z0-9, ]*\bS\d{3}\b(?P<reason>.*)")


def test_the_image_runs_as_the_user_of_its_base():
    """Astro's runtime ends as `astro`: nothing here becomes another user, or root for a moment."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()

    assert re.fullmatch(r"FROM astrocrpublic\.azurecr\.io/runtime:\d[\w.-]+", lines[0])
    assert [line for line in lines if re.match(r"\s*(USER|ADD|EXPOSE)\b", line)] == []
    assert [line for line in lines if re.search(r"\bsudo\b|chmod .*777|curl|wget", line)] == []


def test_the_image_is_made_without_a_secret():
    """Which files get into it, tests/unit/test_what_ships.py shows."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert not re.search(r"PASSWORD|SECRET|TOKEN|FERNET", text)


def test_the_local_servers_of_docker_listen_on_loopback():
    services = yaml.safe_load((ROOT / "docker-compose.override.yml").read_text())["services"]
    ports = [port for each in services.values() for port in each.get("ports", ())]

    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_processes_of_airflow_listen_on_loopback_or_not_at_all():
    """tests/e2e/test_sockets.py looks at those that run."""
    api_server = COMPONENTS["api-server"]

    assert api_server[api_server.index("--host") + 1] == LOOPBACK == "127.0.0.1"
    for name in ("scheduler", "triggerer"):
        assert "--skip-serve-logs" in COMPONENTS[name]


def comments_of(file):
    with tokenize.open(file) as opened:
        return [
            each.string
            for each in tokenize.generate_tokens(opened.readline)
            if each.type == tokenize.COMMENT
        ]


def test_each_exception_from_a_rule_of_security_has_its_reason():
    bare = [
        f"{file.relative_to(ROOT)}: {comment}"
        for file in SOURCES
        for comment in comments_of(file)
        if (found := EXCEPTION.search(comment)) and not re.search(r"\w{3,}", found["reason"])
    ]

    assert bare == []


def test_each_exception_for_whole_folders_has_its_reason_beside_it():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition("[tool.ruff.lint.per-file-ignores]")[2].partition("\n[")[0]
    lines = [line for line in section.splitlines() if re.search(r'"S\d{3}"', line)]

    assert lines
    assert [line for line in lines if not re.search(r"# .*\w{3,}", line)] == []


def test_no_rule_of_security_is_off_for_the_product():
    lint = PROJECT["tool"]["ruff"]["lint"]

    assert "ALL" in lint["select"]
    assert [rule for rule in lint["ignore"] if re.fullmatch(r"S\d*", rule)] == []
    for folder, rules in lint["per-file-ignores"].items():
        is_product = folder.startswith(("include", "dags", "plugins"))
        assert not (is_product and [rule for rule in rules if re.fullmatch(r"S\d+", rule)])


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_only_read(name):
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in WORKFLOWS[name][True]


def test_known_faults_of_the_locked_packages_are_looked_up_every_week():
    audit = WORKFLOWS["audit.yml"]

    # YAML 1.1 reads "on" as true.
    assert audit[True]["schedule"]
    assert "requirements.lock" in str(audit["jobs"])
    assert "pip-audit" in str(audit["jobs"])


def test_every_locked_package_has_its_checksums():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    of_package = r"^([\w.-]+)==\S+(.*(?:\n    --hash=sha256:[0-9a-f]{64}.*)*)"
    packages = re.findall(of_package, lock, re.MULTILINE)

    assert len(packages) > 100
    assert [name for name, rest in packages if "--hash=sha256:" not in rest] == []
    assert not re.search(r"git\+|https?://(?!\S*#)", re.sub(r"#.*", "", lock))


def test_the_list_of_parts_is_made_of_the_lock_by_a_pinned_program():
    text = (ROOT / "dev" / "sbom").read_text(encoding="utf-8")

    assert re.search(r"cyclonedx-bom==\d+\.\d+\.\d+ cyclonedx-py requirements", text)
    assert "requirements.lock" in text
