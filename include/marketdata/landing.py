"""Where batches lie between tasks: files addressed by URL, so that XCom carries no rows."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import stamina
from upath import UPath

from include.marketdata.batches import Batch, Interval, Verdict
from include.marketdata.errors import LostBatchError
from include.marketdata.whole_files import write_whole
from include.marketdata.windows import Window

SUFFIX = ".json"
READ_ATTEMPTS = 3
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def land_batch(storage_url: str, batch: Batch) -> str:
    """Write a batch and return its URL; the same batch again replaces the file.

    Args:
        storage_url: The deployment's folder; batches go to landing/ in it.
        batch: Of any size; it is written as one JSON document.
    """
    folder = UPath(storage_url) / "landing" / f"{batch.fetched_at:%Y-%m-%d}" / batch.symbol
    file = (
        folder / f"{batch.window.start:%H%M}-{batch.window.end:%H%M}-{batch.fetched_at:%S%f}.json"
    )
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
    }
    write_whole(file, gzip.compress(json.dumps(content).encode()))
    return str(file)


def read_batch(url: str) -> Batch:
    """Read a batch back from its URL, trying again for a moment: an object store may stumble.

    Raises:
        LostBatchError: It is not there, or not whole.
    """
    try:
        content = _read_json(url)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise LostBatchError(
            f"the batch landed at {url} cannot be read ({error or error.__class__.__name__}); "
            "the next run fetches its window again"
        ) from error
    five_minute_price = content.get("five_minute_price")
    return Batch(
        symbol=content["symbol"],
        window=_window(content["window"]),
        fetched_at=datetime.fromisoformat(content["fetched_at"]),
        rows={Interval(name): rows for name, rows in content["rows"].items()},
        spans={Interval(name): _window(span) for name, span in content["spans"].items()},
        tick_size=Decimal(content["tick_size"]),
        used_weight=content["used_weight"],
        fetch_ms=content["fetch_ms"],
        five_minute_price=None if five_minute_price is None else Decimal(five_minute_price),
    )


@stamina.retry(on=OSError, attempts=READ_ATTEMPTS, wait_initial=0.2, wait_jitter=0.1)
def _read_json(url: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(gzip.decompress(UPath(url).read_bytes()))
    return content


def land_verdict(batch_url: str, verdict: Verdict) -> None:
    """Write the verdict beside its batch."""
    content = {
        "bad_rows": verdict.bad_rows,
        "warnings": verdict.warnings,
        "is_refused": verdict.is_refused,
        "reason": verdict.reason,
        "check_ms": verdict.check_ms,
        "evaluated_count": verdict.evaluated_count,
        "met_count": verdict.met_count,
    }
    write_whole(_verdict_file(batch_url), json.dumps(content))


def read_verdict(batch_url: str) -> Verdict:
    """Read the verdict on a batch.

    Raises:
        FileNotFoundError: The batch was not checked.
    """
    content = json.loads(_verdict_file(batch_url).read_text(encoding="utf-8"))
    return Verdict(
        bad_rows={
            Interval(name): {int(index): failed for index, failed in rows.items()}
            for name, rows in content["bad_rows"].items()
        },
        warnings=content["warnings"],
        is_refused=content["is_refused"],
        reason=content["reason"],
        check_ms=content["check_ms"],
        evaluated_count=content["evaluated_count"],
        met_count=content["met_count"],
    )


def delete_before(storage_url: str, day: date) -> None:
    """Delete the batches that were fetched on an earlier UTC day, and their verdicts."""
    landing = UPath(storage_url) / "landing"
    for folder in landing.iterdir() if landing.exists() else ():
        if DAY.fullmatch(folder.name) and date.fromisoformat(folder.name) < day:
            folder.fs.rm(folder.path, recursive=True)


def _verdict_file(batch_url: str) -> UPath:
    return UPath(batch_url.removesuffix(SUFFIX) + ".verdict.json")


def _window_json(window: Window) -> list[str]:
    return [window.start.isoformat(), window.end.isoformat()]


def _window(moments: list[str]) -> Window:
    start, end = moments
    return Window(datetime.fromisoformat(start), datetime.fromisoformat(end))
