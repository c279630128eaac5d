"""The results that Data Docs keep, as their index has them: read without Great Expectations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from upath import UPath

from include.records.windows import MINUTE, Window

# Whose minutes a result of several symbols at once covers.
SEVERAL = "all"
# Of a window in the names of results; its ends are joined by a minus.
WINDOW_TIME = "%Y%m%dT%H%M"
# Batches that are judged together were fetched within this time of one another.
TOGETHER = MINUTE


@dataclass(frozen=True)
class ResultSummary:
    """A result's entry in the index, which is built without reading the results.

    Attributes:
        key: Of the result in its store: suite, run, time and batch.
        suite: Its name.
        symbols: Whose verdict it is; "all" for minutes of several symbols.
        name: Symbols and window.
        checked_at: ISO 8601, UTC.
        row_count: Rows that the verdict is about.
        bad_row_count: Rows that fail at least one expectation.
        failed: Expectations not met, apart from warnings.
        warnings: Expectations not met that only warn.
        fetched_count: Rows of the whole table, also of symbols that are judged again alone; 0
            where it was not noted.
        first: Time of the first row, ISO 8601, UTC; empty where it was not noted or not readable.
        last: Time of the last row.
        dag_id: Of the Airflow run that judged it; empty where none did, or it was not noted.
        run_id: Of the same run.
    """

    key: tuple[str, ...]
    suite: str
    symbols: tuple[str, ...]
    name: str
    checked_at: str
    row_count: int
    bad_row_count: int
    failed: tuple[str, ...]
    warnings: tuple[str, ...]
    fetched_count: int = 0
    first: str = ""
    last: str = ""
    dag_id: str = ""
    run_id: str = ""


def window_name(window: Window) -> str:
    """Format a window as in the names of results."""
    return f"{window.start:{WINDOW_TIME}}-{window.end:{WINDOW_TIME}}"


def window_of(summary: ResultSummary) -> Window:
    """Return the window that a result covers."""
    *_, start, end = summary.name.split("-")
    read = [datetime.strptime(each, WINDOW_TIME).replace(tzinfo=UTC) for each in (start, end)]
    return Window(*read)


def page_of(summary: ResultSummary) -> str:
    """Return the path of a result's page in docs/."""
    suite, run, time, _ = summary.key
    return f"results/{suite}/{run}~{time}.html"


def verdict_of(summary: ResultSummary) -> str:
    """Return a result's verdict: failed, warned or passed."""
    return "failed" if summary.failed else "warned" if summary.warnings else "passed"


def read_summary(content: dict[str, Any]) -> ResultSummary:
    """Read a summary from its JSON, also one of before a result covered several symbols."""
    fields = {"symbols": [content["symbol"]], **content} if "symbol" in content else {**content}
    fields.pop("symbol", None)
    lists = {name: tuple(fields[name]) for name in ("key", "symbols", "failed", "warnings")}
    return ResultSummary(**{**fields, **lists})


@dataclass(frozen=True)
class Judged:
    """What a result is looked for about.

    Attributes:
        suite: Its name.
        symbol: The symbol requested.
        window: Of the batch, or the minute.
        at: When it was fetched, or computed; aware UTC.
    """

    suite: str
    symbol: str
    window: Window
    at: datetime


def find_result(results_url: str, judged: Judged) -> ResultSummary | None:
    """Find the result on a batch, or on a minute's average; None where none is kept or built yet.

    Args:
        results_url: Folder of the results.
        judged: What it is about.

    Raises:
        OSError: The folder cannot be read.
    """
    found = [
        (checked_at, each)
        for each in _of_days(UPath(results_url), {judged.at.date(), (judged.at + TOGETHER).date()})
        if each.suite == judged.suite
        and {judged.symbol, SEVERAL} & {*each.symbols}
        and judged.at <= (checked_at := datetime.fromisoformat(each.checked_at))
        and checked_at - judged.at <= TOGETHER
        and _covers(window_of(each), judged.window)
    ]
    # The first one is its own; a later one is on rows that were fetched again.
    return min(found, key=lambda one: one[0])[1] if found else None


def _of_days(root: UPath, days: set[date]) -> Iterator[ResultSummary]:
    for day in sorted(days):
        try:
            text = (root / "index" / f"{day}.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            continue
        yield from map(read_summary, json.loads(text)["kept"])


def _covers(outer: Window, inner: Window) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end
