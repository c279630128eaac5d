"""The archive tree, /data/spot/daily: zip files of whole days, made from the tapes.

The layout: https://github.com/binance/binance-public-data
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from include.simulator.market.exchange import Exchange, Listing
from include.simulator.market.intervals import DAY_MS
from include.simulator.requests.time_units import Clock, TimeUnit
from include.simulator.tapes.klines import INTERVALS_MS, decimal_text
from include.simulator.tapes.tapes import MINUTE_MS

PATH = re.compile(
    r"(?:klines/(?P<of>[^/]+)/(?P<interval>1s|1m)|(?P<kind>trades|aggTrades)/(?P<whose>[^/]+))"
    r"/(?P<symbol>[^/]+)-(?P<what>1s|1m|trades|aggTrades)-(?P<day>\d{4}-\d{2}-\d{2})\.zip"
    r"(?P<checksum>\.CHECKSUM)?"
)
MINUTES_A_DAY = DAY_MS // MINUTE_MS
# From this day on the archive's times are microseconds.
MICROSECONDS_SINCE = date(2025, 1, 1)
# The same bytes whenever they are made, so that the checksum holds.
ZIP_DATE = (2020, 1, 1, 0, 0, 0)
KEPT_FILES = 8
SOURCE_HEADER = "x-simulator-source"
Cells = Iterable[object]


def archive_route(exchange: Exchange, clock: Clock, recorded: Path | None = None) -> Route:
    """Return the route of the archive tree; a day is there when it is over by the clock.

    Args:
        exchange: What is played.
        clock: Its time.
        recorded: A folder of daily files as Binance has issued them. For a symbol and day that
            it has, its files are served unchanged, and nothing else is.
    """

    @lru_cache(maxsize=KEPT_FILES)
    def made(symbol: str, what: str, day: date) -> tuple[bytes | None, str]:
        issued = [*recorded.glob(f"{symbol}-*-{day}.zip")] if recorded else []
        if issued:
            # Files made for the other kinds would show other trades.
            names = {file.name: file for file in issued}
            file = names.get(f"{symbol}-{what}-{day}.zip")
            return file.read_bytes() if file else None, f"REPLAY of Binance's file of {day}"
        listing = exchange.listings[symbol]
        return zipped(listing, symbol, what, day), listing.tape.source

    async def answer(request: Request) -> Response:
        found = PATH.fullmatch(request.path_params["path"])
        content, source = None, ""
        if found and _is_consistent(found) and found["symbol"] in exchange.listings:
            day = _day(found["day"])
            if day and day < datetime.fromtimestamp(clock() / 1000, tz=UTC).date():
                content, source = await run_in_threadpool(made, found["symbol"], found["what"], day)
        if not found or content is None:
            return Response(status_code=404)
        tag = hashlib.sha256(content).hexdigest()
        if found["checksum"]:
            name = f"{found['symbol']}-{found['what']}-{found['day']}.zip"
            return PlainTextResponse(f"{tag}  {name}\n", headers={SOURCE_HEADER: source})
        return _ranged(content, tag, request.headers.get("range"))

    return Route("/data/spot/daily/{path:path}", answer)


def zipped(listing: Listing, symbol: str, what: str, day: date) -> bytes | None:
    """Return a day's archive; None when there is nothing for that day.

    Args:
        listing: What is played.
        symbol: Its symbol.
        what: 1s, 1m, trades or aggTrades.
        day: UTC.
    """
    unit = TimeUnit.MICROSECOND if day >= MICROSECONDS_SINCE else TimeUnit.MILLISECOND
    start_ms = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
    lines = [",".join(map(str, row)) for row in _rows(listing, what, start_ms, unit)]
    if not lines:
        return None
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo(f"{symbol}-{what}-{day}.csv", ZIP_DATE)
        member.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(member, "".join(f"{line}\n" for line in lines))
    return packed.getvalue()


def _rows(listing: Listing, what: str, start_ms: int, unit: TimeUnit) -> Iterator[Cells]:
    if what in INTERVALS_MS:
        end_ms, length_ms = start_ms + DAY_MS - 1, INTERVALS_MS[what]
        count = DAY_MS // length_ms
        rows = listing.klines.rows(length_ms, start_ms, end_ms, end_ms + 1, count)
        for row in rows:
            open_ms, close_ms = int(row[0]), int(row[6])
            yield [unit.time(open_ms), *row[1:6], unit.last_of(close_ms), *row[7:]]
        return
    first_minute = start_ms // MINUTE_MS
    for minute in range(first_minute, first_minute + MINUTES_A_DAY):
        if what == "trades":
            yield from _trades(listing, minute, unit)
        else:
            yield from _agg_trades(listing, minute, unit)


def _trades(listing: Listing, minute: int, unit: TimeUnit) -> Iterator[Cells]:
    tape = listing.tape
    if not tape.has_trades:
        return
    for number, trade in enumerate(tape.trades_in(minute), tape.trade_ids.first_of(minute)):
        prices = (trade.price_e8, trade.quantity_e8, trade.value_e8)
        time = unit.time(minute * MINUTE_MS + trade.offset_ms)
        yield [number, *map(decimal_text, prices), time, trade.is_buyer_maker, True]


def _agg_trades(listing: Listing, minute: int, unit: TimeUnit) -> Iterator[Cells]:
    tape = listing.tape
    first_trade = tape.trade_ids.first_of(minute)
    for number, trade in enumerate(tape.agg_trades_in(minute), tape.agg_trade_ids.first_of(minute)):
        prices = (decimal_text(trade.price_e8), decimal_text(trade.quantity_e8))
        ids = (first_trade + trade.first, first_trade + trade.last)
        time = unit.time(minute * MINUTE_MS + trade.offset_ms)
        yield [number, *prices, *ids, time, trade.is_buyer_maker, True]


def _is_consistent(found: re.Match[str]) -> bool:
    return found["symbol"] == (found["of"] or found["whose"]) and found["what"] == (
        found["interval"] or found["kind"]
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _ranged(content: bytes, tag: str, asked: str | None) -> Response:
    """Return the whole, or from an offset on when only that is asked for."""
    headers = {"etag": f'"{tag}"', "accept-ranges": "bytes"}
    wanted = re.fullmatch(r"bytes=(\d{1,15})-", asked or "")
    if not wanted:
        return Response(content, media_type="application/zip", headers=headers)
    start = int(wanted[1])
    if start >= len(content):
        headers["content-range"] = f"bytes */{len(content)}"
        return Response(status_code=416, headers=headers)
    headers["content-range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
    return Response(content[start:], 206, headers, media_type="application/zip")
