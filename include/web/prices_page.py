"""Prices, reports and a run's batches as pages in Airflow's UI, and the app of their JSON API.

Every path requires Airflow's login; the plugin adds one that does not (health.py), and one where a
setting decides (metrics.py). Nothing on the pages comes from another host.
"""

from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from upath import UPath

from include.orchestration.connections import storage_url
from include.records.palette import style_sheet
from include.records.vocabulary import script
from include.storage.object_stores import as_os_error
from include.web.access import guarded
from include.web.prices_api import router
from include.web.responses import (
    REPORT_SECURITY,
    TYPES,
    ProblemError,
    add_security_headers,
    answer_errors_in_json,
    file_below,
)

STATIC = Path(__file__).parent / "static"
# The style that the chart writes for its logo (static/vendor/SOURCES.md).
CHART_LOGO = "'sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY='"
CONTENT_SECURITY = (
    f"default-src 'none'; script-src 'self'; style-src 'self' {CHART_LOGO}; connect-src 'self'; "
    "img-src 'self' data:; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'"
)
SHOWN_REPORTS = {"hourly": 7 * 24, "daily": 400}
REPORTS = (".html", ".png", ".txt")

app = FastAPI(
    title="Minute prices",
    version="1",
    description="The published averages as JSON (docs/api.md).",
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
    dependencies=guarded(),
)
add_security_headers(app, CONTENT_SECURITY)
answer_errors_in_json(app)
app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=4)
app.include_router(router)
files = StaticFiles(directory=STATIC)


@app.get("/api/reports")
def list_reports() -> Response:
    """Return the existing reports, newest first, each as its path without suffix."""
    return JSONResponse({"reports": _reports(UPath(storage_url()) / "reports")})


@app.get("/api/openapi.json", include_in_schema=False)
def show_openapi(request: Request) -> Response:
    """Return the API's OpenAPI description."""
    return JSONResponse({**app.openapi(), "servers": [{"url": request.scope["root_path"] or "/"}]})


@app.get("/report/files/{path:path}", include_in_schema=False)
def show_report_file(path: str) -> Response:
    """Return a file of a report."""
    try:
        return file_below(UPath(storage_url()) / "reports", path, REPORTS, REPORT_SECURITY)
    except FileNotFoundError as error:
        raise ProblemError("there is no such report", HTTPStatus.NOT_FOUND) from error
    except OSError as error:
        raise _unreadable(error) from error


@app.get("/", include_in_schema=False)
async def show_prices(request: Request) -> Response:
    """Return the page Prices."""
    return await files.get_response("prices.html", request.scope)


@app.get("/report/", include_in_schema=False)
async def show_reports(request: Request) -> Response:
    """Return the page Report."""
    return await files.get_response("report.html", request.scope)


@app.get("/run", include_in_schema=False)
async def show_run(request: Request) -> Response:
    """Return the page of a run's batches."""
    return await files.get_response("run.html", request.scope)


@app.get("/glossary", include_in_schema=False)
async def show_glossary(request: Request) -> Response:
    """Return the page of the words that all pages use."""
    return await files.get_response("glossary.html", request.scope)


@app.get("/static/vocabulary.js", include_in_schema=False)
def show_vocabulary() -> Response:
    """Return those words as a module of the pages' scripts."""
    return Response(script(), media_type=TYPES[".js"])


@app.get("/static/palette.css", include_in_schema=False)
def show_palette() -> Response:
    """Return the colours of the pages as a style sheet."""
    return Response(style_sheet(), media_type=TYPES[".css"])


@app.get("/static/{path:path}", include_in_schema=False)
async def show_static(request: Request, path: str) -> Response:
    """Return a static file of the pages."""
    return await files.get_response(path, request.scope)


def _reports(folder: UPath) -> dict[str, list[str]]:
    # What an object store once listed is remembered, and tasks go on writing there.
    folder.fs.invalidate_cache()
    try:
        with as_os_error(folder):
            found = {
                kind: sorted(
                    (f"{kind}/{file.stem}" for file in (folder / kind).glob("*.html")), reverse=True
                )[:count]
                for kind, count in SHOWN_REPORTS.items()
                if (folder / kind).is_dir()
            }
            newest = ["latest"] if (folder / "latest.html").is_file() else []
    except OSError as error:
        raise _unreadable(error) from error
    return {"latest": newest, "hourly": [], "daily": [], **found}


def _unreadable(error: OSError) -> ProblemError:
    return ProblemError(
        f"the folder of the Variable 'storage_url' cannot be read ({error}); check that it exists "
        "and that Airflow's web server may read it",
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
