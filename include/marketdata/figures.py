"""What a report says of each symbol, worked out from the mart's minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from include.marketdata.charts import NOT_PUBLISHED, PriceChart, Run, draw_causes, draw_prices
from include.marketdata.returns import realised_volatility
from include.marketdata.windows import MINUTE, Window

HOUR = timedelta(hours=1)
TABLE_MINUTES = 30


@dataclass(frozen=True)
class Value:
    """The average of one minute.

    Attributes:
        minute: Its first moment, aware UTC.
        vwap: Quote asset per base asset.
    """

    minute: datetime
    vwap: Decimal


@dataclass(frozen=True)
class SymbolFigures:
    """What the report says of one symbol.

    Attributes:
        symbol: Binance's pair id, upper case.
        latest: The last minute with a value; None when there is none.
        change_ratio: The last vwap of the span / its first one - 1; None without two.
        hour_change_ratio: Latest vwap / vwap exactly one hour earlier - 1; None when one of
            the two minutes has no value.
        window: The minutes expected: from the symbol's first one in the span, to its end.
        vwap: Sum of quote volume / sum of volume over the window; None without a value.
        low: Lowest price of the minutes with a value.
        high: Highest price of them.
        quote_volume: Their turnover, quote asset.
        volatility: Realised, of the span (returns.realised_volatility); None without a return.
        return_count: Returns that it is made of.
        causes: Number of minutes by flag, absent ones as NOT_PUBLISHED; adds up to the window.
        valued_count: Minutes with a value.
        filled_count: Minutes without one that have a filled value.
        coverage: Minutes with a value / minutes expected, 0 to 1.
        reconciled_count: Minutes on which our seconds and the exchange's minute agree.
        revised_count: Minutes published more than once.
        mean_quality: Of the minutes with a value, 0 to 100; None without one.
        grades: Number of minutes by grade.
        odd: Number of minutes by soft flag.
        median_delay_ms: From a minute's end to its first publication; None where none is known.
        p95_delay_ms: The same of the slowest in twenty, by nearest rank.
        chart: The prices; None without a value.
        runs: The causes along the time axis.
        last_minutes: The last minutes with a row, newest first, as rows of the mart.
    """

    symbol: str
    latest: Value | None
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
    median_delay_ms: int | None
    p95_delay_ms: int | None
    chart: PriceChart | None
    runs: list[Run]
    last_minutes: list[dict[str, Any]]


def figures_of(
    symbol: str, minutes: pd.DataFrame, returns: pd.DataFrame, axis: Window
) -> SymbolFigures:
    """Work out what the report says of one symbol.

    Args:
        symbol: Binance's pair id, upper case.
        minutes: The mart's minutes of any symbols inside the axis, ascending, one revision each.
        returns: Their returns (returns.log_returns).
        axis: The span that the report shows.
    """
    own = minutes[minutes["symbol"] == symbol]
    moments = pd.to_datetime(own["minute"], utc=True)
    offsets = ((moments - axis.start) // MINUTE).astype(int).to_numpy()
    is_valued = own["vwap"].notna().to_numpy()
    valued, places = own[is_valued], offsets[is_valued]
    start = axis.start + int(offsets[0]) * MINUTE if len(own) else axis.end
    window = Window(start, axis.end)
    causes = Counter(own["flag"])
    causes[NOT_PUBLISHED] = window.minute_count - len(own)
    volumes = [Decimal(each) for each in valued["volume"].dropna()]
    turnover = sum((Decimal(each) for each in valued["quote_volume"].dropna()), Decimal(0))
    vwaps = dict(zip(places.tolist(), valued["vwap"], strict=True))
    own_returns = returns[symbol] if symbol in returns else pd.Series(dtype=float)
    delays = sorted(int(each) for each in own["delay_ms"].dropna())
    quality = valued["quality"].dropna()
    return SymbolFigures(
        symbol=symbol,
        latest=_latest(vwaps, axis),
        change_ratio=_ratio(vwaps, max(vwaps), min(vwaps)) if len(vwaps) > 1 else None,
        hour_change_ratio=_ratio(vwaps, max(vwaps), max(vwaps) - HOUR // MINUTE) if vwaps else None,
        window=window,
        vwap=turnover / sum(volumes) if any(volumes) else None,
        low=min((Decimal(each) for each in valued["low"].dropna()), default=None),
        high=max((Decimal(each) for each in valued["high"].dropna()), default=None),
        quote_volume=turnover,
        volatility=realised_volatility(own_returns),
        return_count=int(own_returns.notna().sum()),
        causes=causes,
        valued_count=len(valued),
        filled_count=int((own["vwap"].isna() & own["filled_vwap"].notna()).sum()),
        coverage=Decimal(len(valued)) / (window.minute_count or 1),
        reconciled_count=int((own["is_reconciled"] == 1).sum()),
        revised_count=int((own["revision"] > 1).sum()),
        mean_quality=float(quality.mean()) if len(quality) else None,
        grades=Counter(own["grade"].dropna()),
        odd=Counter(flag for flags in own["soft_flags"] if flags for flag in flags.split(",")),
        median_delay_ms=_ranked(delays, 50),
        p95_delay_ms=_ranked(delays, 95),
        chart=draw_prices(places, *([*valued[name]] for name in ("vwap", "low", "high"))),
        runs=draw_causes(offsets.tolist(), [*own["flag"]], axis),
        last_minutes=_rows(own.tail(TABLE_MINUTES)[::-1]),
    )


def moment_of(text: str) -> datetime:
    """Return the moment that the mart writes as text, aware UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _latest(vwaps: dict[int, str], axis: Window) -> Value | None:
    if not vwaps:
        return None
    last = max(vwaps)
    return Value(axis.start + last * MINUTE, Decimal(vwaps[last]))


def _ratio(vwaps: dict[int, str], later: int, earlier: int) -> Decimal | None:
    if earlier not in vwaps:
        return None
    return Decimal(vwaps[later]) / Decimal(vwaps[earlier]) - 1


def _ranked(ordered: Sequence[int], percent: int) -> int | None:
    """Return a percentile by nearest rank; None of nothing."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else None


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    whole = frame.astype(object).replace({np.nan: None, pd.NA: None})
    return [{str(name): value for name, value in row.items()} for row in whole.to_dict("records")]
