"""Decode pages of Cassandra's responses by whole columns instead of cell by cell.

Exact: a decimal column is read as its whole-number mantissas, never as a binary float.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from cassandra.cqltypes import DateType, DecimalType, Int32Type
from cassandra.protocol import ResultMessage, _ProtocolHandler, read_int

Integers = npt.NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTH_BYTES = 4
SCALE_BYTES = 4
_WORD_BYTES = 8
# The low byte of a null's length; the other bytes distinguish it from a cell of 255 bytes.
_NULL_BYTE = 0xFF
_DIGITS = Context(prec=40)


@dataclass(frozen=True)
class Cells:
    """The positions of one column's cells in a page.

    Attributes:
        body: The page's raw rows, after eight bytes of padding.
        ends: Exclusive end of each cell, counted without those eight bytes.
        lengths: Bytes of each cell; -1 for null.
    """

    body: bytes
    ends: Integers
    lengths: Integers

    def has_nulls(self) -> bool:
        """Tell whether any cell is null."""
        return bool((self.lengths < 0).any())

    def raw(self) -> list[bytes | None]:
        """Return the bytes of each cell; None for null."""
        ends = (self.ends + _WORD_BYTES).tolist()
        return [
            None if length < 0 else self.body[end - length : end]
            for end, length in zip(ends, self.lengths.tolist(), strict=True)
        ]

    def integers(self, skip: int = 0) -> Integers:
        """Return cells as signed integers; those of null cells are arbitrary.

        Args:
            skip: Leading bytes of each cell that do not belong to the integer, whose
                other bytes are one to eight.
        """
        words: Integers = np.ndarray(
            (len(self.body) - _WORD_BYTES + 1,), dtype=">i8", buffer=self.body, strides=(1,)
        )
        # The eight bytes before a cell's end; those before the integer are shifted out.
        shift = 8 * (_WORD_BYTES - np.clip(self.lengths - skip, 1, _WORD_BYTES))
        values: Integers = words[self.ends].astype(np.int64) << shift >> shift
        return values

    def scales(self) -> Integers:
        """Return the number of digits after the point of each decimal; 0 for null."""
        words: Integers = np.ndarray(
            (len(self.body) - SCALE_BYTES + 1,), dtype=">i4", buffer=self.body, strides=(1,)
        )
        starts = self.ends + _WORD_BYTES - np.maximum(self.lengths, SCALE_BYTES)
        return np.where(self.lengths < 0, 0, words[starts]).astype(np.int64)

    def has_words(self) -> bool:
        """Tell whether every decimal's mantissa fits into eight bytes."""
        return bool((self.lengths <= SCALE_BYTES + _WORD_BYTES).all())


@dataclass(frozen=True)
class Page:
    """One page of a response, not decoded yet.

    Attributes:
        names: Of the columns.
        types: Of the columns, as the driver names them.
        row_count: Rows in the page.
        body: The rows: for each cell its length (four bytes, big-endian; -1 for null) and then
            its bytes.
        protocol_version: With which the driver decodes other types.
    """

    names: Sequence[str]
    types: Sequence[Any]
    row_count: int
    body: bytes
    protocol_version: int

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows as Python values: exact decimals, aware UTC times."""
        columns = [
            self.values(kind, cells) for kind, cells in zip(self.types, self.cells(), strict=True)
        ]
        return [dict(zip(self.names, row, strict=True)) for row in zip(*columns, strict=True)]

    def cells(self) -> list[Cells]:
        """Return the positions of each column's cells."""
        lengths = _lengths(self.body, self.row_count * len(self.names))
        ends = np.cumsum(_LENGTH_BYTES + np.maximum(lengths, 0))
        padded = bytes(_WORD_BYTES) + self.body
        width = len(self.names)
        return [Cells(padded, ends[at::width], lengths[at::width]) for at in range(width)]

    def values(self, kind: Any, cells: Cells) -> Sequence[Any]:  # noqa: ANN401 - the driver's own type
        """Return a column's cells as Python values: exact decimals, aware UTC times."""
        if kind is DecimalType and cells.has_words():
            scale, values = _DIGITS.scaleb, cells.integers(skip=SCALE_BYTES).tolist()
            return _with_nulls(
                cells,
                [
                    scale(Decimal(m), -s)
                    for m, s in zip(values, cells.scales().tolist(), strict=True)
                ],
            )
        if kind is DateType:
            millisecond = timedelta(milliseconds=1)
            return _with_nulls(
                cells, [_EPOCH + ms * millisecond for ms in cells.integers().tolist()]
            )
        if kind is Int32Type:
            return _with_nulls(cells, cells.integers().tolist())
        return self._decoded(kind, cells)

    def _decoded(self, kind: Any, cells: Cells) -> list[Any]:  # noqa: ANN401 - the driver's own type
        return [kind.from_binary(raw, self.protocol_version) for raw in cells.raw()]


