"""The Astro SDK on Airflow 3 and SQLAlchemy 2: its operators, made to work inside a task.

Import this module inside tasks only: the SDK imports pandas, which is too slow for a DAG file.
Each bridge does nothing where the original still exists (docs/decisions/astro-sdk-on-airflow-3.md).
"""

import sys
import warnings
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Literal, Protocol, cast

import pandas as pd
import sqlalchemy.engine.row
from airflow.configuration import conf
from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.sdk import BaseOperator, Context
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.definitions.xcom_arg import PlainXComArg
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import StaticPool

from include.mart.connection import mart_connection
from include.mart.failures import CONNECTION
from include.mart.place import mart_file
from include.records.errors import SettingsError


def _restore_pickling_option() -> None:
    """The SDK reads an option that Airflow 3 no longer has, without a fallback."""
    if not conf.has_option("core", "enable_xcom_pickling"):
        if not conf.has_section("core"):
            conf.add_section("core")
        conf.set("core", "enable_xcom_pickling", "False")


def _name_schema() -> None:
    """Name the schema of the mart's tables where a database has schemas, unless somebody has.

    The SDK's own choice is `tmp_astro`, for tables that may be dropped at any time.
    """
    if not conf.has_section("astro_sdk"):
        conf.add_section("astro_sdk")
    if not conf.has_option("astro_sdk", "sql_schema"):
        conf.set("astro_sdk", "sql_schema", "prices")


def _restore_dbapi_module() -> None:
    """The SDK imports `airflow.hooks.dbapi`, which moved to the common.sql provider."""
    try:
        import_module("airflow.hooks.dbapi")
    except ModuleNotFoundError:
        module = ModuleType("airflow.hooks.dbapi")
        vars(module)["DbApiHook"] = DbApiHook
        sys.modules[module.__name__] = module


def _restore_legacy_row() -> None:
    """The SDK subclasses `LegacyRow` for raw SQL answers; SQLAlchemy 2 has only `Row`."""
    if not hasattr(sqlalchemy.engine.row, "LegacyRow"):
        vars(sqlalchemy.engine.row)["LegacyRow"] = sqlalchemy.engine.row.Row


# The SDK makes an engine for each use and closes no connection, until a server has none left. A
# task is a process of its own, and one step of the SDK follows another: one connection serves all.
ENGINE_OPTIONS = {
    "isolation_level": "AUTOCOMMIT",
    "poolclass": StaticPool,
    "pool_reset_on_return": None,
}
_engines: dict[str, Engine] = {}


class _Database(Protocol):
    """A database of the SDK."""

    hook: DbApiHook
    sqlalchemy_engine: Engine

    def get_table_qualified_name(self, table: object) -> str:
        """Return the name of a table with its schema."""
        ...


def _restore_autocommit(databases: ModuleType) -> None:
    """The SDK never commits: SQLAlchemy 1 did it by itself, SQLAlchemy 2 rolls back silently."""

    def connection(database: _Database) -> Connection:
        # SQLite's database makes an engine of its own.
        engine = database.sqlalchemy_engine
        return engine.execution_options(isolation_level="AUTOCOMMIT").connect()

    def sqlalchemy_engine(database: _Database) -> Engine:
        uri = database.hook.get_uri()
        if uri not in _engines:
            _engines[uri] = database.hook.get_sqlalchemy_engine(ENGINE_OPTIONS)
        return _engines[uri]

    if not sqlalchemy.__version__.startswith("1."):
        databases.BaseDatabase.connection = property(connection)
        # With databases that load by COPY, the table is made over the engine itself.
        engine = cached_property(sqlalchemy_engine)
        engine.__set_name__(databases.BaseDatabase, sqlalchemy_engine.__name__)
        databases.BaseDatabase.sqlalchemy_engine = engine


def _place_sqlite(database: ModuleType) -> None:
    """The SDK takes any host of an SQLite connection for a file in the working directory.

    It also asks once a process what kind of database a connection leads to.
    """

    def sqlalchemy_engine(_database: _Database) -> Engine:
        file = mart_file(mart_connection())
        if file is None:
            raise SettingsError(
                f"the Airflow connection {CONNECTION!r} was an SQLite file when this process "
                "started, and no longer is; restart the process"
            )
        return create_engine(f"sqlite:///{file}")

    engine = cached_property(sqlalchemy_engine)
    engine.__set_name__(database.SqliteDatabase, sqlalchemy_engine.__name__)
    database.SqliteDatabase.sqlalchemy_engine = engine


def _load_row_by_row(databases: ModuleType) -> None:
    """The SDK writes a frame in one statement with a parameter a cell.

    SQLAlchemy 2 compiles each of them anew, and SQLite takes no more than 32,766.
    """

    def load(
        database: _Database,
        source_dataframe: pd.DataFrame,
        target_table: object,
        if_exists: Literal["replace", "append"] = "replace",
        chunk_size: int = 10_000,
    ) -> None:
        with database.sqlalchemy_engine.begin() as connection:
            source_dataframe.to_sql(
                database.get_table_qualified_name(target_table),
                con=connection,
                if_exists=if_exists,
                chunksize=chunk_size,
                index=False,
            )

    databases.BaseDatabase.load_pandas_dataframe_to_table = load


_restore_pickling_option()
_name_schema()
_restore_dbapi_module()
_restore_legacy_row()
# Two dozen lines in every task log about imports that only the SDK could change.
warnings.filterwarnings("ignore", category=FutureWarning, module=r"astro\.")
aql = import_module("astro.sql")
File = import_module("astro.files").File
Table = import_module("astro.table").Table
create_database = import_module("astro.databases").create_database
_restore_autocommit(import_module("astro.databases.base"))
_place_sqlite(import_module("astro.databases.sqlite"))
_load_row_by_row(import_module("astro.databases.base"))


class _NoXCom:
    """Takes what the SDK pushes for OpenLineage, which is off: a request per value saved."""

    def xcom_push(self, key: str, value: object) -> None:
        """Drop the value."""


def run(step: PlainXComArg) -> object:
    """Execute a step of the SDK here and now, inside the running task.

    Args:
        step: What an `aql` function returned, such as `aql.transform_file(...)`.

    Returns:
        What the operator returns: its output table or file.
    """
    operator = cast(BaseOperator, step.operator)
    # Airflow warns of operators executed by anything but its task runner, and marks them so.
    token = ExecutorSafeguard.tracker.set(operator)
    try:
        return operator.execute(cast(Context, {"ti": _NoXCom()}))
    finally:
        ExecutorSafeguard.tracker.reset(token)
