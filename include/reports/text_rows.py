"""Published minutes as rows of text, for the mart and for files, and back."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from types import MappingProxyType
from typing import Any, get_args, get_type_hints

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.records.prices import Flag, Grade, MinuteAverage, MinutePrice
from include.records.windows import MINUTE

_KINDS = {
    name: set(get_args(kind)) or {kind} for name, kind in get_type_hints(MinuteAverage).items()
}
DECIMALS = tuple(name for name, kinds in _KINDS.items() if Decimal in kinds)
COUNTS = (*(name for name, kinds in _KINDS.items() if kinds & {int, bool}), "revision", "delay_ms")
MOMENTS = ("minute", "known_at", "first_known_at", "first_valued_at")
PRICE_COLUMNS = (
    "minute",
    "symbol",
    *(field.name for field in fields(MinuteAverage) if field.name not in {"minute", "symbol"}),
    "revision",
    "known_at",
)
# With the latest revision: when the first one was published, when the first one with a value was
# and how long after the minute, and where the value comes from.
MINUTE_COLUMNS = (*PRICE_COLUMNS, "first_known_at", "delay_ms", "first_valued_at", "source")
# A first run has a hundred thousand rows: dataclasses.astuple would deep-copy each value.
AVERAGE = attrgetter(*(field.name for field in fields(MinuteAverage)))
NO_SOURCES: Mapping[tuple[str, datetime], str] = MappingProxyType({})
# Twelve decimals hold a vwap whole; 26 digits before the point hold any turnover of a minute.
FILE_DECIMAL = pa.decimal128(38, 12)


def minute_text(moment: datetime) -> str:
    """Return a UTC moment as YYYY-MM-DDTHH:MM:SSZ, which sorts as text in order of time."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def known_text(moment: datetime) -> str:
    """Return a UTC moment as YYYY-MM-DDTHH:MM:SS.mmmZ, truncated to milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def text_frame(
    revisions: Iterable[MinutePrice], sources: Mapping[tuple[str, datetime], str] = NO_SOURCES
) -> pd.DataFrame:
    """Return one row per minute: decimals and times as text, counts as nullable integers.

    A decimal keeps every digit it came with, and never has an exponent.

    Args:
        revisions: Every revision of some minutes, in any order.
        sources: By symbol and minute, where the value comes from.

    Returns:
        The latest revision of each minute, by minute and symbol, with when the first was
        published, when the first with a value was, and how long after the minute's end that came.
        These are empty where the first revision is not among them.
    """
    latest: dict[tuple[datetime, str], MinutePrice] = {}
    first: dict[tuple[datetime, str], datetime] = {}
    valued: dict[tuple[datetime, str], datetime] = {}
    for price in sorted(revisions, key=lambda price: price.revision):
        key = (price.average.minute, price.average.symbol)
        latest[key] = price
        if price.revision == 1:
            first[key] = price.known_at
        if key in first and price.average.vwap is not None:
            valued.setdefault(key, price.known_at)
    rows = [
        _row(latest[key], first.get(key), valued.get(key), sources.get((key[1], key[0])))
        for key in sorted(latest)
    ]
    frame = pd.DataFrame(rows, columns=list(MINUTE_COLUMNS), dtype=object)
    return frame.astype(dict.fromkeys(COUNTS, "Int64"))


def minute_prices(frame: pd.DataFrame) -> list[MinutePrice]:
    """Return the latest revisions that a frame of `text_frame` holds, in its order."""
    held = frame[list(PRICE_COLUMNS)]
    whole = held.astype(object).where(held.notna(), None)
    return [_price(row) for row in whole.to_dict("records")]


def typed_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a text frame with the types of the Parquet file: decimal128(38, 12), UTC times."""
    decimals = {
        name: pd.Series(
            pc.cast(pa.array(frame[name], pa.string()), FILE_DECIMAL),
            index=frame.index,
            dtype=pd.ArrowDtype(FILE_DECIMAL),
        )
        for name in DECIMALS
    }
    times = {name: pd.to_datetime(frame[name], utc=True) for name in MOMENTS}
    return frame.assign(**decimals, **times)


def _row(
    price: MinutePrice,
    first_known_at: datetime | None,
    first_valued_at: datetime | None,
    source: str | None,
) -> Sequence[str | int | None]:
    symbol, minute, *others = AVERAGE(price.average)
    delay = None if first_valued_at is None else first_valued_at - minute - MINUTE
    return [
        minute_text(minute),
        symbol,
        *(format(value, "f") if isinstance(value, Decimal) else value for value in others),
        price.revision,
        known_text(price.known_at),
        None if first_known_at is None else known_text(first_known_at),
        None if delay is None else delay // timedelta(milliseconds=1),
        None if first_valued_at is None else known_text(first_valued_at),
        source,
    ]


def _price(row: Mapping[Hashable, Any]) -> MinutePrice:
    values = {str(name): value for name, value in row.items()}
    held = [name for name in DECIMALS if values[name] is not None]
    values |= {name: Decimal(values[name]) for name in held}
    values |= {name: datetime.fromisoformat(values[name]) for name in ("minute", "known_at")}
    values["flag"] = Flag(values["flag"])
    values["grade"] = None if values["grade"] is None else Grade(values["grade"])
    values["soft_flags"] = values["soft_flags"] or ""
    if values["is_reconciled"] is not None:
        values["is_reconciled"] = bool(values["is_reconciled"])
    revision, known_at = values.pop("revision"), values.pop("known_at")
    return MinutePrice(MinuteAverage(**values), revision, known_at)
