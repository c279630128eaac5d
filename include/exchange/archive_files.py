"""Name and read daily files of Binance's public archive; their content is untrusted.

The layout: https://github.com/binance/binance-public-data
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO

from include.records.errors import InvalidAnswerError
from include.records.klines import (
    CLOSE_TIME,
    COLUMN_COUNT,
    LEAST_MICROSECONDS,
    LONGEST_CELL,
    OPEN_TIME,
    TRADE_COUNT,
    US_PER_MS,
    Interval,
    RawRow,
)

# A row has twelve columns of at most 20 characters: a day of seconds is 22 MB at most.
LONGEST_ROW_BYTES = 260
SECONDS_A_DAY = 86_400
# Flag of a zip member: its name is UTF-8; without it, code page 437.
UTF8_FLAG = 0x800


@dataclass(frozen=True)
class ArchiveFile:
    """One day of one symbol's klines in the archive.

    Attributes:
        symbol: Binance's pair id (symbols.read_symbol).
        interval: Of the klines.
        day: UTC.
    """

    symbol: str
    interval: Interval
    day: date

    @property
    def name(self) -> str:
        """Name of the zip file."""
        return f"{self.symbol}-{self.interval.value}-{self.day.isoformat()}.zip"

    @property
    def path(self) -> str:
        """Path in the archive, from the root."""
        return f"/data/spot/daily/klines/{self.symbol}/{self.interval.value}/{self.name}"

    @property
    def longest_bytes(self) -> int:
        """Largest size that the day can have, unpacked."""
        rows = SECONDS_A_DAY * 1000 // self.interval.length_ms
        return rows * LONGEST_ROW_BYTES


def read_klines(file: ArchiveFile, path: Path) -> Iterator[RawRow]:
    """Yield a day's klines as the REST API gives them: twelve columns, times in milliseconds.

    Days before 2025 have milliseconds, later ones microseconds; the size of a time tells which.
    The file is read as rows are yielded, never all at once.

    Raises:
        InvalidAnswerError: The file is not a zip of one day's rows, is longer than a day can be,
            or has an invalid row; the rows before it have been yielded.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            member = _only_member(file, archive)
            with archive.open(member) as packed:
                bounded = io.BufferedReader(_Bounded(packed, file))  # type: ignore[type-var]
                lines = io.TextIOWrapper(bounded, "ascii", newline="")
                for number, row in enumerate(csv.reader(lines), start=1):
                    if number == 1 and row and not row[0].isdecimal():
                        continue
                    yield _kline(file, number, row)
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidAnswerError(f"{file.name} is damaged ({error})", path.name) from error


class _Bounded(io.RawIOBase):
    """A compressed file that may not exceed the size of a day, whatever it claims."""

    def __init__(self, packed: IO[bytes], file: ArchiveFile) -> None:
        self._packed = packed
        self._file = file
        self._left = file.longest_bytes

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        """Read some bytes; none at the end."""
        part = self._packed.read(len(buffer))
        self._left -= len(part)
        if self._left < 0:
            raise _too_long(self._file)
        buffer[: len(part)] = part
        return len(part)


def _only_member(file: ArchiveFile, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    expected = file.name.removesuffix(".zip") + ".csv"
    names = [_name(member) for member in members]
    if names != [expected]:
        raise InvalidAnswerError(f"{file.name} does not hold {expected} alone", names[:3])
    (member,) = members
    if member.flag_bits & 1:
        raise InvalidAnswerError(f"{file.name} is encrypted", member.filename)
    if member.file_size > file.longest_bytes:
        raise _too_long(file)
    return member


def _name(member: zipfile.ZipInfo) -> str:
    """Return the name of a member; not every zip tool sets the UTF-8 flag."""
    if member.flag_bits & UTF8_FLAG:
        return member.filename
    return member.filename.encode("cp437").decode("utf-8", "replace")


def _too_long(file: ArchiveFile) -> InvalidAnswerError:
    return InvalidAnswerError(
        f"{file.name} unpacks to more than {file.longest_bytes} bytes, which no day has", file.path
    )


def _kline(file: ArchiveFile, number: int, row: list[str]) -> RawRow:
    if (
        len(row) != COLUMN_COUNT
        or not all(row[place].isdecimal() and row[place].isascii() for place in (0, 6, 8))
        or max(map(len, row)) > LONGEST_CELL
    ):
        raise InvalidAnswerError(f"{file.name}, line {number}: not a kline of twelve columns", row)
    open_time, close_time = int(row[OPEN_TIME]), int(row[CLOSE_TIME])
    if open_time >= LEAST_MICROSECONDS:
        if open_time % US_PER_MS:
            raise InvalidAnswerError(
                f"{file.name}, line {number}: the open time is not a whole millisecond", row
            )
        open_time, close_time = open_time // US_PER_MS, close_time // US_PER_MS
    kline: RawRow = [*row]
    kline[OPEN_TIME], kline[CLOSE_TIME] = open_time, close_time
    kline[TRADE_COUNT] = int(row[TRADE_COUNT])
    return kline
