"""Files of results that no build of Data Docs knows: their task was killed before it said so."""

from __future__ import annotations

import re
from datetime import date

# When a result was made, as Great Expectations writes it in a name; and a day of the index.
CHECKED = re.compile(r"(\d{4})(\d{2})(\d{2})T\d{6}")
DAY = re.compile(r"(?:index|docs/days)/(\d{4}-\d{2}-\d{2})\b")


def is_left_over(path: str, first_day: date) -> bool:
    """Tell whether a file of a result, its page or its entry is of a day that no build keeps.

    Args:
        path: Below the folder of the results, with slashes.
        first_day: The first UTC day whose results may still be kept or built.
    """
    made = CHECKED.findall(path)
    days = ["-".join(made[-1])] if made else DAY.findall(path)
    return bool(days) and days[0] < first_day.isoformat()
