"""A symbol's tape on disk, by minute: months of it do not sit in memory."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from include.simulator.tapes.events import Event
from include.simulator.tapes.files import AGG_TRADES, TRADES, TapeError, TapeFile
from include.simulator.tapes.reader import SeenRows, TapeReader, first_key, grid_of
from include.simulator.tapes.tapes import MINUTE_MS, Trade

LOG = logging.getLogger("simulator")
# Twenty digits before the point and eight after it are more than 64 bits hold.
PART = 10**18
AMOUNT = np.dtype([("high", "i8"), ("low", "i8")])
# 65 bytes an event; a day of BTCUSDT, two million trades, is 130 MB of disk.
EVENT = np.dtype(
    [
        ("time_ms", "i8"),
        ("price_e8", AMOUNT),
        ("quantity_e8", AMOUNT),
        ("value_e8", AMOUNT),
        ("trade_count", "i8"),
        ("is_buyer_maker", "?"),
    ]
)
EVENTS_AT_A_TIME = 50_000
# Kinds whose rows have the exchange's ids.
NUMBERED = {TRADES, AGG_TRADES}


@dataclass(frozen=True)
class StoredTape:
    """One symbol's tape, from one kind of files.

    Attributes:
        kind: Of the files.
        first_minute: Minutes since the epoch of the first minute held.
        starts: Place of the first event of each minute, and after the last the number of all.
        covered: Whether the files say anything of each minute.
        events: On disk, in the order of time.
        first_id: The exchange's id of the first event; 1 where the files do not tell.
        tick_e8: The coarsest power of ten that every price is a multiple of.
        step_e8: The same of quantities.
    """

    kind: str
    first_minute: int
    starts: npt.NDArray[np.int64]
    covered: npt.NDArray[np.bool_]
    events: npt.NDArray[np.void]
    first_id: int
    tick_e8: int
    step_e8: int

    @property
    def end_minute(self) -> int:
        """The first minute after the tape, minutes since the epoch."""
        return self.first_minute + len(self.covered)

    def covers(self, minute: int) -> bool:
        """Tell whether the exchange ran in a minute since the epoch, by what the files say."""
        place = minute - self.first_minute
        return 0 <= place < len(self.covered) and bool(self.covered[place])

    def trades(self, minute: int) -> tuple[Trade, ...]:
        """Return the events of a minute since the epoch as trades; none outside the tape."""
        place = minute - self.first_minute
        if not 0 <= place < len(self.covered):
            return ()
        found = self.events[self.starts[place] : self.starts[place + 1]]
        return tuple(
            Trade(
                at_ms % MINUTE_MS, _whole(price), _whole(quantity), is_maker, _whole(value), count
            )
            for at_ms, price, quantity, value, count, is_maker in found.tolist()
        )

    def counts(self) -> tuple[int, ...]:
        """Return the events of each minute."""
        return tuple(np.diff(self.starts).tolist())

    def trade_counts(self) -> tuple[int, ...]:
        """Return the trades that the events of each minute stand for."""
        running = np.concatenate(([0], np.cumsum(self.events["trade_count"], dtype=np.int64)))
        return tuple(np.diff(running[self.starts]).tolist())

    def aggregate_counts(self) -> tuple[int, ...]:
        """Return into how many aggregate trades the trades of each minute add up."""
        is_first = np.zeros(len(self.events), dtype=bool)
        is_first[:1] = True
        for name in ("time_ms", "price_e8", "is_buyer_maker"):
            is_first[1:] |= self.events[name][1:] != self.events[name][:-1]
        running = np.concatenate(([0], np.cumsum(is_first, dtype=np.int64)))
        return tuple(np.diff(running[self.starts]).tolist())


def store_tape(files: Iterable[TapeFile], folder: Path) -> StoredTape:
    """Read files of one symbol and kind, in any order, onto disk.

    Args:
        files: At least one.
        folder: Where the events are kept while the tape is played.

    Raises:
        TapeError: A file is damaged, has rows of another kind, or is not in order.
    """
    ordered = sorted(files, key=lambda file: (first_key(file), file.path.name))
    symbol, kind = ordered[0].symbol, ordered[0].kind
    target = folder / f"{symbol}-{kind}.events"
    spans: list[tuple[int, int]] = []
    with target.open("wb") as stored, SeenRows(folder / f"{symbol}-{kind}.rows") as seen:
        for file in ordered:
            started = time.monotonic()
            reader = TapeReader(file, seen)
            events = map(_stored, reader.events())
            while chunk := list(islice(events, EVENTS_AT_A_TIME)):
                np.array(chunk, dtype=EVENT).tofile(stored)
            spans += reader.spans()
            LOG.info(
                "%s: %d rows read in %.1f s, %d of them repeated",
                file.path.name,
                reader.row_count,
                time.monotonic() - started,
                reader.repeated_count,
            )
    if not spans or not target.stat().st_size:
        raise TapeError(f"{ordered[0].path.name} has no whole minute to play; take another file")
    return _indexed(kind, target, spans, first_key(ordered[0]) if kind in NUMBERED else 1)


def _stored(event: Event) -> tuple[object, ...]:
    """Return an event as its record: whole numbers of any size, each in two parts."""
    at_ms, price_e8, quantity_e8, value_e8, trade_count, is_buyer_maker = event
    amounts = (divmod(number, PART) for number in (price_e8, quantity_e8, value_e8))
    return (at_ms, *amounts, trade_count, is_buyer_maker)


def _indexed(kind: str, target: Path, spans: list[tuple[int, int]], first_id: int) -> StoredTape:
    events = np.memmap(target, dtype=EVENT, mode="r")
    first_minute, end_minute = min(start for start, _ in spans), max(end for _, end in spans)
    minutes = np.arange(first_minute, end_minute + 1, dtype=np.int64)
    covered = np.zeros(end_minute - first_minute, dtype=bool)
    for start, end in spans:
        covered[start - first_minute : end - first_minute] = True
    return StoredTape(
        kind=kind,
        first_minute=first_minute,
        starts=np.searchsorted(events["time_ms"], minutes * MINUTE_MS),
        covered=covered,
        events=events,
        first_id=first_id,
        tick_e8=_grid_e8(events["price_e8"]),
        step_e8=_grid_e8(events["quantity_e8"]),
    )


def _whole(parts: tuple[int, int]) -> int:
    high, low = parts
    return high * PART + low


def _grid_e8(numbers: npt.NDArray[np.void]) -> int:
    # The high parts are multiples of every grid.
    return grid_of(int(np.gcd.reduce(numbers["low"])))
