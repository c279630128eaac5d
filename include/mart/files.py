"""The files of the mart's minutes: CSV and Parquet by day and symbol, and a manifest of each day.

The Astro SDK writes them into a local folder; from there they are written whole into place. No
annotations are postponed here, as in mart.py.
"""

import hashlib
import json
import tempfile
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from upath import UPath

from include.mart import mart
from include.mart.astro_sdk import File, aql, run
from include.records.isolation import run_each
from include.records.windows import DAY, Window
from include.reports.text_rows import MINUTE_COLUMNS, minute_text, typed_frame
from include.storage.whole_files import write_whole

FORMATS = ("csv", "parquet")


def export_days(
    days: Iterable[str], folder: UPath, without: Collection[str] = ()
) -> dict[str, Exception]:
    """Write the mart's minutes of UTC days, one file per day, symbol and format.

    `csv/DAY/SYMBOL.csv` holds exact text, `parquet/DAY/SYMBOL.parquet` decimal128(38, 12) and UTC
    times; `manifests/DAY.json` names both with their rows and checksums. Each file appears whole
    or not at all, and the manifest last: the checksum shows whether a file is not yet, or no
    longer, the one in the manifest.

    Args:
        days: YYYY-MM-DD.
        folder: Where they go.
        without: Symbols to leave out; their files are unchanged.

    Returns:
        Errors by symbol and day that could not be written; the manifest names those that were.

    Raises:
        OSError: A file cannot be written; existing files are unchanged.
    """
    exported = run_each(days, lambda day: _export_day(day, folder, without), stop_on=OSError)
    failed = {**exported.failed}
    for day, symbols in exported.done.items():
        failed |= {f"{symbol} of {day}": error for symbol, error in symbols.items()}
    return failed


def _export_day(day: str, folder: UPath, without: Collection[str]) -> dict[str, Exception]:
    """Write the files of a day; return the errors of symbols whose files could not be written."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    window = Window(start, start + DAY)
    frame = mart.minutes_in(window)
    frame = frame[~frame["symbol"].isin([*without])]
    own = {str(symbol): minutes for symbol, minutes in frame.groupby("symbol", sort=True)}
    exported = run_each(
        own, lambda symbol: _export_symbol(day, symbol, own[symbol], folder), stop_on=OSError
    )
    files = [file for each in exported.done.values() for file in each]
    manifest = {
        "day": day,
        "window": {"start": minute_text(window.start), "end": minute_text(window.end)},
        "known_until": frame["known_at"].max() if len(frame) else None,
        "method_versions": sorted({int(each) for each in frame["method_version"].dropna()}),
        "sources": sorted({*frame["source"].dropna()}),
        "columns": [*MINUTE_COLUMNS],
        "rows": len(frame),
        "files": files,
    }
    target = folder / "manifests" / f"{day}.json"
    write_whole(target, json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n")
    return exported.failed


def _export_symbol(
    day: str, symbol: str, minutes: pd.DataFrame, folder: UPath
) -> list[dict[str, Any]]:
    """Write a symbol's files of a day; return their entries in the manifest."""
    files: list[dict[str, Any]] = []
    for kind in FORMATS:
        name = f"{kind}/{day}/{symbol}.{kind}"
        table = minutes if kind == "csv" else typed_frame(minutes)
        content = _written(table, f"{symbol}.{kind}")
        write_whole(folder / name, content)
        files.append(
            {
                "path": name,
                "symbol": symbol,
                "format": kind,
                "sources": sorted({*minutes["source"].dropna()}),
                "rows": len(minutes),
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
    return files


def _written(frame: pd.DataFrame, name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        run(aql.export_to_file(input_data=frame, output_file=File(path=str(path))))
        return path.read_bytes()