def _lengths(body: bytes, count: int) -> Integers:
    """Return the length of each cell, -1 for null."""
    # The only loop over cells: it reads just the low byte of each length.
    low = bytearray(count)
    at = _LENGTH_BYTES - 1
    try:
        for cell in range(count):
            low[cell] = length = body[at]
            at += _LENGTH_BYTES if length == _NULL_BYTE else length + _LENGTH_BYTES
    except IndexError:
        return _any_lengths(body, count)
    lengths = np.frombuffer(low, np.uint8).astype(np.int64)
    lengths[lengths == _NULL_BYTE] = -1
    if at == len(body) + _LENGTH_BYTES - 1 and _are_short(body, lengths):
        return lengths
    return _any_lengths(body, count)


def _are_short(body: bytes, lengths: Integers) -> bool:
    """Tell whether the other three bytes of each length are zero, or all ones for a null."""
    sizes = np.maximum(lengths, 0)
    starts = np.cumsum(_LENGTH_BYTES + sizes) - sizes - _LENGTH_BYTES
    octets = np.frombuffer(body, np.uint8)
    expected = np.where(lengths < 0, _NULL_BYTE, 0)
    return all((octets[starts + byte] == expected).all() for byte in range(_LENGTH_BYTES - 1))


def _any_lengths(body: bytes, count: int) -> Integers:
    lengths = np.empty(count, np.int64)
    at = 0
    for cell in range(count):
        lengths[cell] = length = int.from_bytes(body[at : at + _LENGTH_BYTES], signed=True)
        at += _LENGTH_BYTES + max(length, 0)
    return lengths


def _with_nulls(cells: Cells, values: list[Any]) -> list[Any]:
    if not cells.has_nulls():
        return values
    return [
        None if is_null else value
        for is_null, value in zip((cells.lengths < 0).tolist(), values, strict=True)
    ]


class _PagedResult(ResultMessage):  # type: ignore[misc]
    """A response whose rows are kept undecoded."""

    def recv_results_rows(
        self,
        f: BytesIO,
        protocol_version: int,
        user_type_map: object,
        result_metadata: Any,  # noqa: ANN401 - the driver's
        column_encryption_policy: object,  # noqa: ARG002 - the driver's signature
    ) -> None:
        self.recv_results_metadata(f, user_type_map)
        columns = self.column_metadata or result_metadata
        self.column_names = [column[2] for column in columns]
        self.column_types = [column[3] for column in columns]
        # Nothing is decoded here: the driver would take an error for a broken connection.
        self.parsed_rows = Page(
            self.column_names, self.column_types, read_int(f), f.read(), protocol_version
        )


class PageHandler(_ProtocolHandler):  # type: ignore[misc]
    """Makes a session pass each response's Page to the row factory."""

    message_types_by_opcode = {  # noqa: RUF012 - the driver's attribute
        **_ProtocolHandler.message_types_by_opcode,
        ResultMessage.opcode: _PagedResult,
    }


def whole_page(_names: Sequence[str], page: Page) -> list[Page]:
    """Return the page itself; a row factory."""
    return [page]


def dictionaries(_names: Sequence[str], page: Page) -> list[dict[str, Any]]:
    """Return a dictionary for each row; a row factory."""
    return page.rows()


RowFactory = Callable[[Sequence[str], Page], list[Any]]
