"""The average of each minute from what the exchange itself says, by no code of the product."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext

import httpx

from dev.machine.ports import LOOPBACK
from include.records.windows import Window, from_ms, to_ms

MOST_ROWS = 1000

Values = dict[tuple[str, datetime], Decimal]


def exchange_values(port: int, symbols: Sequence[str], window: Window) -> Values:
    """Return the VWAP of each minute that the exchange has, by symbol and minute.

    Every symbol of the simulator trades in every minute. The values are rounded half up to twelve
    decimals, as published.
    """
    values: Values = {}
    with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=60) as exchange:
        for symbol in symbols:
            asked: dict[str, str | int] = {
                "symbol": symbol,
                "interval": "1m",
                "startTime": to_ms(window.start),
                "endTime": to_ms(window.end) - 1,
                "limit": MOST_ROWS,
            }
            for row in exchange.get("/api/v3/klines", params=asked).raise_for_status().json():
                with localcontext(prec=60):
                    vwap = Decimal(row[7]) / Decimal(row[5])
                    exact = vwap.quantize(Decimal("1e-12"), ROUND_HALF_UP)
                values[symbol, from_ms(row[0])] = exact
    return values
