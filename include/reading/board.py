"""The data of the page Prices: one symbol's minutes, and the causes of every symbol's minutes.

A board is plain JSON: times are ISO 8601 in UTC, decimals are strings with all their digits, and
minutes are given by their index, counted from the start of the window.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TypedDict

from include.method.delays import LATE
from include.reading.due import next_look
from include.reading.first_values import first_values
from include.reading.recent_minutes import RecentMinutes
from include.reading.sources import source_of
from include.reading.tiles import LastMinute, Text, Tiles, tiles
from include.records.decimals import plain, plain_or_none
from include.records.errors import RetryableError
from include.records.isolation import run_each
from include.records.price_strip import NOT_NOTED, PriceStrip
from include.records.prices import DUE, NOT_PUBLISHED
from include.records.windows import (
    HOUR,
    MINUTE,
    MINUTE_MS,
    Window,
    floor_minute,
    from_ms,
    iso,
    to_ms,
    whole_ms,
)
from include.store.candles import CandleRow, CauseRow
from include.store.store import Store

# Symbols that a process reads from Cassandra at a time; each waits most of its time.
READERS = 6
# How far back the usual delay of a minute is looked for.
NEAR = HOUR // 2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BoardRequest:
    """A request for a board.

    Attributes:
        symbol: Whose candles, flags, revisions and tiles.
        symbols: Whose ribbons, in this order.
        window: Which minutes; it ends at the moment or before.
        counted_from: Start of the minutes that the tiles count, aware UTC; they end with the
            window. A page that asks for the newest minutes only still counts all it shows.
        moment: Aware UTC; what was published later is not shown.
        egress: Name of the address whose request weight is shown.
    """

    symbol: str
    symbols: tuple[str, ...]
    window: Window
    counted_from: datetime
    moment: datetime
    egress: str


class Candles(TypedDict):
    """The minutes of a window, one item each in every list; None where there is no value.

    Prices are in quote asset per base asset.
    """

    open: list[Text]
    high: list[Text]
    low: list[Text]
    close: list[Text]
    vwap: list[Text]
    quality: list[int | None]


class Ribbon(TypedDict):
    """The causes of a symbol's minutes: [cause, number of minutes in a row], ascending."""

    symbol: str
    causes: list[tuple[str, int]]


# "from" is a word of Python, so this one is written as a call.
Board = TypedDict(
    "Board",
    {
        "symbol": str,
        "from": str,
        "to": str,
        "known_at": str,
        "strip": dict[str, str | int | None],
        "next_look_at": str,
        "candles": Candles,
        "filled": list[tuple[int, str]],
        "soft_flags": list[tuple[int, str]],
        "revisions": list[tuple[int, int, str]],
        "restatements": list[tuple[int, int, str]],
        "ribbons": list[Ribbon],
        "tiles": Tiles,
    },
)


