"""Remove old rows from Airflow's metadata: its own `db clean`, in small batches with rests.

A task may not use Airflow's own session, so a connection of this deployment's own says where the
database is: whoever creates it allows it.
"""

from __future__ import annotations

import io
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.utils.db_cleanup import config_dict, run_cleanup
from sqlalchemy import (
    URL,
    DateTime,
    Engine,
    MetaData,
    String,
    Table,
    column,
    create_engine,
    func,
    inspect,
    or_,
    select,
    table,
)
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from include.orchestration.resting_session import RestingSession, TimeIsUpError, one_line
from include.records.errors import RetryableError, SettingsError

CONNECTION = "airflow_metadata"
DRIVERS = {"postgres": "postgresql+psycopg2", "postgresql": "postgresql+psycopg2"}
# Of one transaction: with all that depends on so many task instances, tenths of a second.
BATCH_ROWS = 1_000
# Cleaned together, in the order of their references, and only here by DAG.
RUNS = "dag_version"
RUN_TABLES = (
    *("task_instance_history", "xcom", "task_instance", "task_state_store"),
    *("deadline", "dag_run", RUNS),
)
# One row for each DAG, and triggers in use, however old: what is unused Airflow itself removes.
LEFT_ALONE = ("dag", "trigger")
UNFINISHED = ("queued", "running")

log = logging.getLogger(__name__)


@dataclass
class Cleaned:
    """What became of the metadata.

    Attributes:
        old: Rows older than asked, by table, of the DAGs that are not left out.
        removed: Rows removed, by table; what goes with them by reference is not counted.
        left_out: DAGs whose runs all stay: the newest run, or one that is not finished, is older.
        failed: By table, why it was not cleaned.
        is_finished: The time was not up before all tables were cleaned.
    """

    old: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    is_finished: bool = True


def metadata_url() -> URL | None:
    """Return where Airflow's metadata is, from the connection `airflow_metadata`.

    Returns:
        None where there is no such connection.

    Raises:
        SettingsError: It is not one of Postgres.
    """
    try:
        connection = Connection.get(CONNECTION)
    except AirflowNotFoundException:
        return None
    driver = DRIVERS.get(connection.conn_type or "")
    if driver is None:
        raise SettingsError(
            f"the Airflow connection {CONNECTION!r} is of the type {connection.conn_type!r}; set "
            "it to postgres, or delete the connection to skip Airflow's metadata"
        )
    return URL.create(
        driver,
        username=connection.login,
        password=connection.password,
        host=connection.host,
        port=connection.port,
        database=connection.schema,
        query={name: str(value) for name, value in connection.extra_dejson.items()},
    )


@contextmanager
def open_metadata(url: URL) -> Iterator[Engine]:
    """Open the metadata's database for one block.

    Raises:
        RetryableError: It does not answer, or refuses the login.
    """
    engine = create_engine(url, pool_size=1, pool_pre_ping=True)
    try:
        yield engine
    except OperationalError as error:
        reason = one_line(error.orig or error)
        raise RetryableError(
            f"Airflow's metadata on {url.host}:{url.port or 'the default port'} does not answer "
            f"({reason}); check the server and the Airflow connection {CONNECTION!r}"
        ) from error
    finally:
        engine.dispose()


def size_bytes(engine: Engine) -> int:
    """Return the size of the database; 0 where it does not say."""
    if engine.dialect.name != "postgresql":
        return 0
    with engine.connect() as connection:
        size = connection.scalar(select(func.pg_database_size(func.current_database())))
    return int(size or 0)


