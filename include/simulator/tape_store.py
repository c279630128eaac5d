"""A symbol's tape on disk, by minute: months of it do not sit in memory."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from include.simulator.klines import Kline
from include.simulator.minute_split import split_minute
from include.simulator.tape_files import (
    AGG_TRADES,
    MINUTES,
    SECONDS,
    TRADES,
    Event,
    TapeError,
    TapeFile,
    agg_trade,
    e8,
    kline_events,
    rows,
    sums_and_marks,
    time_ms,
    trade,
)
from include.simulator.tapes import MINUTE_MS, SECOND_MS, Trade

LOG = logging.getLogger("simulator")
# 37 bytes an event; a day of BTCUSDT, two million trades, is 74 MB of disk.
EVENT = np.dtype(
    [
        ("time_ms", "i8"),
        ("price_e8", "i8"),
        ("quantity_e8", "i8"),
        ("value_e8", "i8"),
        ("trade_count", "i4"),
        ("is_buyer_maker", "?"),
    ]
)
EVENTS_AT_A_TIME = 50_000
DATED = re.compile(r".*-(\d{4})-(\d{2})(?:-(\d{2}))?\.(csv|csv\.gz|zip)")
# What the finest tick of any listed symbol is, in 1e-8.
FINEST_E8, COARSEST_E8 = 1, 10**10


@dataclass(frozen=True)
class StoredTape:
    """What one kind of files tells of one symbol.

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
            Trade(at_ms % MINUTE_MS, price_e8, quantity_e8, is_buyer_maker, value_e8, count)
            for at_ms, price_e8, quantity_e8, value_e8, count, is_buyer_maker in found.tolist()
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
        TapeError: A file is damaged, has rows that are no such rows, or is not in order.
    """
    ordered = sorted(files, key=lambda file: file.path.name)
    symbol, kind = ordered[0].symbol, ordered[0].kind
    target = folder / f"{symbol}-{kind}.events"
    spans: list[tuple[int, int]] = []
    first_id, last_ms = 1, -1
    with target.open("wb") as stored:
        for file in ordered:
            started = time.monotonic()
            reader = _Reader(file)
            for chunk in reader.chunks():
                times = chunk["time_ms"]
                if times[0] < last_ms or (np.diff(times) < 0).any():
                    raise TapeError(
                        f"{file.path.name} goes back in time, or overlaps the file before it; "
                        "leave one of them out, or sort its rows"
                    )
                last_ms = int(times[-1])
                chunk.tofile(stored)
            first_id = reader.first_id if file is ordered[0] else first_id
            spans += reader.spans()
            LOG.info(
                "%s: %d rows read in %.1f s",
                file.path.name,
                reader.row_count,
                time.monotonic() - started,
            )
    if not last_ms + 1 or not spans:
        raise TapeError(f"{ordered[0].path.name} has no whole minute to play; take another file")
    return _indexed(kind, target, spans, first_id)


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


def _grid_e8(numbers: npt.NDArray[np.int64]) -> int:
    divisor = int(np.gcd.reduce(numbers)) or COARSEST_E8
    grid_e8 = FINEST_E8
    while grid_e8 < COARSEST_E8 and divisor % (grid_e8 * 10) == 0:
        grid_e8 *= 10
    return grid_e8


class _Reader:
    """Reads one file once, and knows afterwards which minutes it is about."""

    def __init__(self, file: TapeFile) -> None:
        self._file = file
        self._minutes: list[tuple[int, int]] = []
        self.row_count = 0
        self.first_id = 1

    def chunks(self) -> Iterator[npt.NDArray[np.void]]:
        """Yield the events, some at a time; a kline's grid decides how a minute is split."""
        events = self._events()
        while found := list(islice(events, EVENTS_AT_A_TIME)):
            yield np.array(found, dtype=EVENT)

    def spans(self) -> list[tuple[int, int]]:
        """Return the half-open spans of whole minutes it is about, since the epoch.

        A file named by day or month is about all of it. Of another, the first and the last minute
        are left out: they may be cut off. Klines are about the minutes they have rows of.
        """
        if self._file.kind in {SECONDS, MINUTES} or not self._minutes:
            return self._minutes
        dated = DATED.fullmatch(self._file.path.name)
        if dated:
            return [_dated_span(*(int(part) for part in dated.groups()[:3] if part))]
        start, end = self._minutes[0][0] + 1, self._minutes[-1][1] - 1
        return [(start, end)] if start < end else []

    def _events(self) -> Iterator[Event]:
        tick_e8 = _tick_of(self._file) if self._file.kind == MINUTES else 0
        for row in rows(self._file):
            self.row_count += 1
            try:
                if self.row_count == 1 and self._file.kind in {TRADES, AGG_TRADES}:
                    self.first_id = int(row[0])
                found = list(self._of_row(row, tick_e8))
            except ValueError as error:
                raise TapeError(
                    f"{self._file.path.name}, row {self.row_count}: {error}; fetch it again"
                ) from error
            yield from found

    def _of_row(self, row: list[str], tick_e8: int) -> Iterator[Event]:
        if self._file.kind == TRADES:
            found = trade(row)
            self._note(found.time_ms)
            yield found
        elif self._file.kind == AGG_TRADES:
            found = agg_trade(row)
            self._note(found.time_ms)
            # Tombstones of fills that were taken back: spec of 2022-04-12.
            if found.price_e8:
                yield found
        elif self._file.kind == SECONDS:
            self._note(time_ms(row[0]))
            yield from kline_events(row)
        else:
            self._note(time_ms(row[0]))
            yield from _split_events(row, tick_e8)

    def _note(self, at_ms: int) -> None:
        minute = at_ms // MINUTE_MS
        if self._minutes and self._minutes[-1][0] <= minute < self._minutes[-1][1]:
            return
        if self._minutes and self._minutes[-1][1] == minute:
            self._minutes[-1] = (self._minutes[-1][0], minute + 1)
        else:
            self._minutes.append((minute, minute + 1))


def _split_events(row: list[str], tick_e8: int) -> Iterator[Event]:
    open_ms = time_ms(row[0])
    sums = (e8(row[5]), e8(row[7]), int(row[8]), e8(row[9]), e8(row[10]))
    opens, high, low, close = map(e8, row[1:5])
    minute = Kline(opens, high, low, close, *sums)
    for place, second in split_minute(minute, tick_e8):
        yield from sums_and_marks(open_ms + place * SECOND_MS, second)


def _tick_of(file: TapeFile) -> int:
    """Return the grid of the prices of a file's first rows."""
    found = [e8(price) for row in islice(rows(file), 1000) for price in row[1:5]]
    return _grid_e8(np.array(found, dtype=np.int64))


def _dated_span(year: int, month: int, day: int | None = None) -> tuple[int, int]:
    start = datetime(year, month, day or 1, tzinfo=UTC)
    if day:
        end_minute = int(start.timestamp()) // 60 + 1440
    else:
        after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        end_minute = int(after.timestamp()) // 60
    return int(start.timestamp()) // 60, end_minute
