"""Add up a window's minutes from one source: exact sums and statistics over columns.

All numbers are integers: prices and amounts x 10^8, averages x 10^12. Formulae and sources:
docs/method.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from include.records.columns import SCALE, SpanColumns, Whole
from include.records.windows import EPOCH, SECOND, Window

SECONDS_A_MINUTE = 60
AVERAGE_DECIMALS = 12
_TO_AVERAGE = 10**AVERAGE_DECIMALS
_LARGEST_INT64 = 2**63 - 1
# Hundredths of a basis point.
_CENTI_BP = 10**6

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class MinuteSums:
    """A window's minutes from one source, ascending, one row per minute.

    Attributes:
        has_row: Whether the source has any row of the minute.
        open: First traded price x 10^8; like high, low and close, 0 where nothing traded.
        high: Highest.
        low: Lowest.
        close: Last.
        volume: Base asset x 10^8.
        quote_volume: Quote asset x 10^8.
        trade_count: Trades.
    """

    has_row: Mask
    open: Whole
    high: Whole
    low: Whole
    close: Whole
    volume: Whole
    quote_volume: Whole
    trade_count: npt.NDArray[np.int64]


@dataclass(frozen=True)
class SecondStatistics:
    """Statistics of a window's minutes that need their seconds.

    Attributes:
        second_count: Seconds held of each minute, 0 to 60.
        medians: Volume-weighted medians of the seconds' averages x 10^12; 0 without a trade.
        dispersions: Weighted standard deviations, hundredths of a basis point; 0 without a trade.
        standing: Sums of the prices in effect at the start of each second x 10^8.
        standing_count: Number of the minute's seconds for which that price is known.
    """

    second_count: npt.NDArray[np.int64]
    medians: Whole
    dispersions: list[int]
    standing: Whole
    standing_count: npt.NDArray[np.int64]


def exchange_minute_sums(minutes: SpanColumns, window: Window) -> MinuteSums:
    """Lay out the exchange's own minutes over a window."""
    said = minutes.within(window)
    places = (said.starts_s - _start_s(window)) // SECONDS_A_MINUTE
    traded = said.trade_count > 0

    def laid(values: Any) -> Any:  # noqa: ANN401 - of either kind of whole number
        column = np.zeros(window.minute_count, values.dtype)
        column[places] = values
        return column

    prices = (said.open, said.high, said.low, said.close)
    return MinuteSums(
        laid(np.ones(len(said), np.bool_)),
        *(laid(np.where(traded, price, 0)) for price in prices),
        *(laid(amount) for amount in (said.volume, said.quote_volume, said.trade_count)),
    )


def second_sums(
    seconds: SpanColumns, window: Window, *, carried_for_s: int
) -> tuple[MinuteSums, SecondStatistics]:
    """Add up the seconds of each minute of a window.

    Args:
        seconds: Of the window, and of some time before it.
        window: Which minutes.
        carried_for_s: For how many seconds after its second a price stays in effect.
    """
    grid = _Grid(seconds.within(window), window)
    held, traded = grid.held, grid.traded
    is_traded = traded.any(axis=1)
    first = traded.argmax(axis=1)
    last = SECONDS_A_MINUTE - 1 - traded[:, ::-1].argmax(axis=1)
    high, low = grid.laid("high"), grid.laid("low")
    volume, quote_volume = grid.laid("volume"), grid.laid("quote_volume")
    sums = MinuteSums(
        has_row=held.any(axis=1),
        open=_picked(grid.laid("open"), first, is_traded),
        high=np.where(traded, high, 0).max(axis=1),
        low=np.where(is_traded, np.where(traded, low, high.max(initial=0)).min(axis=1), 0),
        close=_picked(grid.laid("close"), last, is_traded),
        volume=volume.sum(axis=1),
        quote_volume=quote_volume.sum(axis=1),
        trade_count=grid.laid("trade_count").sum(axis=1),
    )
    prices = _laid_over(traded, _averages(grid))
    weights = np.where(traded, volume, 0)
    standing, is_known = _standing(seconds, window, carried_for_s)
    return sums, SecondStatistics(
        second_count=held.sum(axis=1),
        medians=_weighted_medians(prices, weights, is_traded),
        dispersions=_dispersions(prices, weights, is_traded),
        standing=standing.sum(axis=1),
        standing_count=is_known.sum(axis=1),
    )


def quotients(numerators: Whole, denominators: Whole) -> Whole:
    """Divide whole numbers by positive ones, x 10^12, rounded half up.

    By long division in 64 bits, as many digits at a time as fit; where the numbers or the result
    are too large for that, with Python integers.
    """
    if not len(numerators):
        return numerators
    digits = _digits_at_once(numerators, denominators)
    if not digits:
        doubled = 2 * numerators.astype(object) * _TO_AVERAGE + denominators
        return doubled // (2 * denominators.astype(object))  # type: ignore[no-any-return]
    whole, rest = np.divmod(numerators, denominators)
    left = AVERAGE_DECIMALS
    while left:
        step = 10 ** min(digits, left)
        digit, rest = np.divmod(rest * step, denominators)
        whole = whole * step + digit
        left -= min(digits, left)
    return np.asarray(whole + (2 * rest >= denominators), np.int64)


