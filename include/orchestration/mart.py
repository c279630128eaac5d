"""The reporting mart: every step is an operator of the Astro SDK, run inside a task.

Import this module inside tasks only (see astro_sdk.py). No annotations are postponed here:
the SDK compares them with the class to know which argument takes a table as a frame.
"""

import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pandas as pd
from airflow.sdk import Connection
from sqlalchemy import BigInteger, Column, Double, Text, inspect
from upath import UPath

from include.marketdata.exports import (
    COLUMNS,
    COUNTS,
    minute_text,
    text_frame,
    typed_frame,
    write_whole,
)
from include.marketdata.prices import Flag, MinutePrice
from include.marketdata.windows import Window
from include.orchestration.astro_sdk import File, Table, aql, create_database, run

CONNECTION = "mart"
SQL = Path(__file__).resolve().parents[1] / "sql" / "mart"
OVERLAP = timedelta(minutes=10)
FIRST_LOOK_BACK = timedelta(days=7)
# SQLite takes 32,766 values in one statement, and the SDK writes a frame in one.
ROWS_AT_ONCE = 32_766 // len(COLUMNS)

SUMMARY: dict[str, type[Text | Double[float] | BigInteger]] = {
    **dict.fromkeys(("open", "high", "low", "close", "known_at"), Text),
    **dict.fromkeys(("vwap", "volume", "quote_volume", "coverage"), Double),
    **dict.fromkeys(("valued_minutes", "expected_minutes"), BigInteger),
    **{f"{flag.lower()}_minutes": BigInteger for flag in Flag},
}
# By time first: a report, a file and an hour are spans of time over all symbols.
KEYS: dict[str, tuple[str, ...]] = {
    "minute": ("minute", "symbol"),
    "hourly_summary": ("hour", "symbol"),
    "daily_summary": ("day", "symbol"),
}
# The tables that are kept, in the order in which each is made from the one before.
KEPT: dict[str, dict[str, type[Text | Double[float] | BigInteger]]] = {
    "minute": {
        name: BigInteger if name in COUNTS else Text
        for name in COLUMNS
        if name not in KEYS["minute"]
    },
    "hourly_summary": SUMMARY,
    "daily_summary": SUMMARY,
}


def watermark() -> datetime:
    """Return since when changed minutes are to be read: behind the last wholly finished run."""
    database = create_database(CONNECTION)
    table = database.populate_table_metadata(_table("watermark"))
    rows = database.fetch_all_rows(table) if database.table_exists(table) else []
    if not rows or rows[0][0] is None:
        return datetime.now(UTC) - FIRST_LOOK_BACK
    # A worker's clock that once ran ahead must not hide what is published until then.
    return min(datetime.fromisoformat(rows[0][0]), datetime.now(UTC)) - OVERLAP


def create_tables() -> None:
    """Create what is not there yet: the tables that are kept, and an SQLite file's folder."""
    connection = Connection.get(CONNECTION)
    if connection.conn_type == "sqlite" and connection.host:
        Path(connection.host).parent.mkdir(parents=True, exist_ok=True)
    database = create_database(CONNECTION)
    for name, columns in KEPT.items():
        keys = [Column(key, Text, primary_key=True) for key in KEYS[name]]
        others = [Column(other, kind) for other, kind in columns.items()]
        table = _table(name, [*keys, *others])
        database.create_table_using_columns(database.populate_table_metadata(table))
        _add_columns(database, table, others)


def refresh(prices: Sequence[MinutePrice]) -> list[str]:
    """Bring minutes into the mart, and add up the hours and days that they touch.

    Args:
        prices: The latest revision of minutes, in any order; doing it again changes nothing.

    Returns:
        The UTC days touched, YYYY-MM-DD, ascending.
    """
    ordered = sorted(prices, key=lambda price: price.average.minute)
    for start in range(0, len(ordered), ROWS_AT_ONCE):
        staged = _stage(text_frame(ordered[start : start + ROWS_AT_ONCE]))
        for name in KEPT:
            _merge(name, staged)
    return sorted({f"{price.average.minute:%Y-%m-%d}" for price in ordered})


def export_days(days: Iterable[str], folder: UPath) -> list[str]:
    """Write the minutes of each UTC day as CSV (exact text) and Parquet (decimals, UTC times).

    Args:
        days: YYYY-MM-DD.
        folder: Where the files YYYY-MM-DD.csv and .parquet go; each appears whole or not at all.

    Returns:
        The files written.
    """
    written = []
    for day in days:
        start = datetime.fromisoformat(day).replace(tzinfo=UTC)
        frame = minutes_in(Window(start, start + timedelta(days=1)))
        for name, content in ((f"{day}.csv", frame), (f"{day}.parquet", typed_frame(frame))):
            write_whole(folder / name, _exported(name, content))
            written.append(str(folder / name))
    return written


def minutes_in(window: Window) -> pd.DataFrame:
    """Return the mart's minutes in a window as text, by symbol and then minute."""
    bounds = {"start": minute_text(window.start), "end": minute_text(window.end)}
    table = _transform("minute_in_window", "minute_in_window", minute=_table("minute"), **bounds)
    return cast(pd.DataFrame, run(aql.dataframe(_in_order)(table)))


def advance_watermark() -> None:
    """Record that all the mart holds is summed up, exported and reported: a run's last step."""
    _transform("watermark", "watermark", daily_summary=_table("daily_summary"))


def _table(name: str, columns: Sequence[object] = ()) -> object:
    return Table(name=name, conn_id=CONNECTION, columns=list(columns))


def _add_columns(database: Any, table: Any, columns: Sequence[Column[Any]]) -> None:  # noqa: ANN401 - the SDK's
    """Add the columns that a mart of an older version lacks; its older rows have nulls there."""
    held = {each["name"] for each in inspect(database.sqlalchemy_engine).get_columns(table.name)}
    name = database.get_table_qualified_name(table)
    for column in columns:
        if column.name not in held:
            kind = column.type.compile(database.sqlalchemy_engine.dialect)
            database.run_sql(f"ALTER TABLE {name} ADD COLUMN {column.name} {kind}")


def _transform(name: str, output: str, **parameters: object) -> object:
    step = aql.transform_file(
        str(SQL / f"{name}.sql"),
        conn_id=CONNECTION,
        parameters=parameters,
        op_kwargs={"output_table": _table(output)},
    )
    return run(step)


def _stage(frame: pd.DataFrame) -> object:
    def staged_minute() -> pd.DataFrame:
        return frame

    return run(aql.dataframe(staged_minute)(output_table=_table("staged_minute")))


def _merge(name: str, staged: object) -> None:
    tables = {kept: _table(kept) for kept in KEPT}
    step = aql.merge(
        target_table=tables[name],
        source_table=_transform(name, f"new_{name}", staged_minute=staged, **tables),
        columns=[*KEYS[name], *KEPT[name]],
        target_conflict_columns=list(KEYS[name]),
        if_conflicts="update",
    )
    run(step)


def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
    # A count that is null somewhere comes out of the database as a float.
    counted = frame.astype(dict.fromkeys(COUNTS, "Int64"))
    return counted.sort_values(["symbol", "minute"], ignore_index=True)


def _exported(name: str, frame: pd.DataFrame) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        run(aql.export_to_file(input_data=frame, output_file=File(path=str(path))))
        return path.read_bytes()
