"""Read the published minutes from Cassandra and format them for display."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from rich.table import Table

from dev.machine.ports import LOOPBACK
from include.method.delays import percentile
from include.reading.first_values import FirstValues, first_values
from include.reading.sources import strip_of
from include.records.price_strip import PriceStrip, duration_text
from include.records.prices import Flag, MinutePrice
from include.records.shown_numbers import price_text
from include.records.windows import MINUTE, Window, floor_minute
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.store import Store, connect

KEYSPACE = "prices"
# On one machine a server that does not answer soon is down.
PATIENCE_SECONDS = 5.0
LOOK_BACK = timedelta(days=1)


class Published:
    """The published minutes of some symbols.

    Args:
        store: The connected store.
        symbols: Which, in the order to show them.
    """

    def __init__(self, store: Store, symbols: Sequence[str]) -> None:
        self._store = store
        self.symbols = tuple(symbols)

    def since(self, start: datetime) -> list[MinutePrice]:
        """Return the published minutes that begin at `start` or later, by minute and symbol.

        Args:
            start: Aware UTC; the minute that contains it counts as a whole.
        """
        window = Window(floor_minute(start), floor_minute(datetime.now(UTC)) + MINUTE)
        prices = [
            price
            for symbol in self.symbols
            for price in self._store.minute_prices.between(symbol, window)
        ]
        return sorted(prices, key=lambda price: price.average.minute)

    def latest(self) -> dict[str, MinutePrice]:
        """Return each symbol's last published minute within the last day, if any."""
        prices = self.since(datetime.now(UTC) - LOOK_BACK)
        last = {price.average.symbol: price for price in prices}
        return {symbol: last[symbol] for symbol in self.symbols if symbol in last}

    def newest_values(self) -> list[MinutePrice]:
        """Return each symbol's last minute with a value within the last day, if any."""
        prices = self.since(datetime.now(UTC) - LOOK_BACK)
        last = {price.average.symbol: price for price in prices if price.average.vwap is not None}
        return [last[symbol] for symbol in self.symbols if symbol in last]

    def strip(self) -> PriceStrip:
        """Return where the newest prices come from, and how old the newest is."""
        return strip_of(self._store, self.symbols, datetime.now(UTC))

    def first_values(self, start: datetime) -> list[FirstValues]:
        """Return for each symbol when its minutes from an aware UTC moment on got a value."""
        window = Window(floor_minute(start), floor_minute(datetime.now(UTC)) + MINUTE)
        return [
            first_values(self._store.minute_rows.causes(symbol, window)) for symbol in self.symbols
        ]


@contextmanager
def open_published(
    port: int, symbols: Sequence[str], hosts: Sequence[str] = (LOOPBACK,)
) -> Iterator[Published]:
    """Connect to the local server, or to several, for the duration of the block.

    Raises:
        RetryableError: Cassandra does not answer.
        SettingsError: The keyspace does not exist yet.
    """
    settings = CassandraSettings(
        hosts=tuple(hosts), port=port, keyspace=KEYSPACE, patience_seconds=PATIENCE_SECONDS
    )
    try:
        yield Published(connect(settings), symbols)
    finally:
        # Before the server stops, or the driver complains that it is gone.
        SESSIONS.close()


def count_complete(prices: Sequence[MinutePrice], symbols: Sequence[str], start: datetime) -> int:
    """Count the minutes that closed after `start` and were published for every symbol.

    A minute flagged only because our own request failed is not counted.
    """
    by_minute: dict[datetime, set[str]] = {}
    for price in prices:
        average = price.average
        if average.minute + MINUTE > start and average.flag is not Flag.INGEST_GAP:
            by_minute.setdefault(average.minute, set()).add(average.symbol)
    return sum(1 for found in by_minute.values() if found >= set(symbols))


def delay_seconds(price: MinutePrice) -> float:
    """Return how long after its minute's end a price was published, seconds."""
    return (price.known_at - price.average.minute - MINUTE).total_seconds()


def delay_summary(symbols: Sequence[FirstValues]) -> str:
    """Return a line on how long after their end the minutes of some symbols got a value."""
    delays = sorted(each / 1000 for firsts in symbols for each in firsts.delays_ms.values())
    if not delays:
        return "no minute got a value while this ran"
    p50, p95 = (percentile(delays, percent) for percent in (50, 95))
    gap_first_count = sum(firsts.gap_first_count for firsts in symbols)
    return (
        f"from a minute's end to its first value, {len(delays)} values: "
        f"p50 {p50:.1f} s, p95 {p95:.1f} s, max {delays[-1]:.1f} s; "
        f"gaps first: {gap_first_count}"
    )


def value_text(price: MinutePrice) -> str:
    """Return a VWAP for display; the flag if there is no value."""
    vwap = price.average.vwap
    return price.average.flag.value if vwap is None else price_text(vwap)


def as_line(prices: Sequence[MinutePrice], kinds: str) -> str:
    """Return one line about one minute of some symbols.

    Args:
        prices: At least one; all of the same minute.
        kinds: Where they come from, in a word.
    """
    minute = prices[0].average.minute
    values = "  ".join(f"{price.average.symbol} {value_text(price)}" for price in prices)
    delay = max(delay_seconds(price) for price in prices)
    return f"{kinds}  {minute:%H:%M} UTC  {values}  (published {delay:.1f} s after the minute)"


def as_table(prices: Sequence[MinutePrice], now: datetime) -> Table:
    """Return a table with one row per price; it fits a hundred columns, and cuts no flag off.

    Args:
        prices: In the order to show them.
        now: By when their ages count, aware UTC.
    """
    # Room for the longest numbers, in a hundred columns.
    table = Table(title="Average price of a minute", padding=(0, 1, 0, 0))
    table.add_column("symbol", overflow="fold")
    table.add_column("minute (UTC)", no_wrap=True)
    for title in ("age", "VWAP", "volume", "trades", "held"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("flag", no_wrap=True, min_width=max(map(len, Flag)))
    for price in prices:
        average = price.average
        table.add_row(
            average.symbol,
            f"{average.minute:%m-%d %H:%M}",
            duration_text(max(timedelta(0), now - average.minute - MINUTE)),
            # The flag says why there is none.
            "" if average.vwap is None else price_text(average.vwap),
            "" if average.volume is None else price_text(average.volume),
            "" if average.trade_count is None else str(average.trade_count),
            f"{average.coverage:.0%}",
            average.flag.value,
        )
    return table
