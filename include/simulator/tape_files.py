"""Reading files of market data in Binance's public archive formats, one row after the other.

Times are milliseconds or microseconds since the epoch, by their size; prices are exact. The
formats: https://github.com/binance/binance-public-data
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from include.simulator.parameters import LEAST_MICROSECONDS
from include.simulator.tapes import ONE_E8

TRADES, AGG_TRADES, SECONDS, MINUTES = "trades", "aggTrades", "1s", "1m"
# The finest first: where two cover the same minute, the first of these is played.
KINDS = (TRADES, AGG_TRADES, SECONDS, MINUTES)
NAME = re.compile(
    r"((?!\.)(?:(?![a-z])[\w.-]){1,50}?)[-_](trades|aggTrades|1s|1m)[-_].*\.(csv|csv\.gz|zip)"
)
# Decimals of 1e-8 and nine digits before the point.
LONGEST_NUMBER = 20


class TapeError(ValueError):
    """A file or folder that cannot be played; the message names it and says what to do."""


class Event(NamedTuple):
    """One row of a tape: a trade, fills of one order, or what a kline knows of its trades.

    Attributes:
        time_ms: When, milliseconds since the epoch.
        price_e8: Quote asset per base asset, in 1e-8.
        quantity_e8: Base asset, in 1e-8; 0 for a mere mark of a price.
        value_e8: Quote asset, in 1e-8.
        trade_count: Trades it stands for.
        is_buyer_maker: True where the taker sold.
    """

    time_ms: int
    price_e8: int
    quantity_e8: int
    value_e8: int
    trade_count: int
    is_buyer_maker: bool


class TapeFile(NamedTuple):
    """One file of a tape, by its name: SYMBOL-KIND-ANYTHING.csv, .csv.gz or .zip."""

    path: Path
    symbol: str
    kind: str


def tape_files(folder: Path) -> list[TapeFile]:
    """Return the files of a folder that can be played, by name.

    Raises:
        TapeError: There is none.
    """
    found = [
        # Some file systems take letters apart.
        TapeFile(path, unicodedata.normalize("NFC", match[1]), match[2])
        for path in sorted(folder.glob("*"))
        if (match := NAME.fullmatch(path.name))
    ]
    if not found:
        raise TapeError(
            f"{folder} has no file to play; put files in Binance's archive formats there, named "
            "like BTCUSDT-trades-2024-08-08.zip, BTCUSDT-1m-2024-08-08.csv or ETHUSDT-aggTrades-"
            "2024-08.csv.gz"
        )
    return found


def rows(file: TapeFile) -> Iterator[list[str]]:
    """Yield the rows of a file without its header, in a fixed order of columns.

    Raises:
        TapeError: It is damaged, or a row has too few columns.
    """
    try:
        with _opened(file.path) as lines:
            yield from _columns(file, csv.reader(lines))
    except (
        OSError,
        EOFError,
        zlib.error,
        zipfile.BadZipFile,
        UnicodeDecodeError,
        csv.Error,
    ) as error:
        raise TapeError(f"{file.path.name} cannot be read ({error}); fetch it again") from error


def trade(row: list[str]) -> Event:
    """Read id, price, quantity, quote quantity, time, is_buyer_maker."""
    price_e8, quantity_e8 = e8(row[1]), e8(row[2])
    value_e8 = price_e8 * quantity_e8 // ONE_E8
    return Event(time_ms(row[4]), price_e8, quantity_e8, value_e8, 1, _is_true(row[5]))


def agg_trade(row: list[str]) -> Event:
    """Read id, price, quantity, first and last trade id, time, is_buyer_maker."""
    price_e8, quantity_e8 = e8(row[1]), e8(row[2])
    value_e8, count = price_e8 * quantity_e8 // ONE_E8, int(row[4]) - int(row[3]) + 1
    return Event(time_ms(row[5]), price_e8, quantity_e8, value_e8, count, _is_true(row[6]))


def e8(text: str) -> int:
    """Return a decimal of at most eight places in 1e-8.

    Raises:
        ValueError: It is none.
    """
    whole, _, decimals = text.partition(".")
    if len(text) > LONGEST_NUMBER or len(decimals.rstrip("0")) > 8 or not whole.isdecimal():  # noqa: PLR2004
        raise ValueError(f"{text[:30]!r} is no price or quantity with up to eight decimals")
    return int(whole) * ONE_E8 + int(decimals[:8].ljust(8, "0"))


def time_ms(text: str) -> int:
    """Return a time in milliseconds; microseconds, by their size, are cut off to them."""
    number = int(text)
    return number // 1000 if number >= LEAST_MICROSECONDS else number


def _is_true(text: str) -> bool:
    return text.lower() == "true"


# Columns by the names that files with a header use; those without one have the archive's order.
_ORDER = {
    TRADES: ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker"),
    AGG_TRADES: (
        "id",
        "price",
        "qty",
        "first_trade_id",
        "last_trade_id",
        "time",
        "is_buyer_maker",
    ),
}
_SAME = {"time_ms": "time"}


def _columns(file: TapeFile, lines: Iterable[list[str]]) -> Iterator[list[str]]:
    order: list[int] | None = None
    least = len(_ORDER.get(file.kind, range(11)))
    for number, line in enumerate(lines, start=1):
        if number == 1 and line and not line[0].isdecimal():
            order = _places(file, [_SAME.get(name, name) for name in line])
            continue
        row = line if order is None else [line[place] if place >= 0 else "" for place in order]
        if len(row) < least:
            raise TapeError(
                f"{file.path.name}, line {number}: {len(row)} columns, not {least}; fetch it again"
            )
        yield row


def _places(file: TapeFile, header: list[str]) -> list[int] | None:
    """Return where the columns of a header stand; None when they are the archive's own."""
    order = _ORDER.get(file.kind)
    if order is None or "price" not in header:
        return None
    return [header.index(name) if name in header else -1 for name in order]


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise TapeError(f"{path.name} holds {len(names)} files, not one; fetch it again")
            with archive.open(names[0]) as packed, io.TextIOWrapper(packed, "ascii") as lines:
                yield lines
    elif path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="ascii", newline="") as lines:
            yield lines
    else:
        with path.open(encoding="ascii", newline="") as lines:
            yield lines


