"""The JSON API of the published averages; every path requires Airflow's login."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from http import HTTPStatus
from time import monotonic
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from include.orchestration.connections import binance_settings, cassandra_settings, symbols
from include.orchestration.context import now
from include.reading.board import BoardRequest, board
from include.reading.minute_details import (
    READING_FIELDS,
    JsonObject,
    day_values,
    details_of,
    reading_values,
)
from include.reading.queries import Reading, as_of, latest
from include.reading.recent_minutes import RecentMinutes
from include.reading.sources import sources_of, strip_of
from include.records.windows import DAY
from include.store.settings import CassandraSettings
from include.store.store import Store, connect
from include.web.parameters import (
    parse_counted_from,
    parse_day,
    parse_known_at,
    parse_minute,
    parse_symbol,
    parse_window,
)
from include.web.price_files import MEDIA_TYPES, FileKind, PriceFile
from include.web.responses import ProblemError

LONGEST_BOARD = timedelta(days=7)
# A minute has some thirty values here, and six on a board.
LONGEST_SPAN = DAY
MOST_RIBBONS = 20
SHOWN_ROWS = 200
# Somebody is waiting; the page retries by itself.
PATIENCE_SECONDS = 3.0
# A changed Variable or Connection shows on the pages within this time.
SETTINGS_KEPT_SECONDS = 15

router = APIRouter(prefix="/api")

Symbol = Annotated[str, Query(description="Binance's pair id, upper case: BTCUSDT")]
From = Annotated[
    str,
    Query(alias="from", description="First minute, ISO 8601 with a zone; default: an hour before"),
]
To = Annotated[str, Query(description="End, exclusive, ISO 8601 with a zone; default: now")]
CountedFrom = Annotated[
    str, Query(description="What the tiles count begins here, ISO 8601 with a zone; default: from")
]
Moment = Annotated[str, Query(description="As known then, ISO 8601 with a zone; default: now")]


@dataclass(frozen=True)
class Deployment:
    """The deployment that the pages show.

    Attributes:
        symbols: Those of the Variable, in its order.
        store: Connected.
        minutes: Those of the store, for boards.
        egress: Name of the address that requests to the exchange leave from.
    """

    symbols: tuple[str, ...]
    store: Store
    minutes: RecentMinutes
    egress: str


def deployment() -> Deployment:
    """Return the deployment that connections and variables name, as of some seconds ago."""
    return _deployment(int(monotonic() // SETTINGS_KEPT_SECONDS))


@lru_cache(maxsize=1)
def _deployment(_period: int) -> Deployment:
    settings = replace(
        cassandra_settings(),
        patience_seconds=PATIENCE_SECONDS,
        request_timeout_seconds=PATIENCE_SECONDS,
    )
    return Deployment(symbols(), *_store(settings), binance_settings().egress)


@lru_cache(maxsize=1)
def _store(settings: CassandraSettings) -> tuple[Store, RecentMinutes]:
    """Return a store for the life of this process, so that its statements are prepared once."""
    store = connect(settings)
    return store, RecentMinutes(store.minute_rows, now)


@router.get("/symbols")
def list_symbols() -> Response:
    """Return the symbols that are fetched."""
    return JSONResponse({"symbols": deployment().symbols})


@router.get("/latest")
def show_latest(symbol: Symbol = "") -> Response:
    """Return the newest published minute."""
    held, name = _known(symbol)
    reading = latest(held.store, name, now())
    if reading is None:
        raise ProblemError(
            f"no minute of {name} is published: turn on the DAGs ingest_prices and average_minutes",
            HTTPStatus.NOT_FOUND,
        )
    return JSONResponse(_values(held.store, name, [reading])[0])


@router.get("/span")
def show_span(symbol: Symbol = "", start: From = "", to: To = "") -> Response:
    """Return the published minutes of a span of at most a day, as they are now."""
    moment = now()
    window = parse_window(start, to, moment, LONGEST_SPAN)
    held, name = _known(symbol)
    readings = as_of(held.store, name, window, moment)
    return JSONResponse({"minutes": _values(held.store, name, readings)})


@router.get("/as_of")
def show_as_of(symbol: Symbol = "", start: From = "", to: To = "", moment: Moment = "") -> Response:
    """Return the published minutes of a span of at most a day, as they were known at a moment."""
    if not moment:
        raise ProblemError("name the moment: moment=2026-03-01T12:00:00Z; /api/span shows now")
    window = parse_window(start, to, now(), LONGEST_SPAN)
    known_at = parse_known_at(moment, now())
    held, name = _known(symbol)
    readings = as_of(held.store, name, window, known_at)
    return JSONResponse({"minutes": _values(held.store, name, readings)})


@router.get("/file")
def show_file(
    symbol: Symbol = "",
    start: From = "",
    to: To = "",
    moment: Moment = "",
    kind: Annotated[FileKind, Query(description="What to write it as")] = FileKind.CSV,
) -> Response:
    """Return the published minutes of at most seven days as a file, as known at a moment."""
    window = parse_window(start, to, now(), LONGEST_BOARD)
    known_at = parse_known_at(moment, now())
    held, name = _known(symbol)
    minutes = _values(held.store, name, as_of(held.store, name, window, known_at))
    file = PriceFile(name, window, known_at, READING_FIELDS, minutes)
    return Response(
        file.content(kind),
        media_type=MEDIA_TYPES[kind],
        headers={"Content-Disposition": file.disposition(kind)},
    )


@router.get("/quality")
def show_quality(
    symbol: Symbol = "",
    day: Annotated[str, Query(description="UTC, like 2026-03-01; default: today")] = "",
) -> Response:
    """Return a day's batches and quarantine in numbers, with the newest rows in quarantine."""
    parsed = parse_day(day, now())
    held, name = _known(symbol)
    return JSONResponse(day_values(held.store, name, parsed, SHOWN_ROWS))


