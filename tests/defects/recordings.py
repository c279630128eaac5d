"""Clean recordings as batches: the archive's days, and seconds and minutes made of trades.

The trades are real ones, and of thin pairs, of which there is no recording, drawn by a seed.
"""

import csv
import gzip
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from random import Random

from include.exchange.archive_files import ArchiveFile, read_klines
from include.records.batches import Batch
from include.records.klines import Interval
from include.records.windows import MINUTE, Window, from_ms, to_ms

PROJECT = Path(__file__).resolve().parents[2]
DAYS = sorted((PROJECT / "tests" / "data" / "binance").glob("BTCUSDT-1m-*.zip"))
TAPES = sorted((PROJECT / "include" / "simulator" / "tape").glob("*_trades_*.csv.gz"))
TICK_SIZE = Decimal("0.01")
STEP = Decimal("1e-8")
THIN_DAY = datetime(2026, 3, 1, tzinfo=UTC)
# The minutes of a day, and as many of its seconds as the gate takes in a moment.
THIN_SECONDS = timedelta(hours=2)
# Symbol, price at midnight, tick.
THIN_PAIRS = (("ETHBTC", "0.064335", "0.000001"), ("KNCBTC", "0.00061234", "0.00000001"))


@dataclass(frozen=True)
class Recording:
    """One file.

    Attributes:
        name: Of the file, or of what was drawn.
        batch: All of it.
        defect: Whose rows, though good, were refused once; None where none were.
    """

    name: str
    batch: Batch
    defect: int | None = None

    @property
    def symbol_days(self):
        return Decimal(self.batch.window.minute_count) / 1440


def recordings():
    thin = [thin_day(*pair) for pair in THIN_PAIRS]
    return [*map(archived_day, DAYS), *map(taped_minutes, TAPES), *thin]


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
    return Recording(path.name, batch_of(symbol, window, rows_of(trades, window, window, price)))


def thin_day(symbol, price, tick):
    """A day of at most one trade a minute, each worth 0.0001 to 0.01 of the quote asset.

    0.0001 is the least that the exchange takes. Quantities go to the eighth decimal; quote volumes
    are truncated to it, and so below low x volume. What is silent stands flat.
    """
    draws = Random(symbol)  # noqa: S311 - market data, not secrets
    window = Window(THIN_DAY, THIN_DAY + timedelta(days=1))
    first, standing = to_ms(window.start) // 1000, Decimal(price)
    trades = defaultdict(list)
    for minute in range(window.minute_count):
        if draws.random() < 0.85:
            standing += draws.randint(-2, 2) * Decimal(tick)
            trade = {
                "price": standing,
                "qty": (draws.randint(10_000, 1_000_000) * STEP / standing).quantize(STEP),
                "is_buyer_maker": draws.choice(("true", "false")),
            }
            trades[first + minute * 60 + draws.randrange(60)].append(trade)
    seconds = Window(THIN_DAY, THIN_DAY + THIN_SECONDS)
    rows = rows_of(trades, seconds, window, price)
    batch = batch_of(symbol, window, rows, tick_size=Decimal(tick))
    spans = {Interval.SECOND: seconds, Interval.MINUTE: window}
    return Recording(f"{symbol}, a thin day", replace(batch, spans=spans), defect=31)


def rows_of(trades, seconds, minutes, price_before):
    """The klines of two windows.

    Args:
        trades: By the second that they fell in, since the epoch.
        seconds: Window of the one-second klines.
        minutes: Window of the one-minute klines.
        price_before: Of the last trade before both.
    """
    rows = {}
    for interval, window, length in (
        (Interval.SECOND, seconds, 1),
        (Interval.MINUTE, minutes, 60),
    ):
        price = price_before
        rows[interval] = []
        for opens in range(to_ms(window.start) // 1000, to_ms(window.end) // 1000, length):
            traded = [trade for at in range(opens, opens + length) for trade in trades.get(at, ())]
            rows[interval].append(row_of(opens * 1000, length * 1000, traded, price))
            price = rows[interval][-1][4]
    return rows


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


def batch_of(symbol, window, rows, tick_size=TICK_SIZE):
    return Batch(
        symbol=symbol,
        window=window,
        fetched_at=window.end + timedelta(seconds=5),
        rows=rows,
        spans=dict.fromkeys(rows, window),
        tick_size=tick_size,
        used_weight=2,
        fetch_ms=1,
    )
