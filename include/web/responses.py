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
    "img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'self'"
)


class ProblemError(Exception):
    """A request that cannot be answered; the message names the value and the cure.

    Attributes:
        status: Of the answer.
    """

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status


def add_security_headers(app: FastAPI, content_security: str) -> None:
    """Keep pages from loading anything from elsewhere, and out of shared caches.

    Args:
        app: Gets the headers on each response.
        content_security: The policy of responses that do not set their own.
    """

    @app.middleware("http")
    async def add_headers(
        request: Request, answer: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await answer(request)
        response.headers.setdefault("Content-Security-Policy", content_security)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "private, no-cache"
        return response


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
    """Return an answer that says what is wrong."""
    return JSONResponse({"problem": message}, status, headers)


def file_below(folder: UPath, path: str, suffixes: Collection[str]) -> Response:
    """Return a file of a folder.

    Args:
        folder: On a disk or in an object store.
        path: Below it, with slashes, as a browser sent it.
        suffixes: Of TYPES, those that are served.

    Raises:
        FileNotFoundError: There is none, its path leads elsewhere, or its type is not served.
        OSError: The folder cannot be read.
    """
    parts = PurePosixPath(path).parts
    suffix = PurePosixPath(path).suffix
    if suffix not in suffixes or ".." in parts or path.startswith("/") or "\0" in path:
        raise FileNotFoundError(path)
    content = folder.joinpath(*parts).read_bytes()
    return Response(
        content, media_type=TYPES[suffix], headers={"Content-Security-Policy": FILE_SECURITY}
    )
