"""An S3 server for the files of a stack without a shared disk: moto's, which keeps them in memory.

`python -m dev.stack.object_store` serves it; while the refusal file exists, it answers every
request with the error that the file names.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import s3fs

from dev.machine.home import Home
from dev.machine.ports import LOOPBACK
from dev.machine.processes import Processes
from include.storage.whole_files import write_whole

NAME = "object-store"
BUCKET = "prices"
URL = f"s3://{BUCKET}/data"
REPORT = f"{URL}/reports/latest.html"
# moto takes any.
KEY_ID, SECRET = "local", "local"
REGION = "us-east-1"
# As in dev/stack/airflow.py, a last resort.
START_TIMEOUT_SECONDS = 120.0


class Refusal(StrEnum):
    """An error of S3."""

    SLOW_DOWN = "SlowDown"
    """As under load."""

    ACCESS_DENIED = "AccessDenied"
    """As to a role without permission."""


ANSWERS = {
    Refusal.SLOW_DOWN: (HTTPStatus.SERVICE_UNAVAILABLE, "Please reduce your request rate."),
    Refusal.ACCESS_DENIED: (HTTPStatus.FORBIDDEN, "Access Denied"),
}


def start_object_store(home: Home, processes: Processes, port: int) -> None:
    """Start the server with an empty bucket, and wait until it answers.

    Raises:
        StartError: It died, or did not answer in time.
    """
    file = _refusal_file(home)
    file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "dev.stack.object_store", "--port", str(port)]
    processes.spawn(NAME, [*command, "--refusal-file", file], port=port)
    processes.wait_until(lambda: _made_bucket(port), NAME, START_TIMEOUT_SECONDS)


@contextmanager
def refusing(home: Home, refusal: Refusal) -> Iterator[None]:
    """Let the server of a home refuse every request within the block, as a fault."""
    file = _refusal_file(home)
    write_whole(file, refusal)
    try:
        yield
    finally:
        file.unlink()


def _refusal_file(home: Home) -> Path:
    return home.run / "object-store.refusal"


def surroundings(port: int) -> dict[str, str]:
    """Return the environment that leads every S3 client to the server."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url(port),
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
    }


def client(port: int) -> s3fs.S3FileSystem:
    """Return a client of the server that remembers nothing and tries once."""
    return s3fs.S3FileSystem(
        key=KEY_ID,
        secret=SECRET,
        endpoint_url=endpoint_url(port),
        config_kwargs={"retries": {"max_attempts": 1}},
        use_listings_cache=False,
        skip_instance_cache=True,
    )


def has_report(port: int, symbols: Collection[str], began: datetime) -> bool:
    """Tell whether files for every symbol, and a report after them, were written since a start.

    Args:
        port: Of the server.
        symbols: At least one.
        began: The start, aware UTC.
    """
    try:
        found = client(port).find(URL, detail=True)
    except OSError:
        return False
    written = {path: each["LastModified"] for path, each in found.items()}
    exported = [
        max((at for path, at in written.items() if path.endswith(f"/{symbol}.csv")), default=began)
        for symbol in symbols
    ]
    report = written.get(REPORT.removeprefix("s3://"), began)
    return min(exported) > began and report >= max(exported)


def answers(port: int) -> bool:
    """Tell whether the server answers on a port, and has its bucket."""
    try:
        found = httpx.head(f"{endpoint_url(port)}/{BUCKET}", timeout=5, trust_env=False)
    except httpx.HTTPError:
        return False
    return found.is_success


def endpoint_url(port: int) -> str:
    """Return the server's address."""
    return f"http://{LOOPBACK}:{port}"


def _made_bucket(port: int) -> bool:
    try:
        made = httpx.put(f"{endpoint_url(port)}/{BUCKET}", timeout=5, trust_env=False)
    except httpx.HTTPError:
        return False
    return made.is_success


def main() -> None:
    """Serve until it is stopped."""
    # Seconds of imports, for this process alone.
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415
        DomainDispatcherApplication,
        create_backend_app,
    )
    from werkzeug.serving import run_simple  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--refusal-file", type=Path, required=True)
    options = parser.parse_args()
    application = DomainDispatcherApplication(create_backend_app)

    def answer(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        if refusal := _refusal(options.refusal_file):
            status, message = ANSWERS[refusal]
            body = f"<Error><Code>{refusal}</Code><Message>{message}</Message></Error>".encode()
            start_response(
                f"{status.value} {status.phrase}",
                [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))],
            )
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
        answered: Iterable[bytes] = application(environ, start_response)
        return answered

    run_simple(LOOPBACK, options.port, answer, threaded=True)


def _refusal(file: Path) -> Refusal | None:
    try:
        return Refusal(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    main()
