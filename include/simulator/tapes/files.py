"""Files of market data in Binance's public archive formats, opened and taken apart into lines.

The formats: https://github.com/binance/binance-public-data
"""

from __future__ import annotations

import gzip
import io
import lzma
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

TRADES, AGG_TRADES, SECONDS, MINUTES = "trades", "aggTrades", "1s", "1m"
# The finest first: where two cover the same minute, the first of these is played.
KINDS = (TRADES, AGG_TRADES, SECONDS, MINUTES)
# Letters of any script: not every symbol is written in ASCII.
NAME = re.compile(
    r"((?!\.)(?:(?![a-z])[\w.-]){1,50}?)[-_](trades|aggTrades|1s|1m)[-_].*\.(csv|csv\.gz|zip)"
)
DATED = re.compile(r".*-([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?\.(?:csv|csv\.gz|zip)")
# Twice what twelve columns of the longest numbers come to.
LONGEST_LINE = 1_000
# What damaged bytes make the libraries raise: an encrypted or unknown packing is a RuntimeError,
# a directory that points before the file's start a ValueError.
UNREADABLE = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)


class TapeError(ValueError):
    """A file or folder that cannot be played; the message names it and says what to do."""


class TapeFile(NamedTuple):
    """One file of a tape, by its name: SYMBOL-KIND-ANYTHING.csv, .csv.gz or .zip.

    Attributes:
        path: Where it lies.
        symbol: The exchange's pair id.
        kind: One of KINDS.
        span: The half-open minutes since the epoch that a date at the end of its name says it is
            all about, a day or a month; None without one.
    """

    path: Path
    symbol: str
    kind: str
    span: tuple[int, int] | None = None


def tape_files(folder: Path) -> list[TapeFile]:
    """Return the files of a folder that can be played, by name.

    Raises:
        TapeError: There is none, or a name has a date that does not exist.
    """
    found = [
        # Some file systems take letters apart.
        TapeFile(path, unicodedata.normalize("NFC", match[1]), match[2], _dated_span(path))
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


def lines(file: TapeFile) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each line, from 1, and its cells.

    Raises:
        TapeError: The file is damaged, or a line is not ASCII text.
    """
    number = 0
    try:
        with _opened(file.path) as stream:
            while line := stream.readline(LONGEST_LINE):
                number += 1
                yield number, _cells(file, number, line)
    except TapeError:
        raise
    except UNREADABLE as error:
        where = f" from line {number + 1} on" if number else ""
        raise TapeError(
            f"{file.path.name} cannot be read{where} ({error}); fetch it again"
        ) from error


def refusal(file: TapeFile, number: int, why: str, cure: str = "fetch it again") -> TapeError:
    """Return the error of a line, by its number from 1, that cannot be read."""
    return TapeError(f"{file.path.name}, line {number}: {why}; {cure}")


def _cells(file: TapeFile, number: int, line: bytes) -> list[str]:
    if len(line) == LONGEST_LINE:
        raise refusal(file, number, f"{LONGEST_LINE} characters or more")
    if not line.isascii():
        raise refusal(file, number, "characters that are not ASCII")
    return line.decode("ascii").rstrip("\r\n").split(",")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise TapeError(f"{path.name} holds {len(names)} files, not one; fetch it again")
            with (
                archive.open(names[0]) as packed,
                io.BufferedReader(cast("io.RawIOBase", packed)) as stream,
            ):
                yield stream
    elif path.suffix == ".gz":
        with gzip.open(path) as stream:
            yield cast("BinaryIO", stream)
    else:
        with path.open("rb") as stream:
            yield stream


def _dated_span(path: Path) -> tuple[int, int] | None:
    dated = DATED.fullmatch(path.name)
    if not dated:
        return None
    year, month, day = (int(part) if part else None for part in dated.groups())
    try:
        start = datetime(cast("int", year), cast("int", month), day or 1, tzinfo=UTC)
    except ValueError as error:
        raise TapeError(
            f"{path.name} is named after a day that does not exist; rename it"
        ) from error
    end = start + timedelta(days=1)
    while not day and end.day != 1:
        end += timedelta(days=1)
    return int(start.timestamp()) // 60, int(end.timestamp()) // 60
