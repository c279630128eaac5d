"""What `astro deploy` puts into the image, and that it is enough for its tests.

Docker is not needed: its rules for .dockerignore are few. Nothing here shows that an image can be
built, nor that Astronomer's registry takes it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP = {
    "LICENSE",
    "dags",
    "include",
    "packages.txt",
    "plugins",
    "pyproject.toml",
    "requirements.txt",
    "tests",
}
# Without what belongs to the checks: a page or a query that is new needs no change here.
MOST_FILES = 500
MOST_BYTES = 2_500_000
LEFT_BEHIND = (
    *(".env", ".env.staging", ".env.example", "airflow.db", "airflow.cfg", "airflow_settings.yaml"),
    *("requirements.lock", "README.md", "CHANGELOG.md", "docs/deploy.md", "sbom.json"),
    *("docker-compose.override.yml", "data/mart.db", "logs/scheduler.log", ".venv/bin/python"),
    *(".dev/secrets.json", ".git/config", ".astro/standalone/airflow.db", "dev/up", "prices.zip"),
    *("tests/unit/test_what_ships.py", "tests/data/price_texts.json", ".mypy_cache/3.11/x.json"),
    *("include/__pycache__/x.pyc", "dags/__pycache__/x.pyc", "include/web/.ruff_cache/x"),
    *("include/.env", "plugins/.env.local", "tests/dags/.pytest_cache/x", "dags/.DS_Store"),
)
# Of Docker's patterns: from the root, and a folder stands for all below it.
WILD = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def regex(pattern):
    parts = re.split(r"(\*\*/?|\*|\?)", pattern)
    return re.compile("".join(WILD.get(part, re.escape(part)) for part in parts))


def ships(path, *added):
    """Tell whether a file of the project gets into the image: the last line that matches counts.

    Args:
        path: Of the file.
        added: More lines of .dockerignore.
    """
    kept = True
    ways = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for line in (*lines, *added):
        if line and not line.startswith("#"):
            pattern = regex(line.removeprefix("!").rstrip("/"))
            if any(pattern.fullmatch(way) for way in ways):
                kept = line.startswith("!")
    return kept


@pytest.fixture(scope="module")
def shipped():
    """The files of the repository that get into the image."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - whichever git there is
        capture_output=True,
        text=True,
        check=True,
    )
    found = sorted(name for name in listed.stdout.split("\0") if name and ships(name))
    return [name for name in found if (ROOT / name).exists()]


@pytest.mark.parametrize("path", LEFT_BEHIND)
def test_leaves_behind_what_tasks_do_not_need(path):
    assert not ships(path)


def test_ships_what_tasks_need_and_little_else(shipped):
    sizes = {name: (ROOT / name).stat().st_size for name in shipped}
    by_top = Counter(name.split("/")[0] for name in shipped)

    assert {*by_top} == TOP
    assert len(sizes) <= MOST_FILES, by_top
    assert sum(sizes.values()) <= MOST_BYTES, sorted(sizes.items(), key=lambda each: -each[1])[:9]


def test_ships_every_file_of_the_product(shipped):
    """Pages, queries, suites and tapes are read at run time: a rule for .json would take some."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "dags", "include", "plugins"],  # noqa: S607 - as above
        capture_output=True,
        text=True,
        check=True,
    )

    assert {*filter(None, listed.stdout.split("\0"))} - {*shipped} == set()


def test_ships_a_file_of_ones_own_below_include():
    """Also one that git ignores, as docs/deploy.md says of Astra's bundle."""
    assert ships("include/secrets/prices.zip")


def test_the_line_that_the_cli_adds_still_counts():
    """`astro deploy` adds it where a deployment takes DAGs from elsewhere than from the image."""
    assert ships("dags/ingest_prices.py")
    assert not ships("dags/ingest_prices.py", "dags/")
    assert ships("include/price_watch.yaml", "dags/")


def only_for_dev():
    """Distributions that requirements.txt does not bring, from who asks for what in the lock."""
    asked_by = {}
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for block in re.split(r"\n(?=[\w.-]+(?:\[.*?\])?==)", text):
        name = re.match(r"[\w.-]+", block)[0]
        via = block.partition("    # via")[2].replace("#", "")
        asked_by[name] = {line.strip() for line in via.splitlines()}
    kept = {name for name, askers in asked_by.items() if "-r requirements.txt" in askers}
    while more := {name for name, askers in asked_by.items() if askers & kept} - kept:
        kept |= more
    return {*asked_by} - kept


# Loaded as Python starts: neither the modules nor the entry points of these are found.
SITE = """
import sys
from importlib.machinery import PathFinder

MODULES, DISTRIBUTIONS = {modules!r}, {distributions!r}


class Bare(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        is_absent = name.partition(".")[0] in MODULES
        return None if is_absent else PathFinder.find_spec(name, path, target)

    @classmethod
    def find_distributions(cls, *arguments, **options):
        found = PathFinder.find_distributions(*arguments, **options)
        return (each for each in found if each._normalized_name not in DISTRIBUTIONS)


sys.meta_path[:] = [Bare if each is PathFinder else each for each in sys.meta_path]
"""


@pytest.fixture
def bare(tmp_path):
    """Write what makes a Python one with requirements.txt alone; return the folder for its path."""
    absent = only_for_dev()
    modules = {name for name, of in packages_distributions().items() if {*of} <= absent}
    assert {"trustme", "hypothesis", "xdist"} <= modules
    site = SITE.format(
        modules=modules | {"dev"}, distributions={name.replace("-", "_") for name in absent}
    )
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(site)
    return tmp_path / "site"


@pytest.mark.slow
def test_what_ships_passes_its_tests_with_requirements_txt_alone(shipped, bare, tmp_path):
    """As in the container of `astro dev pytest` and `astro deploy --pytest`, without Docker.

    The CLI copies .astro into it. What needs a tool of dev/ says so and is left out.
    """
    image = tmp_path / "image"
    for name in (*shipped, ".astro/test_dag_integrity_default.py"):
        (image / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, image / name)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests", ".astro/test_dag_integrity_default.py"],
        cwd=image,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "PYTHONPATH": str(bare),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-8000:]
    assert "only tests/dags is collected: the others need" in done.stdout
    assert {*re.findall(r"^SKIPPED \[\d+\] (\S+?):", done.stdout, re.MULTILINE)} == {
        "tests/dags/test_channels.py"
    }
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 500
