"""Records with honest defaults, so that a test shows only what it is about."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from include.pipeline.landing import batch_url, land_batch
from include.records.batches import Batch, BatchRecord
from include.records.klines import Interval
from include.records.limits import METHOD_VERSION
from include.records.prices import (
    ExchangeMinute,
    Flag,
    Grade,
    MinuteAverage,
    MinutePrice,
    SecondPrice,
    SymbolInfo,
)
from include.records.verdicts import QuarantinedRow, Verdict
from include.records.windows import MINUTE, Window, to_ms

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def span(  # noqa: PLR0913 - one for each thing a test may be about
    record, start, *, symbol="BTCUSDT", price="100", volume="2", trades=1, quote_volume=None
):
    price, volume = Decimal(price), Decimal(volume)
    turned = Decimal(quote_volume) if quote_volume is not None else price * volume
    return record(
        symbol=symbol,
        start=start,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=volume,
        quote_volume=turned,
        trade_count=trades,
        taker_volume=volume / 2,
        taker_quote_volume=turned / 2,
    )


def second(start, **changes):
    return span(SecondPrice, start, **changes)


def exchange_minute(start, **changes):
    return span(ExchangeMinute, start, **changes)


def silent(record, start, **changes):
    return span(record, start, volume="0", trades=0, **changes)


def full_minute(start, *, symbol="BTCUSDT", price="100", volume="2"):
    """Sixty seconds of one trade each."""
    return [
        second(start + timedelta(seconds=index), symbol=symbol, price=price, volume=volume)
        for index in range(60)
    ]


def minute_of(seconds):
    """The exchange's minute that agrees with seconds."""
    first = seconds[0]
    return ExchangeMinute(
        symbol=first.symbol,
        start=first.start,
        open=first.open,
        high=max(second.high for second in seconds),
        low=min(second.low for second in seconds),
        close=seconds[-1].close,
        volume=sum(second.volume for second in seconds),
        quote_volume=sum(second.quote_volume for second in seconds),
        trade_count=sum(second.trade_count for second in seconds),
        taker_volume=sum(second.taker_volume for second in seconds),
        taker_quote_volume=sum(second.taker_quote_volume for second in seconds),
    )


def average(minute=NOON, *, symbol="BTCUSDT", vwap="100.5", flag=Flag.OK, level=1):
    value = Decimal(vwap) if vwap is not None else None
    return MinuteAverage(
        symbol=symbol,
        minute=minute,
        vwap=value,
        twap=value,
        vw_median=value,
        open=Decimal(100),
        high=Decimal(101),
        low=Decimal(100),
        close=Decimal(101),
        volume=Decimal(2),
        quote_volume=Decimal(201),
        trade_count=2,
        coverage=Decimal("1.00"),
        dispersion_bp=Decimal("49.75"),
        volume_difference=None,
        quote_volume_difference=None,
        trade_difference=None,
        filled_vwap=value,
        fill_age_seconds=0,
        fill_method=None,
        source_level=level,
        flag=flag,
        soft_flags="",
        is_reconciled=True,
        quality=100,
        grade=Grade.A,
        method_version=METHOD_VERSION,
    )


def minute_price(minute=NOON, *, revision=1, known_at=None, **changes):
    return MinutePrice(
        average(minute, **changes), revision, known_at or minute + timedelta(minutes=1)
    )


def minutes(count, *, start=NOON, **changes):
    """Minutes in a row."""
    return [minute_price(start + index * MINUTE, **changes) for index in range(count)]


def traded(minute=NOON, *, price="100", volume="1", **changes):
    """A minute whose trades all had one price."""
    made = minute_price(minute, vwap=price, **changes)
    price, volume = Decimal(price), Decimal(volume)
    values = dict.fromkeys(("open", "high", "low", "close"), price)
    average = replace(made.average, **values, volume=volume, quote_volume=price * volume)
    return replace(made, average=average)