def is_truncated(low: Any, volume: Any, quote_volume: Any, trade_count: Any) -> Any:  # noqa: ANN401 - whole numbers, or columns of them
    """Tell whether truncated amounts put an average below the lowest price of its trades.

    Each trade's amount is truncated to 8 decimals, so the sum of n trades may be n steps below the
    exact one. Then the lowest price is closer to the exact average than the stated quotient.

    Args:
        low: Price x 10^8; like the others, of a type that no product overflows.
        volume: x 10^8.
        quote_volume: x 10^8.
        trade_count: Trades.
    """
    least, stated = low * volume, quote_volume * 10**SCALE
    return (stated < least) & (least - trade_count * 10**SCALE <= stated)


def _digits_at_once(numerators: Whole, denominators: Whole) -> int:
    """Return how many digits of the quotients fit into 64 bits at a time; 0 if none do."""
    if any(each.dtype == object for each in (numerators, denominators)):
        return 0
    if (int((numerators // denominators).max()) + 1) * _TO_AVERAGE > _LARGEST_INT64:
        return 0
    return len(str(_LARGEST_INT64 // (2 * int(denominators.max())))) - 1


class _Grid:
    """A window's seconds, one row per minute and one column per second."""

    def __init__(self, seconds: SpanColumns, window: Window) -> None:
        self._seconds = seconds
        self._shape = (window.minute_count, SECONDS_A_MINUTE)
        self._places = seconds.starts_s - _start_s(window)
        self.held = self._laid(np.ones(len(seconds), np.bool_))
        self.traded = self._laid((seconds.trade_count > 0) & (seconds.volume > 0))

    def laid(self, name: str) -> Any:  # noqa: ANN401 - of either kind of whole number
        """Return a column of the seconds on the grid, 0 where none is held."""
        return self._laid(getattr(self._seconds, name))

    def _laid(self, values: Any) -> Any:  # noqa: ANN401 - of either kind of whole number
        flat = np.zeros(self._shape[0] * self._shape[1], values.dtype)
        flat[self._places] = values
        return flat.reshape(self._shape)


def _averages(grid: _Grid) -> Whole:
    """Return the average of each second that traded x 10^12."""
    names = ("low", "volume", "quote_volume", "trade_count")
    columns = [grid.laid(name)[grid.traded] for name in names]
    low, volume, quote_volume, _ = columns
    averages = quotients(quote_volume, volume)
    step = _TO_AVERAGE // 10**SCALE
    below = np.flatnonzero(averages // step < low)
    if len(below):
        exact = [column[below].astype(object) for column in columns]
        lifted = below[is_truncated(*exact).astype(np.bool_)]
        averages[lifted] = low[lifted] * step
    return averages


def _start_s(window: Window) -> int:
    return (window.start - EPOCH) // SECOND


def _picked(values: Any, places: Any, is_there: Mask) -> Any:  # noqa: ANN401 - whole numbers
    return np.where(is_there, np.take_along_axis(values, places[:, None], axis=1)[:, 0], 0)


def _laid_over(mask: Mask, values: Whole) -> Any:  # noqa: ANN401 - whole numbers
    """Put values where a mask is true; elsewhere the largest, so that they sort last."""
    laid = np.full(mask.shape, values.max(initial=0), values.dtype)
    laid[mask] = values
    return laid


def _weighted_medians(prices: Any, weights: Any, is_traded: Mask) -> Any:  # noqa: ANN401 - whole numbers
    """Return the price at half of the weight; the mean of two where half falls between them."""
    order = np.argsort(prices, axis=1, kind="stable")
    ranked = np.take_along_axis(prices, order, axis=1)
    twice = 2 * np.take_along_axis(weights, order, axis=1).cumsum(axis=1)
    total = twice[:, -1:] // 2
    lower = np.take_along_axis(ranked, (twice >= total).argmax(axis=1)[:, None], axis=1)[:, 0]
    upper = np.take_along_axis(ranked, (twice > total).argmax(axis=1)[:, None], axis=1)[:, 0]
    # Not their sum, which may need one bit more than 64.
    return np.where(is_traded, lower + (upper - lower + 1) // 2, 0)


def _dispersions(prices: Any, weights: Any, is_traded: Mask) -> list[int]:  # noqa: ANN401 - whole numbers
    """Return sqrt(sum of w (p - mean)^2 / sum of w) / mean, in hundredths of a basis point.

    The mean is that of the seconds themselves, x 10^12 half up; the result is rounded half up.
    """
    found = [0] * len(prices)
    some = np.flatnonzero(is_traded)
    if not len(some):
        return found
    shares, values = weights[some].astype(object), prices[some].astype(object)
    totals = shares.sum(axis=1)
    means = (2 * (shares * values).sum(axis=1) + totals) // (2 * totals)
    deviations = values - means[:, None]
    squares = (shares * deviations * deviations).sum(axis=1)
    for place, square, total, mean in zip(some.tolist(), squares, totals, means, strict=True):
        if not mean:
            continue
        twice = isqrt(4 * _CENTI_BP**2 * square // (total * mean * mean))
        found[place] = (twice + 1) // 2
    return found


def _standing(seconds: SpanColumns, window: Window, carried_for_s: int) -> tuple[Any, Mask]:
    """Return the price x 10^8 at each second's start, and whether it is known."""
    instants_s = _start_s(window) + np.arange(window.minute_count * SECONDS_A_MINUTE)
    shape = (window.minute_count, SECONDS_A_MINUTE)
    places = np.searchsorted(seconds.starts_s, instants_s) - 1
    if not len(seconds):
        return np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
    age_s = instants_s - seconds.starts_s[places]
    is_known = (places >= 0) & (age_s <= carried_for_s)
    return np.where(is_known, seconds.close[places], 0).reshape(shape), is_known.reshape(shape)
