"""The head of a result's page: what it is about, and where to look further."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from include.gx.docs_index import template
from include.gx.summaries import SEVERAL, ResultSummary, verdict_of, window_of
from include.records.windows import MINUTE, Window

# From the folder of a suite's pages to that of all pages, and to where Airflow is served from.
TO_DOCS, TO_AIRFLOW = "../../", "../../../../"
# Only its runs have a page of batches (include/web/static/run.js).
WITH_BATCHES = "ingest_prices"
MINUTES_SHOWN = 7 * 24 * 60
TIME = "%Y-%m-%d %H:%M"


def result_head(summary: ResultSummary) -> str:
    """Return the head of a result's page as HTML."""
    window = window_of(summary)
    named = [symbol for symbol in summary.symbols if symbol != SEVERAL]
    run = {"dag_id": summary.dag_id, "run_id": summary.run_id}
    day = summary.checked_at[:10]
    return template("head.html.j2").render(
        up=TO_AIRFLOW,
        suite=summary.suite,
        symbols=[*named] or ["all symbols"],
        verdict=verdict_of(summary),
        unmet=[*summary.failed, *summary.warnings],
        start=f"{window.start:{TIME}}",
        end=f"{window.end:{TIME}}",
        first=_shown(summary.first),
        last=_shown(summary.last),
        fetched_count=max(summary.fetched_count, summary.row_count),
        row_count=summary.row_count,
        bad_row_count=summary.bad_row_count,
        checked_at=summary.checked_at[:19].replace("T", " "),
        on_prices=[
            {
                "label": symbol or "the window",
                "address": f"{TO_AIRFLOW}prices/?{_on_prices(symbol, window)}",
            }
            for symbol in named or [""]
        ],
        batches=urlencode(run) if summary.dag_id == WITH_BATCHES else "",
        run=f"dags/{quote(summary.dag_id, safe='')}/runs/{quote(summary.run_id, safe='')}"
        if summary.run_id
        else "",
        **run,
        day=day,
        day_pages=[
            {"label": f"{symbol} on {day}", "address": f"{TO_DOCS}days/{day}/{quote(symbol)}.html"}
            for symbol in summary.symbols
        ],
    )


def _on_prices(symbol: str, window: Window) -> str:
    """Return the query of the page Prices for a window: its only minute picked, if it has one."""
    if window.minute_count == 1:
        shown = {"minute": f"{window.start:%Y-%m-%dT%H:%MZ}"}
    else:
        start = max(window.start, window.end - MINUTES_SHOWN * MINUTE)
        shown = {"from": f"{start:%Y-%m-%dT%H:%MZ}", "to": f"{window.end:%Y-%m-%dT%H:%MZ}"}
    return urlencode(({"symbol": symbol} if symbol else {}) | shown, safe=":")


def _shown(moment: str) -> str:
    """Return a time of a row as people write it."""
    return moment.replace("T", " ").removesuffix("Z").removesuffix("+00:00")