def board(store: Store, minutes: RecentMinutes, asked: BoardRequest) -> Board:
    """Return one symbol's minutes, and the causes of all symbols, as known at a moment.

    Args:
        store: Source of everything else.
        minutes: Those of the store.
        asked: What to show.
    """
    symbol, window, moment = asked.symbol, asked.window, asked.moment
    moment_ms = to_ms(moment)
    end = min(window.end, floor_minute(moment))
    span = Window(min(floor_minute(asked.counted_from), end), end)
    widest = Window(min(window.start, span.start), window.end)
    # The newest minutes tell how long the next one will take.
    near = Window(floor_minute(moment) - NEAR, floor_minute(moment))
    with ThreadPoolExecutor(READERS) as pool:
        drawn = pool.submit(minutes.candles, symbol, window)
        causes = {
            name: pool.submit(minutes.causes, name, window) for name in dict.fromkeys(asked.symbols)
        }
        counted = drawn if window == span else pool.submit(minutes.candles, symbol, span)
        recent = pool.submit(minutes.candles, symbol, near)
        restated = pool.submit(store.restatements.between, symbol, widest)
        use = pool.submit(store.exchange_budget(asked.egress).use, end - MINUTE)
        limit = pool.submit(store.exchange_budget(asked.egress).weight_limit)
        mark = pool.submit(store.watermark, symbol)
    # Keeps the last revision of each minute.
    rows = {row.minute_ms: row for row in drawn.result() if row.known_ms <= moment_ms}
    place = {minute_ms: (minute_ms - to_ms(window.start)) // MINUTE_MS for minute_ms in rows}
    restatements = [each for each in restated.result() if each.known_at <= moment]
    weight = use.result()
    told = tiles(
        [row for row in counted.result() if row.known_ms <= moment_ms],
        span,
        moment,
        source=lambda minute, known_at: source_of(store, symbol, minute, known_at),
        stored_from=mark.result().stored_from,
        restated_count=sum(1 for each in restatements if each.minute in span),
        used_weight=weight.taken_weight if weight else None,
        weight_limit=limit.result(),
    )
    near_rows = [row for row in recent.result() if row.known_ms <= moment_ms]
    return {
        "symbol": symbol,
        "from": iso(window.start),
        "to": iso(window.end),
        "known_at": iso(moment),
        "strip": _strip(told["last"], moment).values(),
        "next_look_at": iso(
            whole_ms(
                next_look(
                    {row.minute_ms: row for row in near_rows}, first_values(near_rows), moment
                )
            )
        ),
        "candles": _candles(rows, window),
        "filled": [
            (place[row.minute_ms], plain(row.filled_vwap))
            for row in rows.values()
            if row.vwap is None and row.filled_vwap is not None
        ],
        "soft_flags": [
            (place[row.minute_ms], row.soft_flags) for row in rows.values() if row.soft_flags
        ],
        "revisions": [
            (place[row.minute_ms], row.revision, iso(from_ms(row.known_ms)))
            for row in rows.values()
            if row.revision > 1
        ],
        "restatements": [
            ((each.minute - window.start) // MINUTE, each.revision, iso(each.known_at))
            for each in restatements
            if each.minute in window
        ],
        "ribbons": [
            Ribbon(symbol=name, causes=runs) for name, runs in _ribbons(causes, window, moment)
        ],
        "tiles": told,
    }


def _strip(last: LastMinute | None, moment: datetime) -> PriceStrip:
    if last is None:
        return PriceStrip(NOT_NOTED, None, moment)
    return PriceStrip(last["source"] or NOT_NOTED, datetime.fromisoformat(last["minute"]), moment)


def _candles(rows: Mapping[int, CandleRow], window: Window) -> Candles:
    first_ms = to_ms(window.start)
    held = [rows.get(first_ms + place * MINUTE_MS) for place in range(window.minute_count)]
    return {
        "open": [plain_or_none(row.open) if row else None for row in held],
        "high": [plain_or_none(row.high) if row else None for row in held],
        "low": [plain_or_none(row.low) if row else None for row in held],
        "close": [plain_or_none(row.close) if row else None for row in held],
        "vwap": [plain_or_none(row.vwap) if row else None for row in held],
        "quality": [row.quality if row else None for row in held],
    }


def _ribbons(
    causes: Mapping[str, Future[Sequence[CauseRow | CandleRow]]], window: Window, moment: datetime
) -> list[tuple[str, list[tuple[str, int]]]]:
    """Return the runs of each symbol's causes; log and leave out a symbol that cannot be read."""
    read = run_each(
        causes,
        lambda name: _runs(causes[name].result(), window, moment),
        stop_on=RetryableError,
    )
    for name, error in read.failed.items():
        log.error("cannot show the causes of %s", name, exc_info=error)
    return [*read.done.items()]


def _runs(
    rows: Iterable[CauseRow | CandleRow], window: Window, moment: datetime
) -> list[tuple[str, int]]:
    """Join minutes of the same cause; those without a row are DUE or NOT_PUBLISHED."""
    moment_ms = to_ms(moment)
    flags = {row.minute_ms: row.flag for row in rows if row.known_ms <= moment_ms}
    due_from_ms = to_ms(moment - LATE - MINUTE)
    start_ms = to_ms(window.start)
    causes = [
        flags.get(minute_ms) or (DUE if minute_ms > due_from_ms else NOT_PUBLISHED)
        for minute_ms in range(start_ms, to_ms(window.end), MINUTE_MS)
    ]
    return [(cause, len([*run])) for cause, run in groupby(causes)]
