"""Fetch daily files of Binance's public archive: complete and verified, or not at all."""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import urlsplit

import httpx
import stamina

from include.exchange.archive_files import ArchiveFile
from include.exchange.bodies import read_body
from include.exchange.certificates import trusted
from include.exchange.cookies import no_cookies
from include.exchange.hosts import ARCHIVE_HOST, is_simulator
from include.exchange.pauses import stated_pause
from include.exchange.price_source import SOURCE_HEADER, price_source
from include.exchange.retries import retry_delay
from include.exchange.transport import CONNECT_SECONDS, LONGEST_READ_SECONDS
from include.records.errors import (
    ArchiveDamagedError,
    ArchiveNotFoundError,
    ExchangeBusyError,
    InvalidAnswerError,
    RetryableError,
    SettingsError,
)

LONGEST_CHECKSUM_BYTES = 1000
# Digits of a Content-Length; the longest file is a thousandth of that.
LONGEST_LENGTH = 12

Answer = TypeVar("Answer")
# Called with the bytes received and the total; 0 while the total is unknown.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ArchiveSettings:
    """The archive's address and the folder for its files.

    Attributes:
        folder: Files are kept here under their own names; a partial file ends in .part.
        base_url: Of the archive: its own host over https, or a simulator's.
        patience_seconds: How long one file may take, retries included.
        simulator_host: The one host beyond loopback that may be a simulator; empty for none.
    """

    folder: Path
    base_url: str = f"https://{ARCHIVE_HOST}"
    patience_seconds: float = 300.0
    simulator_host: str = ""


