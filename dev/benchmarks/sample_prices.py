"""Made-up prices with as many digits as real ones, for measurements."""

from __future__ import annotations

import random
from datetime import datetime
from decimal import Decimal

from include.records.limits import METHOD_VERSION
from include.records.prices import Flag, Grade, MinuteAverage, SecondPrice

SYMBOL = "BTCUSDT"
_TO_EIGHT = Decimal("0.00000001")


def second_price(start: datetime, chance: random.Random) -> SecondPrice:
    """Return a second in Binance's form: eight decimals, sixty thousand dollars a coin."""
    cents = [chance.randrange(6_000_000, 6_100_000) for _ in range(4)]
    open_, high, low, close = (Decimal(each * 10**6).scaleb(-8) for each in cents)
    volume = Decimal(chance.randrange(10**6, 3 * 10**8)).scaleb(-8)
    turned = (volume * close).quantize(_TO_EIGHT)
    half = (volume / 2).quantize(_TO_EIGHT)
    return SecondPrice(
        SYMBOL, start, open_, high, low, close, volume, turned, 17, half, turned - half
    )


def minute_average(minute: datetime, chance: random.Random) -> MinuteAverage:
    """Return a minute's average with all its digits."""
    price = Decimal(chance.randrange(6 * 10**16, 61 * 10**15)).scaleb(-12)
    volume = Decimal(chance.randrange(10**9, 10**10)).scaleb(-8)
    return MinuteAverage(
        symbol=SYMBOL,
        minute=minute,
        vwap=price,
        twap=price,
        vw_median=price,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=volume,
        quote_volume=(volume * price).quantize(_TO_EIGHT),
        trade_count=1_000,
        coverage=Decimal("1.00"),
        dispersion_bp=Decimal("1.27"),
        volume_difference=None,
        quote_volume_difference=None,
        trade_difference=None,
        filled_vwap=price,
        fill_age_seconds=0,
        fill_method=None,
        source_level=1,
        flag=Flag.OK,
        soft_flags="",
        is_reconciled=True,
        quality=100,
        grade=Grade.A,
        method_version=METHOD_VERSION,
    )
