"""Data quality in Airflow's UI: a day in numbers, the rows in quarantine, and Data Docs.

Every path requires Airflow's login. Nothing on the pages comes from another host.
"""

from datetime import date, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import FastAPI, Query, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup
from upath import UPath

from include.gx.summaries import Judged, find_result, page_of
from include.orchestration.connections import open_store, storage_url, symbols
from include.orchestration.context import now
from include.orchestration.failures import describe_failures
from include.reading.quality_days import quality_day
from include.reading.sources import strip_of
from include.records.batches import BATCH_LOG_DAYS
from include.records.errors import MarketDataError, RetryableError
from include.records.isolation import run_each
from include.records.palette import style_sheet
from include.records.shown_text import shown_text
from include.records.vocabulary import words_of
from include.records.windows import DAY, Window, floor_minute, from_ms
from include.web.access import guarded
from include.web.parameters import parse_moment, parse_symbol
from include.web.responses import ProblemError, add_security_headers, file_below

DOCS = (".html", ".css", ".js")
FIRST_PAGE = "index.html"
SHOWN_ROWS = 200
QUOTED = 40
# Folders that a page leads back from: there are three at most, but an address can be long.
DEEPEST = 20

# Its own style is in the page.
CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=guarded())
add_security_headers(app, CONTENT_SECURITY)
pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape(default=True)
)
# In the page, as its errors are shown at addresses of any depth.
STYLES = (Path(__file__).parent / "static" / "pages.css").read_text("utf-8")
pages.globals["styles"] = Markup(  # noqa: S704 - ours
    style_sheet() + STYLES.removeprefix('@import url("palette.css");\n')
)


def open_time_text(text: str) -> str:
    """Format a kline's open time for people; a refused row may have anything there."""
    try:
        moment = from_ms(int(text))
    except (ValueError, OverflowError):
        return text
    return f"{moment:%Y-%m-%d %H:%M:%S}"


pages.globals["open_time_text"] = open_time_text
pages.globals["words_of"] = words_of


@app.get("/", response_class=HTMLResponse)
def show_day(day: str = "") -> Response:
    """Show a UTC day's batches and quarantined rows, today's by default."""
    today = now().date()
    try:
        shown = date.fromisoformat(day) if day else today
    except ValueError:
        return _problem(f"{day[:40]!r} is not a date; write it like {today.isoformat()}")
    if not today - timedelta(days=BATCH_LOG_DAYS) <= shown <= today:
        return _problem(f"{shown} is not one of the last {BATCH_LOG_DAYS} days")
    try:
        store = open_store()
        names = symbols()
        strip = strip_of(store, names, now())
        read = run_each(
            names, lambda symbol: quality_day(store, symbol, shown), stop_on=RetryableError
        )
    except MarketDataError as error:
        return _problem(str(error), HTTPStatus.SERVICE_UNAVAILABLE)
    days = [*read.done.values()]
    rows = sorted(
        (row for each in days for row in each.rows), key=lambda row: row.detected_at, reverse=True
    )
    return _page(
        strip=strip,
        unread=describe_failures(read.failed),
        days=days,
        # A day of which only the quarantine is left has run, too.
        ran=any(each.batch_count or each.rows for each in days),
        rows=rows[:SHOWN_ROWS],
        row_count=len(rows),
        day=shown,
        before=shown - DAY,
        after=shown + DAY if shown < today else None,
        today=today,
    )


@app.get("/docs/{path:path}")
def show_data_docs(path: str) -> Response:
    """Return a file of Data Docs; of an unknown address, a page that leads back."""
    up = "../" * (1 + min(path.count("/"), DEEPEST))
    try:
        return file_below(UPath(storage_url()) / "gx" / "docs", path or FIRST_PAGE, DOCS)
    except FileNotFoundError:
        return _problem(
            "there is no such page: the DAG report_prices builds Data Docs a moment after a check, "
            "under the day of the check, and keeps it for as many days as the Variable "
            "data_docs_days says",
            HTTPStatus.NOT_FOUND,
            up,
        )
    except (MarketDataError, OSError) as error:
        return _problem(str(error), HTTPStatus.SERVICE_UNAVAILABLE, up)


@app.get("/result")
def show_result(
    suite: str = "",
    symbol: str = "",
    at: str = "",
    start: Annotated[str, Query(alias="from")] = "",
    end: Annotated[str, Query(alias="to")] = "",
) -> Response:
    """Lead to the result of a suite on one batch, or on a minute's average.

    Args:
        suite: Its name.
        symbol: The symbol requested.
        at: When the batch was fetched, or the average computed; ISO 8601 with a zone.
        start: Of the batch's window, or the minute.
        end: Exclusive.
    """
    try:
        first, last = parse_moment("from", start), parse_moment("to", end)
        judged = Judged(
            suite,
            parse_symbol(symbol),
            Window(floor_minute(first), floor_minute(max(first, last))),
            min(parse_moment("at", at), now()),
        )
        result = find_result(f"{storage_url()}/gx", judged)
    except ProblemError as error:
        return _problem(str(error), error.status)
    except (MarketDataError, OSError) as error:
        return _problem(str(error), HTTPStatus.SERVICE_UNAVAILABLE)
    if result is None:
        return _problem(
            f"there is no result of {suite[:QUOTED]} on {judged.symbol}, "
            f"{judged.window.start:%Y-%m-%d %H:%M} to {judged.window.end:%H:%M} UTC, checked at "
            f"{judged.at:%Y-%m-%d %H:%M:%S}: the DAG report_prices builds its page a moment after "
            "the check, and keeps the newest for as many days as the Variable data_docs_days says",
            HTTPStatus.NOT_FOUND,
        )
    return RedirectResponse(f"docs/{quote(page_of(result))}", HTTPStatus.FOUND)


def _page(status: HTTPStatus = HTTPStatus.OK, **content: object) -> HTMLResponse:
    page = pages.get_template("quality.html.j2").render(problem="", **content)
    return HTMLResponse(page, status)


def _problem(
    message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST, up: str = ""
) -> HTMLResponse:
    """Return a page that says what is wrong; up leads from its address to the first page."""
    page = pages.get_template("quality.html.j2").render(problem=shown_text(message), days=[], up=up)
    return HTMLResponse(page, status)
