"""Keep batches between tasks in files addressed by URL, so that XCom carries no rows."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import TypeVar

import stamina
from pydantic import BaseModel, StrictInt, StrictStr, ValidationError
from upath import UPath

from include.records.batches import Batch
from include.records.errors import LostBatchError
from include.records.klines import Interval
from include.records.symbols import read_symbol
from include.records.verdicts import Verdict
from include.records.windows import Window
from include.storage.object_stores import is_there, read_file
from include.storage.whole_files import write_whole

SUFFIX = ".json"
VERDICT_SUFFIX = ".verdict.json"
# Of gzip: on 360 rows the best takes ten times as long, and leaves an eighth less.
FASTEST = 1
READ_ATTEMPTS = 3
LONGEST_REASON = 300
INVALID_DIGITS = 16
DAY_NAME = re.compile(r"\d{4}-\d{2}-\d{2}")
Landed = TypeVar("Landed", bound=BaseModel)


def batch_url(storage_url: str, symbol: str, window: Window, planned_at: datetime) -> str:
    """Return the URL that a batch is to land at: another for each plan.

    Args:
        storage_url: The deployment's folder; batches go to its landing/.
        symbol: Of the batch.
        window: Of the batch.
        planned_at: When its fetch was planned, aware UTC.
    """
    folder = UPath(storage_url) / "landing" / f"{planned_at:%Y-%m-%d}" / _folder_name(symbol)
    return str(folder / f"{window.start:%H%M}-{window.end:%H%M}-{planned_at:%S%f}{SUFFIX}")


def _folder_name(symbol: str) -> str:
    """Return a symbol; for a name that is not valid, one that leads nowhere else.

    Such a name has no batch, but a note that says why.
    """
    try:
        return read_symbol(symbol)
    except ValueError:
        return f"invalid-{sha256(symbol.encode()).hexdigest()[:INVALID_DIGITS]}"


def land_batch(url: str, batch: Batch) -> None:
    """Write a batch of any size, as one JSON document; writing it again replaces the file."""
    content = {
        "symbol": batch.symbol,
        "window": _window_json(batch.window),
        "fetched_at": batch.fetched_at.isoformat(),
        "rows": batch.rows,
        "spans": {interval: _window_json(span) for interval, span in batch.spans.items()},
        "tick_size": str(batch.tick_size),
        "used_weight": batch.used_weight,
        "fetch_ms": batch.fetch_ms,
        "five_minute_price": None
        if batch.five_minute_price is None
        else str(batch.five_minute_price),
        "source": batch.source,
    }
    packed = gzip.compress(json.dumps(content).encode(), FASTEST)
    write_whole(UPath(url), packed)


def land_failure(url: str, reason: str) -> None:
    """Note that no batch will land at a URL, so that nobody waits for it."""
    write_whole(_failure_file(url), reason)


@stamina.retry(on=OSError, attempts=READ_ATTEMPTS, wait_initial=0.2, wait_jitter=0.1)
def is_fetched(url: str) -> bool | None:
    """Tell whether a batch has landed: None while it may still come, False when it will not."""
    if is_there(UPath(url)):
        return True
    return False if is_there(_failure_file(url)) else None


def is_checked(url: str) -> bool | None:
    """Tell whether a verdict has landed: None while it may still come, False without a batch."""
    if has_verdict(url):
        return True
    return False if is_fetched(url) is False else None


class _LandedBatch(BaseModel, extra="forbid"):
    """A batch as written to its file."""

    symbol: str
    window: tuple[datetime, datetime]
    fetched_at: datetime
    rows: dict[Interval, list[list[StrictStr | StrictInt]]]
    spans: dict[Interval, tuple[datetime, datetime]]
    tick_size: Decimal
    used_weight: int
    fetch_ms: int
    five_minute_price: Decimal | None = None
    source: str | None = None


class _LandedVerdict(BaseModel, extra="forbid"):
    """A verdict as written to its file."""

    bad_rows: dict[Interval, dict[int, dict[str, str]]]
    warnings: dict[str, int]
    is_refused: bool
    reason: str
    check_ms: int
    evaluated_count: int
    met_count: int
    unchanged: dict[Interval, list[int]] = {}


def read_batch(url: str) -> Batch:
    """Read a batch from its URL, with a few retries for hiccups of an object store.

    Raises:
        LostBatchError: It is missing, incomplete, or not a batch.
    """
    landed = _read(_LandedBatch, UPath(url), f"the batch landed at {url}", is_packed=True)
    return Batch(
        symbol=landed.symbol,
        window=Window(*landed.window),
        fetched_at=landed.fetched_at,
        rows={interval: [[*row] for row in rows] for interval, rows in landed.rows.items()},
        spans={interval: Window(*span) for interval, span in landed.spans.items()},
        tick_size=landed.tick_size,
        used_weight=landed.used_weight,
        fetch_ms=landed.fetch_ms,
        five_minute_price=landed.five_minute_price,
        source=landed.source,
    )


def _read(kind: type[Landed], file: UPath, name: str, *, is_packed: bool) -> Landed:
    """Read a file that a task has landed.

    Raises:
        LostBatchError: It is missing, incomplete, or of another kind.
    """
    try:
        content = _read_bytes(file)
        return kind.model_validate_json(gzip.decompress(content) if is_packed else content)
    # Raised by the file system, gzip, and JSON of another shape; none of our own errors.
    except (OSError, EOFError, zlib.error, ValidationError) as error:
        said = " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__
        raise LostBatchError(
            f"{name} cannot be read ({said}); the next run fetches its window again"
        ) from error


@stamina.retry(on=OSError, attempts=READ_ATTEMPTS, wait_initial=0.2, wait_jitter=0.1)
def _read_bytes(file: UPath) -> bytes:
    return read_file(file)


def land_verdict(batch_url: str, verdict: Verdict) -> None:
    """Write the verdict next to its batch."""
    content = {
        "bad_rows": verdict.bad_rows,
        "warnings": verdict.warnings,
        "is_refused": verdict.is_refused,
        "reason": verdict.reason,
        "check_ms": verdict.check_ms,
        "evaluated_count": verdict.evaluated_count,
        "met_count": verdict.met_count,
        "unchanged": verdict.unchanged,
    }
    write_whole(_verdict_file(batch_url), json.dumps(content))


@stamina.retry(on=OSError, attempts=READ_ATTEMPTS, wait_initial=0.2, wait_jitter=0.1)
def has_verdict(batch_url: str) -> bool:
    """Tell whether a verdict on the batch has landed."""
    return is_there(_verdict_file(batch_url))


def read_verdict(batch_url: str) -> Verdict:
    """Read the verdict on a batch.

    Raises:
        LostBatchError: It is missing, incomplete, or not a verdict.
    """
    name = f"the verdict on the batch landed at {batch_url}"
    landed = _read(_LandedVerdict, _verdict_file(batch_url), name, is_packed=False)
    return Verdict(**dict(landed))


def unloaded_batch(storage_url: str, symbol: str, start: datetime, today: date) -> Batch | None:
    """Return the longest batch of a window that earlier runs have fetched, but not loaded.

    Args:
        storage_url: The deployment's folder.
        symbol: Of the batch.
        start: Of its window, the symbol's watermark: what starts there has not been loaded.
        today: The last UTC day it may have been planned on.

    Returns:
        A batch that can be read, and that the gate has not refused; None where there is none.
    """
    landing = UPath(storage_url) / "landing"
    days = (start.date() + timedelta(days=age) for age in range((today - start.date()).days + 1))
    name = _folder_name(symbol)
    folders = [folder for day in days if (folder := landing / f"{day:%Y-%m-%d}" / name).exists()]
    urls = [str(file) for folder in folders for file in folder.glob(f"{start:%H%M}-*{SUFFIX}")]
    batches = [
        batch
        for url in urls
        if not url.endswith(VERDICT_SUFFIX)
        # A batch without a new minute moves no watermark: it may well be loaded.
        if (batch := _if_loadable(url)) and batch.window.start == start < batch.window.end
    ]
    return max(batches, key=lambda batch: (batch.window.end, batch.fetched_at), default=None)


def _if_loadable(url: str) -> Batch | None:
    try:
        is_refused = has_verdict(url) and read_verdict(url).is_refused
        return None if is_refused else read_batch(url)
    except LostBatchError:
        return None


def is_old_batch(path: str, first_day: date, waiting_since: Mapping[str, date]) -> bool:
    """Tell whether a landed file is no longer needed: a batch, its verdict, or why there is none.

    Args:
        path: Below landing/, with slashes.
        first_day: The first UTC day of planning whose files are kept in any case.
        waiting_since: By symbol, the UTC day of its watermark: what was planned from then on may
            not be loaded yet, however old it is.
    """
    day, _, others = path.partition("/")
    symbol = others.partition("/")[0]
    if not DAY_NAME.fullmatch(day):
        return False
    planned = date.fromisoformat(day)
    return planned < min(first_day, waiting_since.get(symbol, first_day))


def _verdict_file(batch_url: str) -> UPath:
    return UPath(batch_url.removesuffix(SUFFIX) + VERDICT_SUFFIX)


def _failure_file(batch_url: str) -> UPath:
    return UPath(batch_url.removesuffix(SUFFIX) + ".failure.txt")


def _window_json(window: Window) -> list[str]:
    return [window.start.isoformat(), window.end.isoformat()]
