"""What lies at the root of the repository: nothing gets there by mistake."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
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