def clean(
    engine: Engine,
    before: datetime,
    *,
    only_count: bool,
    is_time_up: Callable[[], bool],
    rest: Callable[[float], None] = time.sleep,
) -> Cleaned:
    """Remove what is older than a moment; one table that fails does not stop the others.

    Runs that are not finished stay with all that belongs to them, and so does the newest run of
    each DAG. Safe to stop at any moment; the next call goes on.

    Args:
        engine: Of the metadata.
        before: Aware UTC.
        only_count: Remove nothing.
        is_time_up: Asked after each transaction.
        rest: Sleeps for so many seconds.
    """
    cleaned = Cleaned()
    columns = _columns(engine)
    with engine.connect() as connection:
        cleaned.left_out = [*connection.scalars(_left_out(before))]
        for name, of_table in columns.items():
            cleaned.old[name] = (
                connection.scalar(_count(name, of_table, before, cleaned.left_out)) or 0
            )
    if only_count:
        return cleaned
    for name, config in config_dict.items():
        # Airflow filters some tables by a column that they do not have.
        if config.dag_id_column_name not in columns.get(name, ()):
            config.dag_id_column = None
    session = RestingSession(engine, cleaned.removed, is_time_up, rest)
    try:
        for name in (RUNS, *(name for name in columns if name not in RUN_TABLES)):
            _clean_table(session, name, before, cleaned)
    except TimeIsUpError:
        cleaned.is_finished = False
    finally:
        session.close()
        _drop(engine, session.archives)
    return cleaned


def _clean_table(session: RestingSession, name: str, before: datetime, cleaned: Cleaned) -> None:
    session.problem = ""
    try:
        # It prints four lines for each batch.
        with redirect_stdout(io.StringIO()):
            run_cleanup(
                clean_before_timestamp=before,  # type: ignore[arg-type] # it takes any datetime
                table_names=[name],
                exclude_dag_ids=(cleaned.left_out or None) if name == RUNS else None,
                confirm=False,
                skip_archive=True,
                batch_size=BATCH_ROWS,
                error_on_cleanup_failure=True,
                session=session,
            )
    # What the database refuses, and what Airflow makes of it.
    except (SQLAlchemyError, RuntimeError) as error:
        session.rollback()
        cleaned.failed[name] = session.problem or str(error)
        log.warning("%s was not cleaned: %s", name, cleaned.failed[name])


def _columns(engine: Engine) -> dict[str, set[str]]:
    """Return the columns of each table that is cleaned and that this database has."""
    inspector = inspect(engine)
    return {
        name: {each["name"] for each in inspector.get_columns(name)}
        for name in inspector.get_table_names()
        if name in config_dict and name not in LEFT_ALONE
    }


def _left_out(before: datetime) -> Any:  # noqa: ANN401 - a statement
    """Select the DAGs with a newest run, or one that is not finished, from before a moment.

    They are cleaned once that run has ended, or a newer one began. A DAG that has one run at a time
    does not grow until then.
    """
    # A run never begins before the time it is due, nor do its tasks.
    due = column("run_after", DateTime(timezone=True))
    dag_id, state = column("dag_id", String), column("state", String)
    runs = table("dag_run", dag_id, due, state)
    is_unfinished = state.in_(UNFINISHED) & (due < before)
    unfinished = select(dag_id).select_from(runs).where(is_unfinished)
    newest = select(dag_id).select_from(runs).group_by(dag_id).having(func.max(due) < before)
    either = unfinished.union(newest).subquery()
    return select(either.c.dag_id).order_by(either.c.dag_id)


def _count(name: str, columns: set[str], before: datetime, left_out: list[str]) -> Any:  # noqa: ANN401
    moment = column(config_dict[name].recency_column_name, DateTime(timezone=True))
    dag_id = column("dag_id", String)
    counted = select(func.count()).select_from(table(name, moment)).where(moment < before)
    if name in RUN_TABLES and "dag_id" in columns:
        counted = counted.where(or_(dag_id.not_in(left_out), dag_id.is_(None)))
    return counted


def _drop(engine: Engine, archives: set[str]) -> None:
    """Drop the tables of batches that were interrupted; their rows are gone or still in place."""
    for name in archives & set(inspect(engine).get_table_names()):
        Table(name, MetaData()).drop(engine)
