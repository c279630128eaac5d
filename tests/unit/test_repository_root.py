"""What lies at the root of the repository: nothing gets there by mistake."""

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
NAMES = {
    ".astro",
    ".ci",
    ".dockerignore",
    ".env.example",
    ".gitignore",
    ".github",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "airflow_settings.yaml",
    "dags",
    "dev",
    "docker-compose.env",
    "docker-compose.override.yml",
    "docs",
    "include",
    "packages.txt",
    "plugins",
    "pyproject.toml",
    "requirements.lock",
    "requirements.txt",
    "tests",
}


def test_has_at_its_root_what_is_listed_here_and_nothing_else():
    """A database named 127.0.0.1 was once committed there."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"],  # noqa: S607 - whichever git there is
        capture_output=True,
        text=True,
        check=False,
    )
    assert listed.returncode == 0, f"this test needs git and a clone of it: {listed.stderr}"

    found = {name.split("/")[0] for name in listed.stdout.split("\0") if name}

    assert found - NAMES == set(), "a stray file, or a new one: name it in this test"
    assert NAMES - found == set(), "it is gone: take it out of this test"


def test_the_newest_version_of_the_changelog_is_the_projects():
    versions = re.findall(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", CHANGELOG, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert versions[0] == project["version"]
    assert versions == sorted(versions, key=lambda each: [*map(int, each.split("."))], reverse=True)


def test_every_version_says_what_an_upgrade_must_do():
    """The first one has nothing to be upgraded from."""
    *later, _first = CHANGELOG.split("\n## ")[1:]

    assert [part.splitlines()[0] for part in later if "**Upgrade**" not in part] == []
