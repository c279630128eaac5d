"""The figures that a report shows for each symbol, computed from the mart's minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from include.method.delays import Delays
from include.method.returns import realised_volatility
from include.records.prices import NOT_PUBLISHED
from include.records.windows import HOUR, MINUTE, Window
from include.reports.charts import CauseRun, Floats, PriceChart, draw_causes, draw_prices

TABLE_MINUTES = 30
VALUE_COLUMNS = ("vwap", "low", "high", "volume", "quote_volume")
TABLE_COLUMNS = (
    "minute",
    "vwap",
    "low",
    "high",
    "volume",
    "trade_count",
    "coverage",
    "grade",
    "revision",
)


@dataclass(frozen=True)
class MinuteValue:
    """The average of one minute.

    Attributes:
        minute: Its first moment, aware UTC.
        vwap: Quote asset per base asset.
    """

    minute: datetime
    vwap: Decimal


@dataclass(frozen=True)
class SymbolFigures:
    """One symbol's figures in the report.

    Attributes:
        symbol: Binance's pair id, upper case.
        latest: The last minute with a value; None when there is none.
        change_ratio: The last vwap of the span / its first one - 1; None without two.
        hour_change_ratio: Latest vwap / vwap exactly one hour earlier - 1; None when one of
            the two minutes has no value.
        window: The minutes expected: from the symbol's first one in the span, to its end.
        vwap: Sum of quote volume / sum of volume over the window; None without a value.
        low: Lowest price of the minutes with a value.
        high: Highest price of those minutes.
        quote_volume: Turnover of those minutes, quote asset.
        volatility: Realised, of the span (returns.realised_volatility); None without a return.
        return_count: Number of returns that the volatility is computed from.
        causes: Number of minutes by flag, absent ones as NOT_PUBLISHED; adds up to the window.
        valued_count: Minutes with a value.
        filled_count: Minutes without one that have a filled value.
        coverage: Minutes with a value / minutes expected, 0 to 1.
        reconciled_count: Minutes on which our seconds and the exchange's minute agree.
        revised_count: Minutes published more than once.
        mean_quality: Of the minutes with a value, 0 to 100; None without one.
        grades: Number of minutes by grade.
        odd: Number of minutes by soft flag.
        delays: From the minutes' ends to their first values, where those are known.
        gap_first_count: Minutes that were published without a value before they got one.
        chart: The prices; None without a value.
        line: The vwap of each minute of the axis, for drawing; NaN where there is none.
        runs: The causes along the time axis.
        last_minutes: The last minutes with a row, newest first, as rows of the mart.
    """

    symbol: str
    latest: MinuteValue | None
    change_ratio: Decimal | None
    hour_change_ratio: Decimal | None
    window: Window
    vwap: Decimal | None
    low: Decimal | None
    high: Decimal | None
    quote_volume: Decimal
    volatility: float | None
    return_count: int
    causes: Counter[str]
    valued_count: int
    filled_count: int
    coverage: Decimal
    reconciled_count: int
    revised_count: int
    mean_quality: float | None
    grades: Counter[str]
    odd: Counter[str]
    delays: Delays
    gap_first_count: int
    chart: PriceChart | None
    line: Floats
    runs: list[CauseRun]
    last_minutes: list[dict[str, Any]]


def figures_of(
    symbol: str, minutes: pd.DataFrame, returns: pd.Series[float], axis: Window
) -> SymbolFigures:
    """Compute one symbol's figures for the report.

    Args:
        symbol: Binance's pair id, upper case.
        minutes: The mart's minutes of the symbol inside the axis, ascending.
        returns: Its returns there (returns.log_returns).
        axis: The span that the report shows.
    """
    offsets = _offsets(minutes, axis)
    is_valued = minutes["vwap"].notna().to_numpy()
    valued = {name: minutes[name].to_numpy(object)[is_valued] for name in VALUE_COLUMNS}
    places = offsets[is_valued]
    flags = minutes["flag"].tolist()
    start = axis.start + int(offsets[0]) * MINUTE if len(minutes) else axis.end
    window = Window(start, axis.end)
    causes = Counter(flags)
    causes[NOT_PUBLISHED] = window.minute_count - len(minutes)
    turnover = _total(valued["quote_volume"])
    volume = _total(valued["volume"])
    vwaps = dict(zip(places.tolist(), valued["vwap"], strict=True))
    quality = [int(each) for each in minutes["quality"][is_valued].dropna()]
    return SymbolFigures(
        symbol=symbol,
        latest=_latest(vwaps, axis),
        change_ratio=_ratio(vwaps, max(vwaps), min(vwaps)) if len(vwaps) > 1 else None,
        hour_change_ratio=_ratio(vwaps, max(vwaps), max(vwaps) - HOUR // MINUTE) if vwaps else None,
        window=window,
        vwap=turnover / volume if volume else None,
        low=min(map(Decimal, valued["low"]), default=None),
        high=max(map(Decimal, valued["high"]), default=None),
        quote_volume=turnover,
        volatility=realised_volatility(returns),
        return_count=int(returns.notna().sum()),
        causes=causes,
        valued_count=len(places),
        filled_count=int((minutes["vwap"].isna() & minutes["filled_vwap"].notna()).sum()),
        coverage=Decimal(len(places)) / (window.minute_count or 1),
        reconciled_count=int((minutes["is_reconciled"] == 1).sum()),
        revised_count=int((minutes["revision"] > 1).sum()),
        mean_quality=sum(quality) / len(quality) if quality else None,
        grades=Counter(minutes["grade"].dropna()),
        odd=Counter(flag for told in minutes["soft_flags"] if told for flag in told.split(",")),
        delays=Delays(int(each) for each in minutes["delay_ms"].dropna()),
        gap_first_count=_gap_first_count(minutes),
        chart=draw_prices(places, valued["vwap"], valued["low"], valued["high"]),
        line=_line(places, valued["vwap"], axis),
        runs=draw_causes(offsets.tolist(), flags, axis),
        last_minutes=_rows(minutes.tail(TABLE_MINUTES)[::-1]),
    )


def _gap_first_count(minutes: pd.DataFrame) -> int:
    # Text that sorts by time; an empty one is earlier than any.
    known, valued = (minutes[name].fillna("") for name in ("first_known_at", "first_valued_at"))
    return int((known < valued).sum())


def moment_of(text: str) -> datetime:
    """Parse a moment that the mart holds as text; aware UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _offsets(minutes: pd.DataFrame, axis: Window) -> npt.NDArray[np.int64]:
    moments = pd.to_datetime(minutes["minute"], utc=True)
    return ((moments - axis.start) // MINUTE).to_numpy(np.int64)


def _total(amounts: Iterable[str | None]) -> Decimal:
    return sum((Decimal(each) for each in amounts if each is not None), Decimal(0))


def _line(places: npt.NDArray[np.int64], vwaps: Sequence[str], axis: Window) -> Floats:
    line = np.full(axis.minute_count, np.nan)
    line[places] = np.asarray(vwaps, float)
    return line


def _latest(vwaps: dict[int, str], axis: Window) -> MinuteValue | None:
    if not vwaps:
        return None
    last = max(vwaps)
    return MinuteValue(axis.start + last * MINUTE, Decimal(vwaps[last]))


def _ratio(vwaps: dict[int, str], later: int, earlier: int) -> Decimal | None:
    if earlier not in vwaps:
        return None
    return Decimal(vwaps[later]) / Decimal(vwaps[earlier]) - 1


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    columns = {
        name: [None if pd.isna(each) else each for each in frame[name]]
        for name in (*TABLE_COLUMNS, "flag")
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
