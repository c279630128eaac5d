"""Shared code of the plugins' pages: headers, errors that say what to do, files of a folder."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from http import HTTPStatus
from pathlib import PurePosixPath

from airflow.sdk.exceptions import AirflowNotFoundException
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from upath import UPath

from include.records.errors import MarketDataError
from include.records.shown_text import shown_text
from include.storage.object_stores import read_file

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}
# Files built by others, such as Great Expectations, have scripts and styles of their own.
FILE_SECURITY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
# Our own reports run no script.
REPORT_SECURITY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# The longest that a page sends has a run's id of 250 characters, percent-encoded.
LONGEST_TARGET = 8_000


class ProblemError(Exception):
    """A request that cannot be answered; the message names the value and the cure.

    Attributes:
        status: Of the answer.
    """

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status


def add_security_headers(app: FastAPI, content_security: str) -> None:
    """Keep pages from loading anything from elsewhere, and out of shared caches and other sites.

    Args:
        app: Gets the headers on each response, that of a program error too, and a longest address.
        content_security: The policy of responses that do not set their own.
    """

    def secured(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", content_security)
        response.headers.update(HEADERS)
        return response

    @app.middleware("http")
    async def add_headers(
        request: Request, answer: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        length = len(request.scope.get("raw_path") or b"") + len(request.scope["query_string"])
        if length > LONGEST_TARGET:
            return secured(
                problem(
                    f"the address has {length} characters: at most {LONGEST_TARGET} are allowed",
                    HTTPStatus.REQUEST_URI_TOO_LONG,
                )
            )
        return secured(await answer(request))

    # Answered outside of all middleware; the server logs the error.
    @app.exception_handler(Exception)
    async def apologize(_request: Request, _error: Exception) -> Response:
        message = "a program error; the API server's log has it"
        return secured(problem(message, HTTPStatus.INTERNAL_SERVER_ERROR))


def answer_errors_in_json(app: FastAPI) -> None:
    """Answer every error of an app with one JSON object: its `problem`, and what to do about it."""

    @app.exception_handler(ProblemError)
    def refuse(_request: Request, error: ProblemError) -> Response:
        return problem(str(error), error.status)

    @app.exception_handler(RequestValidationError)
    def explain(_request: Request, error: RequestValidationError) -> Response:
        said = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors())
        return problem(said, HTTPStatus.BAD_REQUEST)

    @app.exception_handler(HTTPException)
    def say(_request: Request, error: HTTPException) -> Response:
        message = str(error.detail)
        if error.status_code == HTTPStatus.UNAUTHORIZED:
            message = (
                f"{message}: log in to Airflow, or send a token from /auth/token in the header "
                "'Authorization: Bearer TOKEN'"
            )
        return problem(message, error.status_code, error.headers)

    @app.exception_handler(MarketDataError)
    def fail(_request: Request, error: MarketDataError) -> Response:
        return problem(str(error), HTTPStatus.SERVICE_UNAVAILABLE)

    @app.exception_handler(AirflowNotFoundException)
    def miss(_request: Request, error: AirflowNotFoundException) -> Response:
        message = f"{error}; add it under Admin > Connections (docs/deploy.md)"
        return problem(message, HTTPStatus.SERVICE_UNAVAILABLE)


def problem(message: str, status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return an answer that says what is wrong, and never with what credentials."""
    return JSONResponse({"problem": shown_text(message)}, status, headers)


def file_below(
    folder: UPath, path: str, suffixes: Collection[str], content_security: str = FILE_SECURITY
) -> Response:
    """Return a file of a folder.

    Args:
        folder: On a disk or in an object store.
        path: Below it, with slashes, as a browser sent it.
        suffixes: Of TYPES, those that are served.
        content_security: The policy of the file.

    Raises:
        FileNotFoundError: There is none, its path leads elsewhere, or its type is not served.
        OSError: The folder cannot be read.
    """
    parts = PurePosixPath(path).parts
    suffix = PurePosixPath(path).suffix
    if suffix not in suffixes or ".." in parts or path.startswith("/") or "\0" in path:
        raise FileNotFoundError(path)
    content = read_file(folder.joinpath(*parts))
    return Response(
        content, media_type=TYPES[suffix], headers={"Content-Security-Policy": content_security}
    )
