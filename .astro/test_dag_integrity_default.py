"""What `astro dev parse` and `astro deploy` run: every DAG file imports without an error.

The file that the Astro CLI brings does not work on Airflow 3.3, whose DagBag has moved and
has lost an argument.
"""

from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

PROJECT = Path(__file__).resolve().parents[1]
EXCEPTIONS = PROJECT / ".astro" / "dag_integrity_exceptions.txt"


def exceptions() -> set[str]:
    """Return the files that the project excludes, relative to it."""
    lines = EXCEPTIONS.read_text(encoding="utf-8").splitlines() if EXCEPTIONS.exists() else []
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def test_every_dag_file_imports() -> None:
    bag = DagBag(dag_folder=str(PROJECT / "dags"))

    errors = {
        path: error
        for path, error in bag.import_errors.items()
        if str(Path("dags") / path) not in exceptions()
        and str(Path(path)) not in {str(PROJECT / name) for name in exceptions()}
    }

    assert not errors, "\n\n".join(f"{path}:\n{error}" for path, error in errors.items())
    assert bag.dags, f"no DAG in {PROJECT / 'dags'}"
