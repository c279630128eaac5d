"""The names of the exported files: which UTC day each is of."""

from __future__ import annotations

import re
from datetime import date

# csv/DAY/SYMBOL.csv, parquet/DAY/SYMBOL.parquet, manifests/DAY.json
DAY = re.compile(r"[a-z]+/(\d{4}-\d{2}-\d{2})(?:/[^/]+|\.json)")


def is_old_export(path: str, first_day: date) -> bool:
    """Tell whether an exported file is of a day before the first that is kept.

    Args:
        path: Below the folder of the exports, with slashes.
        first_day: UTC.
    """
    named = DAY.fullmatch(path)
    return named is not None and named[1] < first_day.isoformat()