@router.get("/strip")
def show_strip() -> Response:
    """Return where the newest prices of all symbols come from, and how old the newest is."""
    held = deployment()
    return JSONResponse(strip_of(held.store, held.symbols, now()).values())


@router.get("/board")
def show_board(
    symbol: Symbol = "",
    start: From = "",
    to: To = "",
    moment: Moment = "",
    counted_from: CountedFrom = "",
) -> Response:
    """Return the data of the page Prices for at most seven days."""
    window = parse_window(start, to, now(), LONGEST_BOARD)
    counted = parse_counted_from(counted_from, window, LONGEST_BOARD)
    known_at = parse_known_at(moment, now())
    held, name = _known(symbol)
    ribbons = _ribbons(held.symbols, name)
    asked = BoardRequest(name, ribbons, window, counted, known_at, held.egress)
    return JSONResponse({**board(held.store, held.minutes, asked), "symbols": held.symbols})


@router.get("/minute")
def show_minute(
    symbol: Symbol = "",
    minute: Annotated[str, Query(description="Its start, ISO 8601 with a zone")] = "",
    moment: Moment = "",
) -> Response:
    """Return everything known about one minute and about its sources."""
    parsed = parse_minute(minute, now())
    known_at = parse_known_at(moment, now())
    held, name = _known(symbol)
    story = details_of(held.store, name, parsed, known_at)
    # Checks are filed under the day on which they were made: of a backfill not the minute's.
    day = max((str(each["fetched_at"]) for each in story["batches"]), default=story["minute"])[:10]
    return JSONResponse({**story, "data_docs": f"../quality/docs/days/{day}/{name}.html"})


def _values(store: Store, symbol: str, readings: Sequence[Reading]) -> list[JsonObject]:
    """Return published minutes as JSON, each with its source."""
    valued = [each for each in readings if each.average.vwap is not None]
    found = sources_of(store, symbol, [(each.average.minute, each.known_at) for each in valued])
    return [reading_values(each, found.get(each.average.minute)) for each in readings]


def _known(symbol: str) -> tuple[Deployment, str]:
    """Return a symbol that is fetched, or that has something published."""
    name = parse_symbol(symbol)
    held = deployment()
    if name not in held.symbols and held.store.minute_prices.latest(name) is None:
        raise ProblemError(
            f"symbol {name!r} is not fetched, and nothing is published for it: ask for one of "
            f"{', '.join(held.symbols[:MOST_RIBBONS])}, or add it to the Variable 'symbols'",
            HTTPStatus.NOT_FOUND,
        )
    return held, name


def _ribbons(listed: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return the symbols to show ribbons of: those that are fetched, and the one asked for."""
    first = listed[:MOST_RIBBONS]
    return first if name in first else (name, *first[: MOST_RIBBONS - 1])
