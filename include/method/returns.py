"""Logarithmic returns between published averages, their volatility and correlation.

Statistics in double precision: no price is computed from them.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

# With fewer returns a correlation is meaningless.
LEAST_RETURNS = 30


def log_returns(minutes: pd.DataFrame) -> pd.DataFrame:
    """Return each symbol's returns from one minute to the next.

    Args:
        minutes: Columns minute (any order; aware times, or text that sorts like time), symbol and
            vwap (text, number or None), one row per minute and symbol.

    Returns:
        A row for each minute that has one, ascending, and a column per symbol: the natural
        logarithm of its VWAP over that of the previous minute; NaN where one has none.
    """
    priced = minutes[["minute", "symbol"]].assign(
        minute=pd.to_datetime(minutes["minute"], utc=True),
        vwap=pd.to_numeric(minutes["vwap"]).astype(float),
    )
    wide = priced.pivot_table(index="minute", columns="symbol", values="vwap")
    if wide.empty:
        return wide
    whole = wide.reindex(pd.date_range(wide.index.min(), wide.index.max(), freq="min"))
    return whole.apply(np.log).diff().iloc[1:]


def realised_volatility(returns: pd.Series[float]) -> float | None:
    """Return the square root of the sum of squared returns, over their span, not annualised.

    As defined by Andersen and Bollerslev, "Answering the Skeptics" (1998); None without a return.
    """
    held = returns.dropna()
    return float(np.sqrt(np.square(held).sum())) if len(held) else None


def correlations(returns: pd.DataFrame) -> pd.DataFrame:
    """Return Pearson's correlation of each pair of symbols, over their common minutes.

    Args:
        returns: From `log_returns`.

    Returns:
        Columns symbol, other_symbol (symbol < other_symbol), correlation (NaN of fewer than 30
        common returns, or where one never moves) and return_count.
    """
    columns = sorted(returns.columns)
    held = returns[columns].notna().to_numpy().astype(int)
    counts = held.T @ held
    with np.errstate(invalid="ignore", divide="ignore"):
        table = returns[columns].corr(min_periods=LEAST_RETURNS).to_numpy()
    return pd.DataFrame(
        [
            (columns[one], columns[other], table[one, other], int(counts[one, other]))
            for one, other in combinations(range(len(columns)), 2)
        ],
        columns=["symbol", "other_symbol", "correlation", "return_count"],
    )