def unpriced(minute=NOON, *, flag=Flag.SOURCE_GAP, level=7, **changes):
    """A minute of which nothing is known but that it passed."""
    made = minute_price(minute, vwap=None, flag=flag, level=level, **changes)
    nulls = dict.fromkeys(
        ("open", "high", "low", "close", "volume", "quote_volume", "trade_count", "is_reconciled")
    )
    average = replace(made.average, **nulls, quality=None, grade=None, coverage=Decimal(0))
    return replace(made, average=average)


def symbol_info(symbol="BTCUSDT", *, checked_at=NOON):
    return SymbolInfo(
        symbol=symbol,
        status="TRADING",
        base_asset=symbol.removesuffix("USDT"),
        quote_asset="USDT",
        tick_size=Decimal("0.01"),
        step_size=Decimal("0.00001"),
        checked_at=checked_at,
    )


def kline(start, interval=Interval.SECOND, *, price="100.00", volume="2.00000000", trades=2):
    """A kline as Binance sends it: one price, takers bought half."""
    opens_ms = to_ms(start)
    turned = Decimal(price) * Decimal(volume)
    return [
        opens_ms,
        price,
        price,
        price,
        price,
        volume,
        opens_ms + interval.length_ms - 1,
        f"{turned:.8f}",
        trades,
        f"{Decimal(volume) / 2:.8f}",
        f"{turned / 2:.8f}",
        "0",
    ]


def batch(*, symbol="BTCUSDT", start=NOON, minutes=1, seconds=None, minute_rows=None):
    """One fetched batch without overlap, every row of it good."""
    window = Window(start, start + timedelta(minutes=minutes))
    if seconds is None:
        seconds = [kline(start + timedelta(seconds=index)) for index in range(60 * minutes)]
    if minute_rows is None:
        minute_rows = [
            kline(minute, Interval.MINUTE, volume="120.00000000", trades=120)
            for minute in window.minutes()
        ]
    return Batch(
        symbol=symbol,
        window=window,
        fetched_at=window.end + timedelta(seconds=5),
        rows={Interval.SECOND: seconds, Interval.MINUTE: minute_rows},
        spans={Interval.SECOND: window, Interval.MINUTE: window},
        tick_size=Decimal("0.01"),
        used_weight=4,
        fetch_ms=12,
    )


def logged(minute=NOON, *, symbol="BTCUSDT", source="GENERATED", fetched_at=None):
    """An entry of the batch log: one minute, fetched five seconds after its end."""
    return BatchRecord(
        symbol=symbol,
        fetched_at=fetched_at or minute + MINUTE + timedelta(seconds=5),
        window_start=minute,
        window_end=minute + MINUTE,
        row_count=61,
        quarantined_count=0,
        is_refused=False,
        failed=(),
        used_weight=4,
        fetch_ms=12,
        check_ms=1,
        source=source,
    )


def verdict(bad_rows=None, *, warnings=None, reason=""):
    """What the gate says, of seconds at the given places; nothing wrong by default."""
    return Verdict(
        bad_rows={Interval.SECOND: bad_rows or {}, Interval.MINUTE: {}},
        warnings=warnings or {},
        is_refused=bool(reason),
        reason=reason,
        check_ms=1,
        evaluated_count=32,
        met_count=31,
    )


def quarantined_row(  # noqa: PLR0913 - one for each thing a test may be about
    row=None,
    *,
    symbol="BTCUSDT",
    interval=Interval.SECOND,
    failed="expect_prices_to_be_in_order",
    detected_at=NOON + timedelta(seconds=65),
    payload=None,
):
    row = row or kline(NOON, Interval(interval) if interval in [*Interval] else Interval.MINUTE)
    return QuarantinedRow(
        symbol=symbol,
        interval=getattr(interval, "value", interval),
        open_time=str(row[0]),
        payload=payload or json.dumps(row),
        observed={failed: "low 99"},
        detected_at=detected_at,
        batch_url="batch.json",
    )


def land(storage_url, made):
    """Land a batch as the fetch that was planned when it was made, and return its URL."""
    url = batch_url(str(storage_url), made.symbol, made.window, made.fetched_at)
    land_batch(url, made)
    return url
