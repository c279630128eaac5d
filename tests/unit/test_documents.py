"""What the documents state about the code is so."""

import ast
import re
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import pytest

from include.records.runbook import RUNBOOK, Heading

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs").glob("*/*.md"),
    ]
)
ARCHITECTURE = ROOT / "docs" / "development" / "architecture.md"
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"(?<![\w./-])(?:dags|dev|docs|include|plugins|tests)/[\w./-]*\w")
IMPORT = re.compile(r"^from ((?:include|dev)[\w.]*) import (.+)$", re.MULTILINE)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# As messages and comments of the code write it.
POINTER = re.compile(r"docs/[\w/-]+\.md#[\w-]+")
# How a new file is to be named, and one that git ignores.
NOT_HERE = {"include/sql/schema/NNN_name.cql", "include/secrets/prices.zip"}


def anchor(heading):
    """GitHub's address of a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", ""))
    return kept.replace(" ", "-")


def anchors(document):
    return {anchor(each) for each in HEADING.findall(document.read_text(encoding="utf-8"))}


def leads_somewhere(document, link):
    """Tell whether the file of a link is there, and its heading if it names one."""
    path, _, part = link.partition("#")
    target = document.parent / path if path else document
    if not target.exists():
        return False
    return not part or part in anchors(target)


def names(document):
    return document.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_every_link_leads_somewhere(document):
    broken = [
        link
        for link in LINK.findall(document.read_text())
        if not link.startswith("https://") and not leads_somewhere(document, link)
    ]

    assert broken == []


@pytest.mark.parametrize(
    "document", [each for each in DOCUMENTS if each.name != "CHANGELOG.md"], ids=names
)
def test_every_path_of_the_repository_exists(document):
    """The changelog alone names what was."""
    text = re.sub(r"https?://\S+", "", document.read_text())
    absent = {path for path in PATH.findall(text) if not (ROOT / path).exists()} - NOT_HERE

    assert absent == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_every_import_in_an_example_works(document):
    for module, listed in IMPORT.findall(document.read_text()):
        held = import_module(module)
        for name in listed.split(","):
            assert hasattr(held, name.strip()), f"{module} has no {name}"


def imported(file):
    """Paths of the modules that a file imports, also within functions."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            found.update(each.name for each in node.names)
    return {f"{name.replace('.', '/')}.py" for name in found}


def test_the_path_of_one_price_is_as_the_architecture_says():
    section = (
        ARCHITECTURE.read_text().partition("## The path of one price")[2].partition("\n## ")[0]
    )
    chains = [re.findall(r"`([\w./]+\.py)`", line) for line in section.splitlines()]
    pairs = [pair for chain in chains for pair in pairwise(chain)]

    assert len(pairs) > 20
    assert [(user, used) for user, used in pairs if used not in imported(ROOT / user)] == []


def test_the_architecture_names_every_package():
    text = ARCHITECTURE.read_text()
    packages = [each for each in (ROOT / "include").iterdir() if any(each.glob("*/*.py"))] + [
        each for each in (ROOT / "include").iterdir() if any(each.glob("*.py"))
    ]

    assert [each.name for each in packages if f"`include/{each.name}`" not in text] == []


def test_the_example_of_style_is_code_of_ours():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)\n```", text, re.DOTALL)

    assert example in (ROOT / "include" / "records" / "windows.py").read_text()


def test_the_readme_lists_every_dag():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    dag_ids = [file.stem for file in sorted((ROOT / "dags").glob("*.py"))]

    assert dag_ids
    assert [dag_id for dag_id in dag_ids if f"`{dag_id}`" not in readme] == []


@pytest.mark.parametrize("heading", [*Heading])
def test_each_heading_of_a_message_is_in_the_runbook(heading):
    assert heading.value in anchors(ROOT / RUNBOOK)


def test_each_pointer_in_the_code_leads_to_a_heading():
    """Also those that somebody writes out."""
    files = [
        file
        for folder in ("include", "dags", "plugins", "dev")
        for file in (ROOT / folder).rglob("*.py")
    ]
    found = {
        pointer for file in files for pointer in POINTER.findall(file.read_text(encoding="utf-8"))
    }

    wrong = [
        pointer
        for pointer in found - {"docs/runbook.md#heading"}
        if not leads_somewhere(ROOT / "README.md", pointer)
    ]
    assert wrong == []
