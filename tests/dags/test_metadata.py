"""Airflow's own cleaning, on its own tables in SQLite: what stays, and how it ends."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from airflow.models.base import Base
from airflow.utils.db_cleanup import ARCHIVE_TABLE_PREFIX
from sqlalchemy import create_engine, event, func, inspect, select

from include.orchestration import metadata
from include.orchestration.metadata import clean, metadata_url, open_metadata, size_bytes
from include.orchestration.resting_session import LONGEST_REST_SECONDS
from include.records.errors import RetryableError, SettingsError
from include.records.windows import DAY

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
BEFORE = NOW - 30 * DAY
# Imported by now, with db_cleanup.
TABLES = Base.metadata.tables


@pytest.fixture
def engine(tmp_path):
    """An empty database with the tables of this Airflow."""
    from airflow.models import import_all_models  # noqa: PLC0415 - only here

    import_all_models()
    made = create_engine(f"sqlite:///{tmp_path}/airflow.db")

    @event.listens_for(made, "connect")
    def _follow_references(connection, _):
        connection.execute("PRAGMA foreign_keys = ON")

    Base.metadata.create_all(made)
    yield made
    made.dispose()


class Runs:
    """Writes runs with a task and an XCom each, as a scheduler would."""

    def __init__(self, engine):
        self.engine = engine
        self.count = 0

    def add(self, dag_id, *ages, state="success", run_type="scheduled"):
        for age in ages:
            self.count += 1
            self._add(dag_id, NOW - age * DAY, state, run_type)

    def _add(self, dag_id, moment, state, run_type):
        key = {"dag_id": dag_id, "run_id": f"{run_type}~{self.count}"}
        run = {
            **key,
            "id": self.count,
            "run_type": run_type,
            "state": state,
            "run_after": moment,
            "start_date": moment,
            "log_template_id": None,
        }
        task = {
            **key,
            "id": uuid4(),
            "task_id": "plan",
            "start_date": moment,
            "state": state,
            "pool": "default_pool",
            "pool_slots": 1,
        }
        xcom = {
            **key,
            "dag_run_id": self.count,
            "task_id": "plan",
            "key": "return_value",
            "timestamp": moment,
        }
        with self.engine.begin() as connection:
            for name, row in (("dag_run", run), ("task_instance", task), ("xcom", xcom)):
                connection.execute(TABLES[name].insert().values(row))

    def ages(self, name="dag_run", column="start_date"):
        """Return the ages of the rows left, in days, by DAG."""
        table = TABLES[name]
        with self.engine.connect() as connection:
            rows = connection.execute(select(table.c.dag_id, table.c[column])).all()
        found = {}
        for dag_id, moment in rows:
            found.setdefault(dag_id, []).append((NOW - moment) // DAY)
        return {dag_id: sorted(ages) for dag_id, ages in found.items()}


@pytest.fixture
def runs(engine):
    return Runs(engine)


def run(engine, **changes):
    settings = {"only_count": False, "is_time_up": lambda: False, "rest": lambda _: None}
    return clean(engine, BEFORE, **settings | changes)


def archives(engine):
    return [name for name in inspect(engine).get_table_names() if ARCHIVE_TABLE_PREFIX in name]


def test_removes_old_runs_with_their_tasks_and_results(engine, runs):
    runs.add("ingest_prices", 0, 29, 31, 60)

    cleaned = run(engine)

    for name, column in (("dag_run", "start_date"), ("task_instance", "start_date")):
        assert runs.ages(name, column) == {"ingest_prices": [0, 29]}
    assert runs.ages("xcom", "timestamp") == {"ingest_prices": [0, 29]}
    assert cleaned.removed == {"dag_run": 2, "task_instance": 2, "xcom": 2}
    assert cleaned.old["task_instance"] == 2
    assert cleaned.failed == {}
    assert archives(engine) == []


def test_keeps_the_newest_run_of_a_dag_with_its_tasks(engine, runs):
    """Of one that runs by hand, too, which Airflow would remove; and of any other its tasks."""
    runs.add("initialize_store", 90, 200, run_type="manual")
    runs.add("audit_prices", 90, 200)

    cleaned = run(engine)

    assert runs.ages()["initialize_store"][0] == 90
    assert runs.ages("task_instance")["initialize_store"][0] == 90
    assert runs.ages("task_instance")["audit_prices"][0] == 90
    assert cleaned.left_out == ["audit_prices", "initialize_store"]


@pytest.mark.parametrize("state", ["running", "queued"])
def test_keeps_a_run_that_is_not_finished_and_what_belongs_to_it(engine, runs, state):
    runs.add("backfill_prices", 40, state=state)
    runs.add("backfill_prices", 0, 50)
    runs.add("ingest_prices", 0, 50)

    cleaned = run(engine)

    assert 40 in runs.ages("task_instance")["backfill_prices"]
    assert runs.ages("task_instance")["ingest_prices"] == [0]
    assert cleaned.left_out == ["backfill_prices"]
    assert cleaned.failed == {}


def test_removes_nothing_where_it_only_counts(engine, runs):
    runs.add("ingest_prices", 0, 31, 60)

    cleaned = run(engine, only_count=True)

    assert runs.ages() == {"ingest_prices": [0, 31, 60]}
    assert cleaned.old["dag_run"] == 2
    assert cleaned.removed == {}


def test_removes_batch_by_batch_and_rests_between(engine, runs, monkeypatch):
    monkeypatch.setattr(metadata, "BATCH_ROWS", 2)
    runs.add("ingest_prices", 0, *range(31, 38))
    rests = []

    cleaned = run(engine, rest=rests.append)

    assert cleaned.removed["task_instance"] == 7
    # Three transactions for each of four batches of each of three tables.
    assert len(rests) >= 3 * 4 * 3
    assert max(rests) <= LONGEST_REST_SECONDS


def test_stops_between_two_transactions_and_the_next_run_goes_on(engine, runs, monkeypatch):
    monkeypatch.setattr(metadata, "BATCH_ROWS", 1)
    runs.add("ingest_prices", 0, *range(31, 38))
    looks = iter([False] * 8)

    cleaned = run(engine, is_time_up=lambda: next(looks, True))

    assert not cleaned.is_finished
    assert 0 < cleaned.removed.total() < 21
    assert archives(engine) == []
    assert run(engine).is_finished
    assert runs.ages("task_instance") == {"ingest_prices": [0]}


def test_a_table_that_fails_stops_no_other(engine, runs, monkeypatch):
    runs.add("ingest_prices", 0, 60)
    clean_one = metadata.run_cleanup

    def fail_on_runs(**options):
        if options["table_names"] == [metadata.RUNS]:
            raise RuntimeError("unit")
        clean_one(**options)

    monkeypatch.setattr(metadata, "run_cleanup", fail_on_runs)
    with engine.begin() as connection:
        connection.execute(TABLES["log"].insert().values(dttm=NOW - 60 * DAY, event="running"))

    cleaned = run(engine)

    assert cleaned.failed == {metadata.RUNS: "unit"}
    assert cleaned.removed == {"log": 1}


def test_does_nothing_the_second_time(engine, runs):
    runs.add("ingest_prices", 0, 60)
    run(engine)

    assert run(engine).removed.total() == 0


def test_rows_of_no_dag_are_removed_too(engine):
    """Airflow's filter by DAG leaves out rows without one: it is only for runs."""
    with engine.begin() as connection:
        connection.execute(
            TABLES["job"].insert().values(latest_heartbeat=NOW - 60 * DAY, job_type="SchedulerJob")
        )

    run(engine)

    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(TABLES["job"])) == 0


def test_reads_where_the_metadata_is(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_METADATA", "postgres://user:p%40ss@host:5433/airflow")

    url = metadata_url()

    assert url.render_as_string(hide_password=False) == (
        "postgresql+psycopg2://user:p%40ss@host:5433/airflow"
    )


def test_says_which_databases_it_can_clean(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_METADATA", "mysql://user@host/airflow")

    with pytest.raises(SettingsError, match="is of the type 'mysql'; set it to postgres, or"):
        metadata_url()


def test_says_where_metadata_is_expected_that_does_not_answer(monkeypatch):
    # Nothing listens on port 9 of this machine.
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_METADATA", "postgres://user:pl4nted@127.0.0.1:9/a")

    with (
        pytest.raises(RetryableError, match=r"on 127\.0\.0\.1:9 does not answer") as raised,
        open_metadata(metadata_url()) as engine,
    ):
        size_bytes(engine)

    assert "the Airflow connection 'airflow_metadata'" in str(raised.value)
    assert "pl4nted" not in str(raised.value)
