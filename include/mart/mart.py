"""The reporting mart: every step is an operator of the Astro SDK, run inside a task.

Import this module inside tasks only (see astro_sdk.py). No annotations are postponed here:
the SDK compares them with the class to know which argument takes a table as a frame.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pandas as pd

from include.mart.astro_sdk import aql, create_database, run
from include.mart.creation import mart_table
from include.mart.failures import CONNECTION
from include.mart.tables import KEPT_TABLES, KEYS, SUMMARIES, TOUCHED
from include.method.delays import LATE_MS
from include.method.returns import correlations, log_returns
from include.records.prices import MinutePrice
from include.records.revisions import Restatement
from include.records.windows import DAY, MINUTE, Window
from include.reports.text_rows import COUNTS, NO_SOURCES, known_text, minute_text, text_frame

SQL = Path(__file__).resolve().parents[1] / "sql" / "mart"
OVERLAP = timedelta(minutes=10)
# Some dozen megabytes as text.
ROWS_AT_ONCE = 50_000


def watermark(first_look_back: timedelta) -> datetime:
    """Return since when to read changed minutes: the last finished run's mark, less an overlap.

    Args:
        first_look_back: How far back a new mart begins.
    """
    known_at = _written_until()
    if known_at is None:
        return datetime.now(UTC) - first_look_back
    # A worker's clock that once ran ahead must not hide what is published until then.
    return min(datetime.fromisoformat(known_at), datetime.now(UTC)) - OVERLAP


def news_among(revisions: Sequence[MinutePrice]) -> list[MinutePrice]:
    """Return the revisions of the minutes that the mart, or its files and reports, do not have.

    A minute is news that is known later than the last finished run has written, or of which the
    mart lacks the latest revision: that became visible late. For these the watermark steps back,
    so that they are news to the next run if this one does not finish.

    Args:
        revisions: Every revision of some minutes.
    """
    written = _written_until()
    if written is None or not revisions:
        return [*revisions]
    minutes = [price.average.minute for price in revisions]
    held = _in_window("revision", Window(min(minutes), max(minutes) + MINUTE))
    held_revision: dict[tuple[str, str], int] = {
        (row["symbol"], row["minute"]): row["revision"] for row in held.to_dict("records")
    }
    fresh: set[tuple[str, datetime]] = set()
    late: dict[tuple[str, datetime], datetime] = {}
    for price in revisions:
        symbol, minute = price.average.symbol, price.average.minute
        if known_text(price.known_at) > written:
            fresh.add((symbol, minute))
        elif held_revision.get((symbol, minute_text(minute)), 0) < price.revision:
            late[symbol, minute] = price.known_at
    if late:
        before = known_text(min(late.values()) - MINUTE)
        _transform("watermark", "watermark", known_at=before)
    return [
        price
        for price in revisions
        if (price.average.symbol, price.average.minute) in fresh | late.keys()
    ]


def refresh(
    revisions: Sequence[MinutePrice], sources: Mapping[tuple[str, datetime], str] = NO_SOURCES
) -> list[str]:
    """Load minutes into the mart, and recompute what is derived from them.

    Args:
        revisions: Every revision of some minutes, in any order; loading them again changes nothing.
        sources: By symbol and minute, where the value comes from.

    Returns:
        The UTC hours touched, YYYY-MM-DDTHH, ascending: those of the minutes, and those that
        begin right after one, because their first return starts there.
    """
    frame = text_frame(revisions, sources)
    if frame.empty:
        return []
    passed = _passed_hours(frame["minute"].max())
    for start in range(0, len(frame), ROWS_AT_ONCE):
        staged = _stage("staged_minute", frame[start : start + ROWS_AT_ONCE])
        changes = _transform(
            "minute", "new_minute", staged_minute=staged, minute=mart_table("minute")
        )
        _merge("minute", changes)
    touched = _touched_hours(revisions)
    hours = _stage("touched_hour", _hours_frame(touched | passed))
    for name in SUMMARIES:
        tables = {kept: mart_table(kept) for kept in ("minute", "hourly_summary")}
        late = {"late_ms": LATE_MS} if name == "publish_delay" else {}
        _merge(name, _transform(name, f"new_{name}", touched_hour=hours, **tables, **late))
    for day in sorted({f"{hour:%Y-%m-%d}" for _, hour in touched}):
        _correlate(day)
    return sorted({f"{hour:%Y-%m-%dT%H}" for _, hour in touched})


def take_restatements(restatements: Sequence[Restatement]) -> None:
    """Load entries of the ledger into the mart; the same entry again is the same row."""
    if restatements:
        rows = [
            (
                minute_text(each.minute),
                each.symbol,
                each.revision,
                known_text(each.known_at),
                *(
                    None if value is None else format(value, "f")
                    for value in (each.vwap_before, each.vwap_after, each.difference_ratio)
                ),
                int(each.is_alarming),
            )
            for each in restatements
        ]
        columns = [*KEYS["restatement"], *KEPT_TABLES["restatement"]]
        frame = pd.DataFrame(rows, columns=columns)
        _merge("restatement", _stage("new_restatement", frame))


def minutes_in(window: Window) -> pd.DataFrame:
    """Return the mart's minutes in a window as text, by symbol and then minute."""
    frame = _in_window("minute", window)
    # A count that is null somewhere comes out of the database as a float.
    counted = frame.astype(dict.fromkeys(COUNTS, "Int64"))
    # Some databases store an empty text as null.
    counted["soft_flags"] = counted["soft_flags"].fillna("")
    return counted.sort_values(["symbol", "minute"], ignore_index=True)