class ArchiveClient:
    """Fetches archive files over persistent connections; a context manager that closes them.

    Args:
        settings: The archive's address and the folder.
        http: Replaces the network in tests.

    Attributes:
        source: Where the last file's prices come from; None before the first.

    Raises:
        SettingsError: The address is neither the archive's nor a simulator's.
    """

    def __init__(self, settings: ArchiveSettings, http: httpx.BaseTransport | None = None) -> None:
        parts = urlsplit(settings.base_url)
        is_archive = parts.scheme == "https" and parts.netloc == ARCHIVE_HOST
        if not is_archive and not is_simulator(parts.hostname or "", settings.simulator_host):
            raise SettingsError(
                f"the archive's address {settings.base_url!r} is not allowed; use "
                f"https://{ARCHIVE_HOST}, or a simulator on loopback or named by the Airflow "
                "Variable 'simulator_host'"
            )
        self.source: str | None = None
        self._settings = settings
        self._http = httpx.Client(
            base_url=settings.base_url,
            transport=http,
            follow_redirects=False,
            trust_env=False,
            verify=trusted(),
            cookies=no_cookies(),
            timeout=httpx.Timeout(CONNECT_SECONDS, read=LONGEST_READ_SECONDS),
            # A file is compressed already, and a range must count the bytes that are sent.
            headers={"accept-encoding": "identity", "user-agent": "minute-prices"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def checksum(self, file: ArchiveFile) -> str:
        """Return the published checksum of a day's file: SHA-256, hexadecimal.

        Raises:
            ArchiveNotFoundError: There is no such day: not yet, or never.
            RetryableError: The archive did not answer while the patience lasted.
            InvalidAnswerError: The answer is not what the archive documents.
        """
        return self._repeated(lambda: self._checksum(file))

    def fetch(self, file: ArchiveFile, on_progress: Progress = lambda _have, _of: None) -> Path:
        """Return the path of a day's file, fetched and verified by its published checksum.

        A local file that still matches the published checksum is not fetched again; one that
        Binance has reissued since is. An interrupted download is resumed.

        Raises:
            ArchiveNotFoundError: There is no such day: not yet, or never.
            ArchiveDamagedError: The file did not match its checksum until the patience ended.
            RetryableError: The archive did not answer while the patience lasted.
            InvalidAnswerError: The answer is not what the archive documents.
        """
        return self._repeated(lambda: self._fetch(file, on_progress))

    def _repeated(self, ask: Callable[[], Answer]) -> Answer:
        gives_up_at = time.monotonic() + self._settings.patience_seconds
        attempts = count(1)

        def delay(error: Exception) -> bool | timedelta:
            left = gives_up_at - time.monotonic()
            seconds = retry_delay(error, next(attempts), left, random.random())  # noqa: S311 - jitter
            return False if seconds is None else timedelta(seconds=seconds)

        for attempt in stamina.retry_context(on=delay, attempts=None, timeout=None):
            with attempt:
                return ask()
        raise AssertionError("retry_context either returns an answer or raises")

    def _fetch(self, file: ArchiveFile, on_progress: Progress) -> Path:
        checksum = self._checksum(file)
        target = self._settings.folder / file.name
        if target.exists() and _sha256(target) == checksum:
            return target
        self._settings.folder.mkdir(parents=True, exist_ok=True)
        # The checksum is in the name, so one issue is never appended to the start of another.
        part = target.with_name(f"{file.name}.{checksum[:16]}.part")
        self._download(file, part, on_progress)
        found = _sha256(part)
        if found != checksum:
            part.unlink()
            raise ArchiveDamagedError(
                f"{file.name} has the checksum {found[:16]}…, not the published "
                f"{checksum[:16]}…; it was deleted and is fetched again from the start"
            )
        part.replace(target)
        return target

    def _checksum(self, file: ArchiveFile) -> str:
        with self._answer(f"{file.path}.CHECKSUM") as answer:
            said = answer.headers.get(SOURCE_HEADER, "")
            self.source = price_source(self._settings.base_url, said, "ARCHIVE")
            body = read_body(answer, LONGEST_CHECKSUM_BYTES, lambda: LONGEST_READ_SECONDS)
        found = re.fullmatch(rb"([0-9a-f]{64}) [ *](\S+)\s*", body)
        if not found or found[2] != file.name.encode():
            raise InvalidAnswerError(f"{file.name}.CHECKSUM is not a checksum of it", body[:200])
        return found[1].decode()

    def _download(self, file: ArchiveFile, part: Path, on_progress: Progress) -> None:
        have = part.stat().st_size if part.exists() else 0
        with self._answer(file.path, have) as answer:
            if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return
            is_rest = answer.status_code == HTTPStatus.PARTIAL_CONTENT
            have = have if is_rest else 0
            length = answer.headers.get("content-length", "")
            is_length = length.isdecimal() and len(length) <= LONGEST_LENGTH
            total = have + int(length) if is_length else 0
            with part.open("ab" if is_rest else "wb") as target:
                # In the pieces received: with larger ones an interruption would lose the last.
                for piece in answer.iter_raw():
                    target.write(piece)
                    have += len(piece)
                    # Compressed, it is always shorter than its longest unpacked content.
                    if have > file.longest_bytes:
                        raise InvalidAnswerError(f"{file.name} does not end", have)
                    on_progress(have, total)

    @contextmanager
    def _answer(self, path: str, from_byte: int = 0) -> Iterator[httpx.Response]:
        headers = {"range": f"bytes={from_byte}-"} if from_byte else {}
        try:
            with self._http.stream("GET", path, headers=headers) as answer:
                _check(answer, path)
                yield answer
        except httpx.HTTPError as error:
            raise RetryableError(
                f"the archive does not answer ({type(error).__name__}: {error}); check the network"
            ) from error


def _check(answer: httpx.Response, path: str) -> None:
    status = answer.status_code
    if status == HTTPStatus.NOT_FOUND:
        raise ArchiveNotFoundError(
            f"the archive has no {path}: a day appears some hours after it is over, and a symbol "
            "begins when it was listed"
        )
    pause = stated_pause(answer.headers, b"", datetime.now(UTC))
    if pause and status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        raise ExchangeBusyError(
            f"the archive asks for a pause of {pause.total_seconds():g} s (HTTP {status} for "
            f"{path}); run it again after that",
            wait_seconds=pause.total_seconds(),
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise RetryableError(f"the archive failed (HTTP {status} for {path})")
    good = {
        HTTPStatus.OK,
        HTTPStatus.PARTIAL_CONTENT,
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    }
    if status not in good:
        raise InvalidAnswerError(f"the archive answered HTTP {status}", path)


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
