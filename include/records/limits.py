"""Every limit that decides about data, with its source: the one place to change them.

A change of any value makes it another method: raise METHOD_VERSION with it, and say in
docs/method.md what changed. Every published minute carries the version that made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

METHOD_VERSION = 2


@dataclass(frozen=True)
class Threshold:
    """One limit.

    Attributes:
        value: The number itself.
        unit: What it counts.
        source: Where it comes from, or why it has this value.
    """

    value: Decimal
    unit: str
    source: str


MOST_BAD_RATIO = Threshold(
    Decimal("0.20"),
    "of the rows of one interval in a batch",
    "If more than one row in five is wrong, the whole batch is: another unit, another symbol, a "
    "copy. The defects that users reported affect a few rows or all of them.",
)
QUOTE_VOLUME_STEP = Threshold(
    Decimal("0.00000001"),
    "quote asset, for each trade of a kline or minute",
    "Binance truncates the amount of each trade to 8 decimals: a sum of n trades is less than the "
    "exact one by n such steps at most, whatever the tick (ccxt#7330).",
)
QUARANTINE_ALERT_RATIO = Threshold(
    Decimal("0.01"),
    "of a batch's rows",
    "Clean recordings have none. A single bad second in a usual batch of 376 rows is 0.27 % and "
    "can wait; one row in a hundred needs a look now.",
)

JUMP_MADS = Threshold(
    Decimal(10),
    "scaled median absolute deviations of the last returns",
    "Brownlees and Gallo (2006) and Barndorff-Nielsen et al. (2009) clean ticks beyond 10 of them; "
    "the textbook's 3 gives 42 to 84 false flags per symbol and day.",
)
MAD_SCALE = Threshold(
    Decimal("1.4826"),
    "of a median absolute deviation",
    "Makes it the standard deviation where returns are normal: 1 / the normal quantile of 3/4.",
)
JUMP_RATIO = Threshold(
    Decimal("0.005"),
    "of the price",
    "In a quiet market the deviations are so small that ten of them mean nothing to a reader.",
)
JUMP_RETURNS = Threshold(
    Decimal(60),
    "returns of one minute",
    "An hour of minutes, about the window of 50 to 60 ticks in the literature above.",
)
LEAST_JUMP_RETURNS = Threshold(
    Decimal(20),
    "returns of one minute",
    "With fewer the median of deviations says little.",
)
SPIKE_CLEARED_RATIO = Threshold(
    Decimal("0.5"),
    "of the jump",
    "Hysteresis as CF Benchmarks re-includes a source: only below half of what excluded it.",
)
CONTEXT_MINUTES = Threshold(
    Decimal(180),
    "minutes",
    "Three times the returns a jump is compared with: enough in a market that trades every third "
    "minute, and a bound on the minutes that can influence a minute.",
)
CONFIRMED_MINUTES = Threshold(
    Decimal(10),
    "minutes",
    "Contains the two minutes with a value that confirm a jump or call it a spike, even in a "
    "market that trades every fifth minute.",
)
SEAM_RATIO = Threshold(
    Decimal("0.005"),
    "of the price",
    "As for a jump. In three archived days of BTCUSDT the largest step from one minute's close to "
    "the next one's open is 0.066 %.",
)
STALE_MINUTES = Threshold(
    Decimal(5),
    "minutes without a trade",
    "Binance gives an index source no weight after five minutes without an update.",
)
CROSS_SOURCE_RATIO = Threshold(
    Decimal("0.03"),
    "of the exchange's five-minute average",
    "Binance caps a source of its price index at 3 % from the median of all.",
)
CROSS_SOURCE_RATIO_LARGE = Threshold(
    Decimal("0.01"),
    "of the exchange's five-minute average",
    "Binance's cap is tighter for the two most traded coins of that index.",
)
CROSS_SOURCE_CLEARED = Threshold(
    Decimal("0.5"),
    "of the limit",
    "Hysteresis as CF Benchmarks re-includes a source: only below half of what excluded it.",
)
CROSS_SOURCE_MINUTES = Threshold(
    Decimal(60),
    "minutes",
    "How long an earlier decision holds while the difference is between half of the limit and the "
    "limit.",
)
FILL_MINUTES = Threshold(
    Decimal(5),
    "minutes",
    "The longest silence after which Binance still uses a source's last price.",
)
QUALITY_KLINE = Threshold(
    Decimal(90),
    "of 100, where the exchange's own minute stands in for incomplete seconds",
    "The value is the exchange's own and exact; nothing else confirms it.",
)
QUALITY_DISAGREEING = Threshold(
    Decimal(70),
    "of 100, where the sum of the seconds differs from the exchange's minute",
    "One of two answers of the same exchange is wrong, and which one is a guess.",
)
QUALITY_PARTIAL = Threshold(
    Decimal(60),
    "of 100, times the share of the seconds held",
    "Part of the minute's trades: the average of what is known.",
)
QUALITY_JUMP, QUALITY_SPIKE, QUALITY_SEAM, QUALITY_CROSS_SOURCE = (
    Threshold(Decimal(points), "of 100, taken off", source)
    for points, source in (
        (20, "An unconfirmed jump may be a bad trade; it will be confirmed or become a spike."),
        (40, "The price came back at once: check this minute before you decide by it."),
        (10, "A step between minutes is unusual but not an error."),
        (30, "Another figure of the same exchange differs by more than the exchange's own limits."),
    )
)

LATE_SECONDS = Threshold(
    Decimal(30),
    "seconds after the end of a minute",
    "The grace period of twenty seconds, and ten to write: anything later missed its run.",
)
RESTATED_ALERT_RATIO = Threshold(
    Decimal("0.001"),
    "of the published average",
    "CF Benchmarks has restated from 0.10 % on since June 2024 (0.20 % before).",
)
CARRIED_SECONDS = Threshold(
    Decimal(300),
    "seconds",
    "A price is valid until the next one; the exchange sends a row even for a silent second, so "
    "after five minutes without any row the price is unknown.",
)