def restatements_in(window: Window) -> pd.DataFrame:
    """Return the ledger's entries on minutes in a window, the latest first."""
    frame = _in_window("restatement", window)
    return frame.sort_values(["known_at", "minute", "symbol"], ascending=False, ignore_index=True)


def newest() -> str | None:
    """Return when the newest revision in the mart was published; None for an empty mart."""
    found = _found("newest", daily_summary=mart_table("daily_summary"))
    known_at: str | None = found["known_at"][0]
    return known_at


def advance_watermark(known_at: str) -> None:
    """Record that what was published until then is in files and reports: a run's last step.

    Args:
        known_at: What `newest` returned when the mart loaded what these show. This never moves
            the watermark back, nor past what a later run has loaded and not yet written.
    """
    until = max(known_at, _written_until() or known_at)
    _transform("watermark", "watermark", known_at=until)


def _written_until() -> str | None:
    database = create_database(CONNECTION)
    table = mart_table("watermark")
    rows = database.fetch_all_rows(table) if database.table_exists(table) else []
    return rows[0][0] if rows else None


def _transform(name: str, output: str, **parameters: object) -> object:
    step = aql.transform_file(
        str(SQL / f"{name}.sql"),
        conn_id=CONNECTION,
        parameters=parameters,
        op_kwargs={"output_table": mart_table(output)},
    )
    return run(step)


def _stage(name: str, frame: pd.DataFrame) -> object:
    def staged() -> pd.DataFrame:
        return frame

    return run(aql.dataframe(staged)(output_table=mart_table(name)))


def _merge(name: str, changes: object) -> None:
    step = aql.merge(
        target_table=mart_table(name),
        source_table=changes,
        columns=[*KEYS[name], *KEPT_TABLES[name]],
        target_conflict_columns=list(KEYS[name]),
        if_conflicts="update",
    )
    run(step)


def _in_window(name: str, window: Window) -> pd.DataFrame:
    """Return what one of the queries *_in_window.sql finds."""
    bounds = {"start": minute_text(window.start), "end": minute_text(window.end)}
    table = "restatement" if name == "restatement" else "minute"
    return _found(f"{name}_in_window", **{table: mart_table(table)}, **bounds)


def _found(name: str, **parameters: object) -> pd.DataFrame:
    def found(frame: pd.DataFrame) -> pd.DataFrame:
        return frame

    return cast(pd.DataFrame, run(aql.dataframe(found)(_transform(name, name, **parameters))))


def _touched_hours(revisions: Sequence[MinutePrice]) -> set[tuple[str, datetime]]:
    """Return symbol and hour of minutes, and the hours that begin right after one."""
    return {
        (price.average.symbol, moment.replace(minute=0, second=0, microsecond=0))
        for price in revisions
        # The first return of an hour starts at the last minute of the one before.
        for moment in (price.average.minute, price.average.minute + MINUTE)
    }


def _passed_hours(last_minute: str) -> set[tuple[str, datetime]]:
    """Return symbol and hour of which more minutes are expected once the mart has a minute.

    They are every symbol's last hour of the mart so far, also where the symbol itself has no news,
    and its hour of that minute.
    """
    held = _found("last_hour", hourly_quality=mart_table("hourly_quality"))
    hours = {held["hour"].max(), last_minute[:13]} if len(held) else set()
    return {
        (symbol, datetime.fromisoformat(f"{hour}:00").replace(tzinfo=UTC))
        for hour in hours
        if last_minute[:13] >= held["hour"].max()
        for symbol in held["symbol"]
    }


def _hours_frame(hours: set[tuple[str, datetime]]) -> pd.DataFrame:
    """Return symbol, hour, its day, and the minute before it."""
    rows = [
        (symbol, f"{hour:%Y-%m-%dT%H}", f"{hour:%Y-%m-%d}", minute_text(hour - MINUTE))
        for symbol, hour in sorted(hours)
    ]
    return pd.DataFrame(rows, columns=list(TOUCHED))


def _correlate(day: str) -> None:
    """Recompute a day's correlations of all symbols in the mart."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    found = _in_window("vwap", Window(start - MINUTE, start + DAY))
    pairs = correlations(log_returns(found)) if len(found) else pd.DataFrame()
    if len(pairs):
        _merge("return_correlation", _stage("new_return_correlation", pairs.assign(day=day)))
