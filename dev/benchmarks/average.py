"""Average a day exactly, and compare speed and digits with plain pandas and binary floats."""

from __future__ import annotations

import argparse
import os
import platform
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median

import numpy as np
import pandas as pd

from dev.benchmarks.sample_prices import SYMBOL, second_price
from dev.machine.console import say
from include.method.averages import average_minutes
from include.method.grading import annotate
from include.records.columns import SpanColumns
from include.records.prices import ExchangeMinute, MinuteAverage, SecondPrice
from include.records.windows import SECOND, Window

DAY = datetime(2026, 3, 1, tzinfo=UTC)
SECONDS, MINUTE_LENGTH = 86_400, 60
ROUNDS = 15
AMOUNTS = ("open", "high", "low", "close", "volume", "quote_volume")


def main() -> None:
    """Average a day both ways, alternating, and compare times and digits."""
    argparse.ArgumentParser(prog="./dev/bench average", description=__doc__).parse_args()
    say(
        f"{platform.machine()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}, "
        f"Python {platform.python_version()}; a day of seconds, {SECONDS:,} rows, to 1,440 "
        f"minutes; {ROUNDS} alternating rounds"
    )
    chance = random.Random(7)  # noqa: S311 - made-up prices
    seconds = [second_price(DAY + place * SECOND, chance) for place in range(SECONDS)]
    minutes = [
        _minute(seconds[first : first + MINUTE_LENGTH])
        for first in range(0, SECONDS, MINUTE_LENGTH)
    ]
    window = Window(DAY, DAY + timedelta(days=1))
    held, said = SpanColumns.of(seconds), SpanColumns.of(minutes)
    second_frame, minute_frame = _frame(seconds), _frame(minutes)

    def exact() -> list[MinuteAverage]:
        return average_minutes(SYMBOL, window, held, said, window.end)

    def whole() -> list[MinuteAverage]:
        return annotate(exact(), {})

    times = _times(
        {
            "plain pandas, binary floats": lambda: plain_pandas(second_frame, minute_frame),
            "exact": exact,
            "exact, with soft flags, filled value and quality": whole,
        }
    )
    base = next(iter(times.values()))
    for name, seconds_taken in times.items():
        say(
            f"  {name:50} p50 {seconds_taken:.4f} s, {SECONDS / seconds_taken:11,.0f} rows/s, "
            f"{seconds_taken / base:.2f} times the first"
        )
    _show_digits(exact(), plain_pandas(second_frame, minute_frame))


def plain_pandas(seconds: pd.DataFrame, minutes: pd.DataFrame) -> pd.DataFrame:
    """Compute the same averages as an analyst would, with floats: grouped by minute."""
    traded = seconds[seconds["trade_count"] > 0]
    by_minute = traded.groupby("minute")
    result = by_minute.agg(
        open=("open", "first"),
        high=("high", "max"),
        low=("low", "min"),
        close=("close", "last"),
        volume=("volume", "sum"),
        quote_volume=("quote_volume", "sum"),
        trade_count=("trade_count", "sum"),
    )
    result["vwap"] = result["quote_volume"] / result["volume"]
    standing = seconds["close"].shift()
    result["twap"] = standing.groupby(seconds["minute"]).mean()
    price = traded["quote_volume"] / traded["volume"]
    ordered = traded.assign(price=price).sort_values(["minute", "price"])
    share = ordered.groupby("minute")["volume"].cumsum() / ordered["minute"].map(result["volume"])
    result["vw_median"] = ordered[share >= 0.5].groupby("minute")["price"].first()  # noqa: PLR2004 - half
    squares = traded["volume"] * (price - traded["minute"].map(result["vwap"])) ** 2
    variance = squares.groupby(traded["minute"]).sum() / result["volume"]
    result["dispersion_bp"] = np.sqrt(variance) / result["vwap"] * 10_000
    result["coverage"] = seconds.groupby("minute").size() / MINUTE_LENGTH
    official = minutes.set_index("minute")
    result["is_reconciled"] = np.isclose(result["volume"], official["volume"]) & np.isclose(
        result["quote_volume"], official["quote_volume"]
    )
    return result


def _times(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in works}
    for number in range(ROUNDS + 2):
        for name, work in works.items():
            begun = time.perf_counter()
            work()
            if number > 1:
                taken[name].append(time.perf_counter() - begun)
    return {name: median(each) for name, each in taken.items()}


def _show_digits(exact: list[MinuteAverage], floats: pd.DataFrame) -> None:
    pairs = [
        (average.vwap, Decimal(price))
        for average, price in zip(exact, floats["vwap"], strict=True)
        if average.vwap is not None
    ]
    step = Decimal("1e-12")
    same = sum(1 for ours, theirs in pairs if ours == theirs.quantize(step))
    furthest = max(abs(ours - theirs) for ours, theirs in pairs)
    say(
        f"  of {len(pairs):,} averages, floats match {same} to the twelfth decimal; the largest "
        f"error is {furthest:.1e}, {furthest / min(ours for ours, _ in pairs):.1e} of the price"
    )


def _frame(spans: list[SecondPrice] | list[ExchangeMinute]) -> pd.DataFrame:
    frame = pd.DataFrame({name: [float(getattr(span, name)) for span in spans] for name in AMOUNTS})
    frame["trade_count"] = [span.trade_count for span in spans]
    frame["minute"] = pd.to_datetime([span.start for span in spans], utc=True).floor("min")
    return frame


def _minute(seconds: list[SecondPrice]) -> ExchangeMinute:
    def total(name: str) -> Decimal:
        return sum((getattr(second, name) for second in seconds), Decimal(0))

    return ExchangeMinute(
        symbol=SYMBOL,
        start=seconds[0].start,
        open=seconds[0].open,
        high=max(second.high for second in seconds),
        low=min(second.low for second in seconds),
        close=seconds[-1].close,
        volume=total("volume"),
        quote_volume=total("quote_volume"),
        trade_count=sum(second.trade_count for second in seconds),
        taker_volume=total("taker_volume"),
        taker_quote_volume=total("taker_quote_volume"),
    )


if __name__ == "__main__":
    main()
