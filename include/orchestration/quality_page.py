"""Data quality in Airflow's UI: a day in numbers, the rows in quarantine, and Data Docs.

Every path asks for Airflow's login. Nothing on the pages comes from another host.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from pathlib import Path, PurePosixPath

from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape
from upath import UPath

from include.marketdata.errors import MarketDataError
from include.marketdata.quality_days import quality_day
from include.orchestration.connections import open_store, storage_url, symbols

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
SHOWN_ROWS = 200
DAYS_BACK = 90
# What the pages need: their own files, and the scripts and styles that GX writes into them.
CONTENT_SECURITY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'self'"
)

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(get_user)])
pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape(default=True)
)


@app.middleware("http")
async def keep_to_this_host(
    request: Request, answer: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Let no page load anything from elsewhere, or be kept in a shared cache."""
    response = await answer(request)
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@app.get("/", response_class=HTMLResponse)
def show_day(day: str = "") -> Response:
    """Show a UTC day's batches and quarantined rows, today's by default."""
    today = datetime.now(UTC).date()
    try:
        shown = date.fromisoformat(day) if day else today
    except ValueError:
        return _problem(f"{day[:40]!r} is no day; write it as {today.isoformat()}")
    if not today - timedelta(days=DAYS_BACK) <= shown <= today:
        return _problem(f"{shown} is not one of the last {DAYS_BACK} days")
    try:
        store = open_store()
        days = [quality_day(store, symbol, shown) for symbol in symbols()]
    except MarketDataError as error:
        return _problem(str(error), HTTPStatus.SERVICE_UNAVAILABLE)
    rows = sorted(
        (row for each in days for row in each.rows), key=lambda row: row.detected_at, reverse=True
    )
    return _page(
        days=days,
        rows=rows[:SHOWN_ROWS],
        row_count=len(rows),
        day=shown,
        before=shown - timedelta(days=1),
        after=shown + timedelta(days=1) if shown < today else None,
        today=today,
    )


@app.get("/docs/{path:path}")
def show_data_docs(path: str) -> Response:
    """Return a file of Data Docs."""
    parts = PurePosixPath(path).parts
    kind = TYPES.get(PurePosixPath(path).suffix)
    if kind is None or ".." in parts or path.startswith("/"):
        return _problem("there is no such page", HTTPStatus.NOT_FOUND)
    try:
        file = UPath(storage_url()).joinpath("gx", "docs", *parts)
        return Response(file.read_bytes(), media_type=f"{kind}; charset=utf-8")
    except FileNotFoundError:
        return _problem(
            "there is no such page: Data Docs are built by the DAG report_prices, a moment after "
            "the first minute, and keep a page for some days",
            HTTPStatus.NOT_FOUND,
        )
    except (MarketDataError, OSError) as error:
        return _problem(str(error), HTTPStatus.SERVICE_UNAVAILABLE)


def _page(status: HTTPStatus = HTTPStatus.OK, **content: object) -> HTMLResponse:
    page = pages.get_template("quality.html.j2").render(problem="", **content)
    return HTMLResponse(page, status)


def _problem(message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> HTMLResponse:
    page = pages.get_template("quality.html.j2").render(problem=message, days=[])
    return HTMLResponse(page, status)