def kline_events(row: list[str]) -> Iterator[Event]:
    """Yield events that add up to a kline's row: its sums at the open, then marks of its prices.

    Args:
        row: The archive's twelve columns.
    """
    open_ms, (opens, high, low, close) = time_ms(row[0]), map(e8, row[1:5])
    volume, quote, trades, taker, taker_quote = (
        e8(row[5]),
        e8(row[7]),
        int(row[8]),
        e8(row[9]),
        e8(row[10]),
    )
    yield from sums_and_marks(
        open_ms, (opens, high, low, close, volume, quote, trades, taker, taker_quote)
    )


def sums_and_marks(
    open_ms: int, kline: tuple[int, int, int, int, int, int, int, int, int]
) -> Iterator[Event]:
    """Yield the events of a kline, in its first milliseconds; nothing for one without trades."""
    opens, high, low, close, volume, quote, trades, taker, taker_quote = kline
    if not trades:
        return
    # One order each way carries the sums; a count of one leaves the other none.
    bought = max(1, trades // 2) if taker else 0
    bought = trades if taker == volume else min(bought, trades)
    if bought:
        yield Event(open_ms, opens, taker, taker_quote, bought, is_buyer_maker=False)
    if taker < volume or not bought:
        yield Event(open_ms, opens, volume - taker, quote - taker_quote, trades - bought, True)  # noqa: FBT003
    for place, price_e8 in enumerate((high, low, close), start=1):
        yield Event(open_ms + place, price_e8, 0, 0, 0, is_buyer_maker=False)
