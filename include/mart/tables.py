"""The tables of the mart: their keys and their columns; include/sql/mart says what each means."""

from sqlalchemy import BigInteger, Double, Text

from include.records.prices import Flag, Grade, SoftFlag
from include.reports.text_rows import COUNTS, MINUTE_COLUMNS

Kind = type[Text | Double[float] | BigInteger]


def _minutes(*names: str) -> dict[str, Kind]:
    return {f"{name.lower()}_minutes": BigInteger for name in names}


SUMMARY: dict[str, Kind] = {
    **dict.fromkeys(("open", "high", "low", "close", "known_at"), Text),
    **dict.fromkeys(("vwap", "volume", "quote_volume", "realised_volatility"), Double),
    **dict.fromkeys(("coverage", "filled_ratio"), Double),
    "return_count": BigInteger,
    **_minutes("valued", "filled", "expected", *Flag, *SoftFlag),
}
# By time first: a report, a file and an hour are spans of time over all symbols.
KEYS: dict[str, tuple[str, ...]] = {
    "minute": ("minute", "symbol"),
    "hourly_summary": ("hour", "symbol"),
    "daily_summary": ("day", "symbol"),
    "hourly_quality": ("hour", "symbol"),
    "publish_delay": ("hour", "symbol"),
    "return_correlation": ("day", "symbol", "other_symbol"),
    "restatement": ("minute", "symbol", "revision"),
}
# The tables that are kept.
KEPT_TABLES: dict[str, dict[str, Kind]] = {
    "minute": {
        name: BigInteger if name in COUNTS else Text
        for name in MINUTE_COLUMNS
        if name not in KEYS["minute"]
    },
    "hourly_summary": SUMMARY,
    "daily_summary": SUMMARY,
    "hourly_quality": {
        "seconds_ratio": Double,
        "mean_quality": Double,
        "least_quality": BigInteger,
        **_minutes("published", *Grade, "agreeing", "differing", "revised"),
    },
    "publish_delay": {
        **dict.fromkeys(("minute_count", "median_ms", "p95_ms", "longest_ms"), BigInteger),
        **_minutes("late", "gap_first"),
    },
    "return_correlation": {"correlation": Double, "return_count": BigInteger},
    "restatement": {
        **dict.fromkeys(("known_at", "vwap_before", "vwap_after", "difference_ratio"), Text),
        "is_alarming": BigInteger,
    },
}
# What is derived from the minutes of an hour, computed in this order. The last table tells how far
# hours are done: if a run dies in between, the next one repairs it.
SUMMARIES = ("hourly_summary", "daily_summary", "publish_delay", "hourly_quality")
# The hours that changed minutes touch, as staged.
TOUCHED = ("symbol", "hour", "day", "since")
