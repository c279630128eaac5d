"""Creation of the mart's tables in the database that the connection `mart` leads to.

Import this module inside tasks only (see astro_sdk.py).
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Text, inspect

from include.mart.astro_sdk import Table, create_database
from include.mart.connection import mart_connection
from include.mart.failures import CONNECTION, mart_unavailable
from include.mart.place import mart_file
from include.mart.tables import KEPT_TABLES, KEYS


def mart_table(name: str, columns: Sequence[object] = ()) -> Any:  # noqa: ANN401 - the SDK's
    """Return a table of the mart as the SDK knows it.

    Args:
        name: That of a kept or a temporary table.
        columns: Those to create it with, if it is to be created.
    """
    table = Table(name=name, conn_id=CONNECTION, columns=list(columns))
    return create_database(CONNECTION).populate_table_metadata(table)


def create_tables() -> None:
    """Create what is missing: the kept tables, their schema, or an SQLite file's folder.

    Raises:
        RetryableError: The folder cannot be made.
        SettingsError: The connection names an SQLite file without a valid path.
    """
    file = mart_file(mart_connection())
    if file:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise mart_unavailable(error) from error
    database = create_database(CONNECTION)
    database.create_schema_if_applicable(database.default_metadata.schema)
    schema = mart_table("minute").metadata.schema
    # One query for all tables: this runs every minute.
    held = inspect(database.sqlalchemy_engine).get_multi_columns(
        schema=schema, filter_names=[*KEPT_TABLES]
    )
    for name, kinds in KEPT_TABLES.items():
        keys = [
            Column(key, BigInteger if key == "revision" else Text, primary_key=True)
            for key in KEYS[name]
        ]
        columns = [*keys, *(Column(other, kind) for other, kind in kinds.items())]
        if (schema, name) in held:
            _add_columns(database, name, columns, {each["name"] for each in held[schema, name]})
        else:
            database.create_table_using_columns(mart_table(name, columns))


def _add_columns(
    database: Any,  # noqa: ANN401 - the SDK's
    table: str,
    columns: Sequence[Column[Any]],
    held: Collection[str],
) -> None:
    """Add the columns that a mart of an older version lacks; its older rows have nulls there."""
    name = database.get_table_qualified_name(mart_table(table))
    for column in columns:
        if column.name not in held:
            kind = column.type.compile(database.sqlalchemy_engine.dialect)
            database.run_sql(f"ALTER TABLE {name} ADD COLUMN {column.name} {kind}")
