"""Every limit that decides over data, with its source: the one place to change them.

A change of any value makes another method: raise METHOD_VERSION with it, and say in
docs/method.md what changed. Every published minute carries the version it was made by.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

METHOD_VERSION = 1


@dataclass(frozen=True)
class Threshold:
    """One limit.

    Attributes:
        value: The number itself.
        unit: What it counts.
        source: Where it comes from, or why it is this.
    """

    value: Decimal
    unit: str
    source: str


MOST_BAD_RATIO = Threshold(
    Decimal("0.20"),
    "of the rows of one interval in a batch",
    "More than one row in five wrong, and the batch as a whole is not what it should be: another "
    "unit, another symbol, a copy. The defects that users reported are of a few rows or of all.",
)
VWAP_TOLERANCE_TICKS = Threshold(
    Decimal(1),
    "tick sizes beyond low and high",
    "The exchange rounds the quote volume of each trade to 8 decimals, which moves the average "
    "of a tiny volume by less than a tick in all recordings.",
)
QUOTE_VOLUME_STEP = Threshold(
    Decimal("0.00000001"),
    "quote asset, for each trade of a minute",
    "Binance states amounts with 8 decimals: a sum of n trades is off by n such steps at most.",
)
QUARANTINE_ALERT_RATIO = Threshold(
    Decimal("0.01"),
    "of a batch's rows",
    "Clean recordings have none. A single bad second of a usual batch of 376 rows is 0.27 %, and "
    "is to be looked at in time; one in a hundred is to be looked at now.",
)

JUMP_MADS = Threshold(
    Decimal(10),
    "scaled median absolute deviations of the last returns",
    "Brownlees and Gallo (2006) and Barndorff-Nielsen et al. (2009) clean ticks beyond 10 of them; "
    "the textbook's 3 gives 42 to 84 false flags a symbol and day.",
)
MAD_SCALE = Threshold(
    Decimal("1.4826"),
    "of a median absolute deviation",
    "Makes it the standard deviation where returns are normal: 1 / the normal quantile of 3/4.",
)
JUMP_RATIO = Threshold(
    Decimal("0.005"),
    "of the price",
    "A quiet market's deviations are so small that ten of them are nothing to a reader.",
)
JUMP_RETURNS = Threshold(
    Decimal(60),
    "returns of one minute",
    "An hour of minutes, as many as the window of 50 to 60 ticks in the literature above.",
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
RESTATED_ALERT_RATIO = Threshold(
    Decimal("0.001"),
    "of the published average",
    "CF Benchmarks restates from 0.10 % on since June 2024 (0.20 % before).",
)
