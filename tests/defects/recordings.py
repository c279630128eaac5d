"""Clean recordings as batches: the archive's days, and seconds and minutes made of real trades."""

import csv
import gzip
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from pathlib import Path

from include.marketdata.archive_files import ArchiveFile, read_klines
from include.marketdata.batches import Batch, Interval
from include.marketdata.windows import MINUTE, Window, from_ms

PROJECT = Path(__file__).resolve().parents[2]
DAYS = sorted((PROJECT / "tests" / "data" / "binance").glob("BTCUSDT-1m-*.zip"))
TAPES = sorted((PROJECT / "include" / "simulator" / "tape").glob("*_trades_*.csv.gz"))
TICK_SIZE = Decimal("0.01")
STEP = Decimal("1e-8")


@dataclass(frozen=True)
class Recording:
    """One file.

    Attributes:
        name: Of the file.
        batch: All of it.
    """

    name: str
    batch: Batch

    @property
    def symbol_days(self):
        return Decimal(self.batch.window.minute_count) / 1440


def recordings():
    return [*map(archived_day, DAYS), *map(taped_minutes, TAPES)]


def archived_day(path):
    day = date.fromisoformat(path.stem[-10:])
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    rows = [*read_klines(ArchiveFile("BTCUSDT", Interval.MINUTE, day), path)]
    window = Window(start, start + timedelta(days=1))
    return Recording(path.name, batch_of("BTCUSDT", window, {Interval.MINUTE: rows}))


def taped_minutes(path):
    """The full minutes of a tape, as the exchange would have told them."""
    symbol = path.name.partition("_")[0]
    trades = defaultdict(list)
    with gzip.open(path, "rt") as lines:
        for trade in csv.DictReader(lines):
            trades[int(trade["time_ms"]) // 1000].append(trade)
    minutes = sorted({second // 60 for second in trades})[1:-1]
    window = Window(from_ms(minutes[0] * 60_000), from_ms(minutes[-1] * 60_000) + MINUTE)
    price = trades[max(second for second in trades if second < minutes[0] * 60)][-1]["price"]
    seconds, whole = [], []
    for minute in minutes:
        before, span = price, range(minute * 60, minute * 60 + 60)
        for second in span:
            seconds.append(row_of(second * 1000, 1000, trades[second], price))
            price = seconds[-1][4]
        traded = [
            trade for second in range(minute * 60, minute * 60 + 60) for trade in trades[second]
        ]
        whole.append(row_of(minute * 60_000, 60_000, traded, before))
    return Recording(
        path.name, batch_of(symbol, window, {Interval.SECOND: seconds, Interval.MINUTE: whole})
    )


def row_of(opens_ms, length_ms, trades, price_before):
    prices = [Decimal(trade["price"]) for trade in trades] or [Decimal(price_before)]
    sums = [
        (Decimal(trade["qty"]), turned(trade), trade["is_buyer_maker"].lower() == "false")
        for trade in trades
    ]
    return [
        opens_ms,
        text(prices[0]),
        text(max(prices)),
        text(min(prices)),
        text(prices[-1]),
        text(sum((quantity for quantity, _, _ in sums), Decimal(0))),
        opens_ms + length_ms - 1,
        text(sum((value for _, value, _ in sums), Decimal(0))),
        len(trades),
        text(sum((quantity for quantity, _, bought in sums if bought), Decimal(0))),
        text(sum((value for _, value, bought in sums if bought), Decimal(0))),
        "0",
    ]


def turned(trade):
    """The exchange truncates each trade's value to eight decimals."""
    return (Decimal(trade["price"]) * Decimal(trade["qty"])).quantize(STEP, ROUND_DOWN)


def text(amount):
    return format(amount.quantize(STEP), "f")


def batch_of(symbol, window, rows):
    return Batch(
        symbol=symbol,
        window=window,
        fetched_at=window.end + timedelta(seconds=5),
        rows=rows,
        spans=dict.fromkeys(rows, window),
        tick_size=TICK_SIZE,
        used_weight=2,
        fetch_ms=1,
    )
