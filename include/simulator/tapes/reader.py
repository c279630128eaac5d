"""Reading the files of a tape in order, each row once however often the files name it."""

from __future__ import annotations

import math
import struct
from bisect import bisect_left
from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from include.simulator.tapes.events import Event, events_of
from include.simulator.tapes.files import MINUTES, SECONDS, TapeFile, refusal
from include.simulator.tapes.rows import KlineRow, Row, TradeRow, read_rows
from include.simulator.tapes.tapes import MINUTE_MS

# What the finest tick of any listed symbol is, in 1e-8.
FINEST_E8, COARSEST_E8 = 1, 10**10
# Of a file, to see its prices' grid before it is read.
FIRST_ROWS = 1000
SORT, CHOOSE = "sort its rows, or leave the file out", "leave one of the two out"
RECORD = struct.Struct("<q8s")


class SeenRows:
    """The rows of a tape so far, on disk: an id, or an open time, and the rest of the row.

    Attributes:
        last_key: Of the newest row; -1 before the first.
        last_ms: Its time, milliseconds since the epoch.
    """

    def __init__(self, path: Path) -> None:
        self._writer = path.open("wb")
        self._reader = path.open("rb")
        self._count = 0
        self._place = 0
        self.last_key = self.last_ms = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()
        self._reader.close()

    def is_again(self, row: Row) -> bool:
        """Tell whether a row has been seen, and keep it if it has not.

        Raises:
            ValueError: It differs from an earlier row of the same id or open time, or it is
                older than the newest row; the message says what to do.
        """
        record = RECORD.pack(row.key, blake2b(repr(row).encode(), digest_size=8).digest())
        if row.key <= self.last_key:
            self._compare(row.key, record)
            return True
        if row.time_ms < self.last_ms:
            raise ValueError(f"goes back in time, from {self.last_ms} ms to {row.time_ms} ms", SORT)
        self._writer.write(record)
        self._count += 1
        self.last_key, self.last_ms = row.key, row.time_ms
        return False

    def _compare(self, key: int, record: bytes) -> None:
        self._writer.flush()
        # Rows that come again come in runs.
        self._place += 1
        if self._place >= self._count or self._key_at(self._place) != key:
            self._place = bisect_left(range(self._count), key, key=self._key_at)
        if self._key_at(self._place) != key:
            raise ValueError(f"goes back in time, from {self.last_key} to {key}", SORT)
        if self._record_at(self._place) != record:
            raise ValueError(f"differs from an earlier line for {key}", CHOOSE)

    def _key_at(self, place: int) -> int:
        return int(RECORD.unpack(self._record_at(place))[0])

    def _record_at(self, place: int) -> bytes:
        self._reader.seek(place * RECORD.size)
        return self._reader.read(RECORD.size)


class TapeReader:
    """Reads one file once, and knows afterwards which minutes it covers.

    Args:
        file: What to read.
        seen: The rows of the files before it.

    Attributes:
        row_count: Rows read.
        repeated_count: Those of them that had been read before.
    """

    def __init__(self, file: TapeFile, seen: SeenRows) -> None:
        self._file = file
        self._seen = seen
        self._minutes: list[tuple[int, int]] = []
        self.row_count = self.repeated_count = 0

    def events(self) -> Iterator[Event]:
        """Yield each row's events, once.

        Raises:
            TapeError: The file is damaged, has a row that is not valid, or is not in order.
        """
        tick_e8 = _tick_of(self._file) if self._file.kind == MINUTES else 0
        for number, row in read_rows(self._file):
            self.row_count += 1
            self._note(row.time_ms // MINUTE_MS)
            if isinstance(row, TradeRow) and not row.trade_count:
                # Taken back: it says nothing of its id that could be played.
                continue
            try:
                is_again = self._seen.is_again(row)
            except ValueError as error:
                raise refusal(self._file, number, *error.args) from error
            if is_again:
                self.repeated_count += 1
            else:
                yield from events_of(row, self._file.kind, tick_e8)

    def spans(self) -> list[tuple[int, int]]:
        """Return the half-open spans of whole minutes it covers, since the epoch.

        A file named by day or month is about all of it. Of another, the first and the last minute
        are left out: they may be cut off. Klines are about the minutes they have rows of.
        """
        if self._file.kind in {SECONDS, MINUTES}:
            return self._minutes
        if self._file.span:
            return [self._file.span]
        start = min(start for start, _ in self._minutes) + 1
        end = max(end for _, end in self._minutes) - 1
        return [(start, end)] if start < end else []

    def _note(self, minute: int) -> None:
        if self._minutes and self._minutes[-1][0] <= minute < self._minutes[-1][1]:
            return
        if self._minutes and self._minutes[-1][1] == minute:
            self._minutes[-1] = (self._minutes[-1][0], minute + 1)
        else:
            self._minutes.append((minute, minute + 1))


def first_key(file: TapeFile) -> int:
    """Return the id, or the open time, of a file's first row.

    Raises:
        TapeError: It cannot be read.
    """
    return next(row.key for _, row in read_rows(file))


def grid_of(divisor_e8: int) -> int:
    """Return the coarsest power of ten that divides a number; the finest step is 1e-8.

    Args:
        divisor_e8: The greatest common divisor of numbers in 1e-8; 0 where they are all 0.
    """
    grid_e8 = FINEST_E8
    while grid_e8 < COARSEST_E8 and divisor_e8 % (grid_e8 * 10) == 0:
        grid_e8 *= 10
    return grid_e8


def _tick_of(file: TapeFile) -> int:
    """Return the grid of the prices of a file's first rows of klines."""
    first = [
        row.kline for _, row in islice(read_rows(file), FIRST_ROWS) if isinstance(row, KlineRow)
    ]
    return grid_of(math.gcd(*(price for kline in first for price in kline[:4])))
