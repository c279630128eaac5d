"""The files of the mart's minutes: CSV and Parquet by day and symbol, and a manifest of each day.

Written by the Astro SDK into a folder of this machine, and from there whole into place. No
annotations are postponed here, as in mart.py.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from upath import UPath

from include.marketdata.exports import COLUMNS, minute_text, typed_frame
from include.marketdata.whole_files import remove_drafts, write_whole
from include.marketdata.windows import Window
from include.orchestration import mart
from include.orchestration.astro_sdk import File, aql, run

FORMATS = ("csv", "parquet")
DAY = timedelta(days=1)


def export_days(days: Iterable[str], folder: UPath) -> list[str]:
    """Write the mart's minutes of UTC days, one file a day, symbol and format.

    `csv/DAY/SYMBOL.csv` holds exact text, `parquet/DAY/SYMBOL.parquet` decimal128(38, 12) and UTC
    times; `manifests/DAY.json` names both with their rows and checksums. Each file appears whole
    or not at all, and the manifest last: what a file should be, and is not yet or no longer, its
    checksum tells.

    Args:
        days: YYYY-MM-DD.
        folder: Where they go.

    Returns:
        The manifests written.

    Raises:
        OSError: A file cannot be written; those of before are as they were.
    """
    remove_drafts(folder)
    return [_export_day(day, folder) for day in days]


def _export_day(day: str, folder: UPath) -> str:
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    window = Window(start, start + DAY)
    frame = mart.minutes_in(window)
    files = []
    for symbol, own in frame.groupby("symbol", sort=True):
        for kind in FORMATS:
            name = f"{kind}/{day}/{symbol}.{kind}"
            content = _written(own if kind == "csv" else typed_frame(own), f"{symbol}.{kind}")
            write_whole(folder / name, content)
            files.append(
                {
                    "path": name,
                    "symbol": symbol,
                    "format": kind,
                    "rows": len(own),
                    "bytes": len(content),
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
            )
    manifest = {
        "day": day,
        "window": {"start": minute_text(window.start), "end": minute_text(window.end)},
        "known_until": frame["known_at"].max() if len(frame) else None,
        "method_versions": sorted({int(each) for each in frame["method_version"].dropna()}),
        "columns": [*COLUMNS],
        "rows": len(frame),
        "files": files,
    }
    target = folder / "manifests" / f"{day}.json"
    write_whole(target, json.dumps(manifest, indent=2).encode() + b"\n")
    return str(target)


def _written(frame: pd.DataFrame, name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        run(aql.export_to_file(input_data=frame, output_file=File(path=str(path))))
        return path.read_bytes()
