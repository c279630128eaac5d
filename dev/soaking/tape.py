"""The average of a minute straight from the tape files, without a line of the product."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path

TAPES = Path(__file__).resolve().parents[2] / "include" / "simulator" / "tape"


def tape_vwaps(symbol: str) -> list[Decimal]:
    """Return the VWAP of each full minute of a symbol's tape, in order.

    Wall-clock minute k since the epoch replays the minute at k modulo their number.
    """
    (file,) = TAPES.glob(f"{symbol}_trades_*.csv.gz")
    sums: defaultdict[int, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    with gzip.open(file, "rt") as lines:
        for trade in csv.DictReader(lines):
            price, quantity = Decimal(trade["price"]), Decimal(trade["qty"])
            minute = sums[int(trade["time_ms"]) // 60_000]
            # The exchange truncates each trade's turnover to eight decimals.
            minute[0] += (price * quantity).quantize(Decimal("1e-8"), ROUND_DOWN)
            minute[1] += quantity
    full_minutes = sorted(sums)[1:-1]
    with localcontext(prec=60):
        return [
            (sums[minute][0] / sums[minute][1]).quantize(Decimal("1e-12"), ROUND_HALF_UP)
            for minute in full_minutes
        ]
