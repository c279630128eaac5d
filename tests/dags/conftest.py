import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def dag_bag(tmp_path_factory):
    """Every DAG, parsed once; nothing of Airflow's own database is touched."""
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
    from airflow.dag_processing.dagbag import DagBag  # noqa: PLC0415 - reads AIRFLOW_HOME

    return DagBag(dag_folder=str(PROJECT / "dags"))
