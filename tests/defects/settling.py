"""Fetch minutes from an exchange that answers as of a moment ago: how many are revised?"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from dev.benchmarks.bench_stack import first_symbols, symbol_count
from dev.machine.console import say
from include.exchange.client import AVERAGE_WEIGHT, KLINES_WEIGHT, ROWS_PER_PAGE, BinanceClient
from include.method.averages import average_minutes
from include.pipeline import fetching
from include.pipeline.fetching import LOOKS, SETTLE, FetchPlan, fetch_batch
from include.pipeline.storing import as_record
from include.records.batches import Batch
from include.records.columns import SpanColumns
from include.records.klines import Interval, RawRow
from include.records.prices import ExchangeMinute, MinuteAverage, SecondPrice
from include.records.windows import MINUTE, Window, to_ms
from include.simulator.market.exchange import Exchange, open_exchange

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHORTEST, LONGEST = timedelta(seconds=0.5), timedelta(seconds=3)
ROUND_TRIP = timedelta(milliseconds=50)
WEIGHT_LIMIT = 6_000
SEED = 1


@dataclass(frozen=True)
class Settled:
    """What came of some minutes.

    Attributes:
        revised_count: Those whose average the next fetch changed.
        wrong_count: Those that differ from the exchange's even then.
        weight: Of the first fetches.
        waits: When each was fetched first, in seconds after its end.
    """

    revised_count: int
    wrong_count: int
    weight: int
    waits: Sequence[float]


class LaggingExchange:
    """In the place of a client: what the exchange knew some time before each request.

    It stands for servers that lag behind by different times, drawn anew for each request; what
    happened since is missing from its rows, to the single trade.
    """

    def __init__(self, exchange: Exchange, seed: int) -> None:
        self.now = START
        self.weight = 0
        self.transport = SimpleNamespace(
            reserve=lambda _weight, _wait_seconds: None,
            restart_patience=lambda: None,
            used_weight=0,
            source="GENERATED",
        )
        self._exchange = exchange
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def clock(self) -> datetime:
        """Return the time, which only waiting and requests move."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.now += timedelta(seconds=seconds)

    def klines(
        self, symbol: str, interval: Interval, span: Window, *, open_end: timedelta
    ) -> list[RawRow]:
        """Return the klines of a span as they were known a moment ago."""
        del open_end
        lag = SHORTEST + self._random.random() * (LONGEST - SHORTEST)
        self.weight += KLINES_WEIGHT
        rows = self.rows(symbol, interval, span, self.now - lag)
        self.now += ROUND_TRIP
        return rows

    def rows(self, symbol: str, interval: Interval, span: Window, at: datetime) -> list[RawRow]:
        """Return the klines of a span as they are at a moment."""
        history = self._exchange.listing(symbol).klines
        first_ms, last_ms = to_ms(span.start), to_ms(span.end) - 1
        return history.rows(interval.length_ms, first_ms, last_ms, to_ms(at), ROWS_PER_PAGE)

    def five_minute_price(self, _symbol: str, _minute: datetime) -> Decimal | None:
        """Cost what it costs; the price is not needed."""
        self.weight += AVERAGE_WEIGHT
        return None


def main() -> None:
    """Fetch the same minutes by evidence and at a fixed time; count what the next fetch changes."""
    parser = argparse.ArgumentParser(prog="./dev/bench settling", description=__doc__)
    parser.add_argument("--symbols", type=symbol_count, default=10, help="how many (%(default)s)")
    parser.add_argument("--minutes", type=int, default=60, help="of each (%(default)s)")
    options = parser.parse_args()
    if options.minutes < 1:
        parser.error("--minutes must be 1 or more")
    symbols = first_symbols(options.symbols)
    say(
        f"./dev/bench settling --symbols {options.symbols} --minutes {options.minutes}: answers "
        f"as of {SHORTEST.total_seconds()} to {LONGEST.total_seconds()} s ago"
    )
    for name, looks in (("by evidence", LOOKS), ("once, after 5 s", (SETTLE,))):
        with patch.object(fetching, "LOOKS", looks):
            found = settle(symbols, options.minutes)
        waits = sorted(found.waits)
        say(
            f"  {name}: of {len(waits)} minutes {found.revised_count} were revised by the next "
            f"fetch, {found.wrong_count} were not as the exchange has them after that; fetched "
            f"after p50 {median(waits):.2f} s, last {waits[-1]:.2f} s; "
            f"weight {found.weight / len(waits):.2f} a minute"
        )


def settle(symbols: Sequence[str], minutes: int, seed: int = SEED) -> Settled:
    """Fetch minutes of symbols, each again with the one after it, and compare."""
    exchange = open_exchange(symbols, seed, WEIGHT_LIMIT)
    client = LaggingExchange(exchange, seed)
    revised_count, wrong_count, weight, waits = 0, 0, 0, list[float]()
    for symbol in symbols:
        for number in range(minutes):
            minute = Window(START + number * MINUTE, START + (number + 1) * MINUTE)
            client.weight = 0
            first = _fetched(client, symbol, minute.end)
            waits.append((client.now - minute.end).total_seconds())
            weight += client.weight
            second = _fetched(client, symbol, minute.end + MINUTE)
            settled_at = minute.end + 2 * MINUTE
            true = {each: client.rows(symbol, each, minute, settled_at) for each in Interval}
            before, after = (_average(each.rows, symbol, minute) for each in (first, second))
            revised_count += before != after
            wrong_count += after != _average(true, symbol, minute)
    return Settled(revised_count, wrong_count, weight, waits)


def _fetched(client: LaggingExchange, symbol: str, end: datetime) -> Batch:
    """Fetch the minute that ends at a moment, from shortly before it on."""
    client.now = end - timedelta(seconds=4)
    plan = FetchPlan(symbol, Window(end - MINUTE, end), Decimal("0.01"), timedelta(0))
    return fetch_batch(cast("BinanceClient", client), plan, client.clock, client.sleep)


def _average(rows: dict[Interval, list[RawRow]], symbol: str, minute: Window) -> MinuteAverage:
    def columns(interval: Interval, record: type[Any]) -> SpanColumns:
        records = [as_record(record, symbol, row) for row in rows[interval]]
        return SpanColumns.of([each for each in records if each.start in minute])

    (average,) = average_minutes(
        symbol,
        minute,
        columns(Interval.SECOND, SecondPrice),
        columns(Interval.MINUTE, ExchangeMinute),
        minute.end,
    )
    return average


if __name__ == "__main__":
    main()
