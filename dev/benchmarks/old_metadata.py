"""Fill Airflow's metadata with old runs: copies of those that a stack has just made, months ago."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Any

from psycopg2 import sql  # type: ignore[import-untyped]

from dev.stack import postgres
from dev.stack.stack import MINUTE_DAGS, Stack

# What a minute leaves in the metadata, in the order of references.
TABLES = (
    *("dag_run", "task_instance", "task_map", "rendered_task_instance_fields", "xcom"),
    *("asset_event", "log"),
)
DAYS_AGO = 120
# Each statement inserts so many task instances, so that none holds up the minutes for long.
INSTANCES_A_STATEMENT = 20_000

TEMPLATES = """
CREATE TEMPORARY TABLE template AS
SELECT dag_id, run_id FROM dag_run WHERE state = 'success' AND dag_id = ANY(%s)
"""
INSTANCES = "SELECT count(*) FROM task_instance JOIN template USING (dag_id, run_id)"
# So that no two copies are of the same moment.
SPAN = """
SELECT extract(epoch FROM max(run_after) - min(run_after))::int + 60
FROM dag_run JOIN template USING (dag_id, run_id)
"""
COLUMNS = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = %s ORDER BY ordinal_position
"""
COPY = """
INSERT INTO {table} ({names})
SELECT {values}
FROM {table} AS old
JOIN template ON template.dag_id = old.{dag} AND template.run_id = old.{run}
CROSS JOIN generate_series(%(first)s, %(last)s) AS copy
{more}
"""
RUN_ID = sql.SQL("old.{run} || '~' || copy")
SHIFTED = sql.SQL(
    "old.{name} - make_interval(days => %(days)s) - copy * make_interval(secs => %(span)s)"
)
# A copy of a run has another number, which its XComs refer to.
NEW_RUN = sql.SQL(
    "JOIN dag_run AS made ON made.dag_id = old.dag_id AND made.run_id = old.run_id || '~' || copy"
)
# Made anew for each row; without an expression, by the table's own default.
OWN: Mapping[str, Mapping[str, sql.Composable | None]] = {
    "dag_run": {"id": None},
    "task_instance": {"id": sql.SQL("gen_random_uuid()")},
    "xcom": {"dag_run_id": sql.SQL("made.id")},
    "asset_event": {"id": None},
    "log": {"id": None},
}


@contextmanager
def metadata_of(stack: Stack) -> Iterator[Any]:
    """Open the metadata database of a running stack; each statement commits."""
    password = stack.home.secrets()["postgres"]
    connection = postgres.open_database(stack.ports.postgres, password)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def fill(cursor: Any, task_instances: int) -> None:  # noqa: ANN401 - psycopg2 has no types
    """Copy the successful runs of the minute DAGs, with all they left, to months ago.

    Args:
        cursor: Of the metadata, which has such runs.
        task_instances: How many to add, at least.
    """
    cursor.execute(TEMPLATES, ([*MINUTE_DAGS],))
    of_template = _number(cursor, INSTANCES)
    if not of_template:
        raise SystemExit("no run has succeeded yet, there is nothing to copy")
    span_seconds = _number(cursor, SPAN)
    # Copies refer to copies: checking each reference would take most of the time.
    cursor.execute("SET session_replication_role = replica")
    copies = ceil(task_instances / of_template)
    step = max(1, INSTANCES_A_STATEMENT // of_template)
    for first in range(1, copies + 1, step):
        last = min(first + step - 1, copies)
        values = {"first": first, "last": last, "days": DAYS_AGO, "span": span_seconds}
        for table in TABLES:
            _copy(cursor, table, values)
    cursor.execute("RESET session_replication_role")
    for table in TABLES:
        cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))


def counts(cursor: Any, tables: Sequence[str] = TABLES) -> dict[str, int]:  # noqa: ANN401
    """Return the number of rows of tables."""
    return {
        table: _number(cursor, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
        for table in tables
    }


def size_bytes(cursor: Any) -> int:  # noqa: ANN401
    """Return the size of the database."""
    return _number(cursor, "SELECT pg_database_size(current_database())")


def _number(cursor: Any, statement: object) -> int:  # noqa: ANN401
    cursor.execute(statement)
    return int(cursor.fetchone()[0] or 0)


def _copy(cursor: Any, table: str, values: Mapping[str, int]) -> None:  # noqa: ANN401
    is_event = table == "asset_event"
    run, dag = ("source_run_id", "source_dag_id") if is_event else ("run_id", "dag_id")
    cursor.execute(COLUMNS, (table,))
    columns: dict[str, sql.Composable | None] = {}
    for name, kind in cursor.fetchall():
        if name == run:
            columns[name] = RUN_ID.format(run=sql.Identifier(run))
        elif kind == "timestamp with time zone":
            columns[name] = SHIFTED.format(name=sql.Identifier(name))
        else:
            columns[name] = sql.SQL("old.{}").format(sql.Identifier(name))
    columns |= OWN.get(table, {})
    chosen = {name: value for name, value in columns.items() if value is not None}
    statement = sql.SQL(COPY).format(
        table=sql.Identifier(table),
        names=sql.SQL(", ").join(map(sql.Identifier, chosen)),
        values=sql.SQL(", ").join(chosen.values()),
        dag=sql.Identifier(dag),
        run=sql.Identifier(run),
        more=NEW_RUN if table == "xcom" else sql.SQL(""),
    )
    cursor.execute(statement, values)
