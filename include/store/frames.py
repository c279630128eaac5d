"""Stored rows as DataFrames: exact decimals, aware UTC times, no intermediate Python objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from cassandra.cqltypes import BooleanType, DateType, DecimalType, Int32Type

from include.records.prices import ExchangeMinute, SecondPrice
from include.records.windows import Window
from include.store.decoding import SCALE_BYTES, Cells, Page
from include.store.spans import SpanTable

# Eighteen digits before the point and, like a VWAP, twelve after it; eight of Arrow's 38 digits
# are left, so that columns can be added and subtracted.
FRAME_DECIMAL = pa.decimal128(30, 12)
_WIDEST = 38


def span_frames(
    table: SpanTable[SecondPrice] | SpanTable[ExchangeMinute],
    symbol: str,
    window: Window,
    *,
    exact: bool = True,
) -> Iterator[pd.DataFrame]:
    """Read seconds or the exchange's minutes as one frame per UTC day, ascending.

    One day is held in memory at a time, however long the window is.

    Args:
        table: `second_prices` or `exchange_minutes` of the store.
        symbol: Binance's pair id, upper case.
        window: Which spans, by their start.
        exact: Decimals as decimal128(30, 12); else as double precision, correct to the last place
            or the one before it, for statistics and charts.

    Returns:
        A frame for each day, ascending by `start`; empty for a day without spans.

    Raises:
        ArrowInvalid: An exact decimal has more than 18 digits before the point or more than
            12 after it.
    """
    for pages in table.pages(symbol, window):
        yield _frame(pages, exact=exact)


def _frame(pages: Iterable[Page], *, exact: bool) -> pd.DataFrame:
    table = pa.Table.from_batches([_record_batch(page, exact=exact) for page in pages])
    return cast(pd.DataFrame, table.to_pandas(types_mapper=_pandas_type))


def _pandas_type(kind: pa.DataType) -> pd.api.extensions.ExtensionDtype | None:
    if pa.types.is_decimal(kind):
        return pd.ArrowDtype(kind)
    # Otherwise a null would turn whole numbers into floats.
    return pd.Int32Dtype() if kind == pa.int32() else None


def _record_batch(page: Page, *, exact: bool) -> pa.RecordBatch:
    arrays = [
        _array(page, kind, cells, exact=exact)
        for kind, cells in zip(page.types, page.cells(), strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, names=list(page.names))


def _array(page: Page, kind: Any, cells: Cells, *, exact: bool) -> pa.Array:  # noqa: ANN401 - the driver's own type
    is_null = cells.lengths < 0
    if kind is DecimalType:
        return _exact(page, cells) if exact else _doubles(page, cells)
    if kind is DateType:
        milliseconds = pa.array(cells.integers(), pa.int64(), mask=is_null)
        return milliseconds.cast(pa.timestamp("ms", "UTC"))
    if kind is Int32Type:
        return pa.array(cells.integers(), pa.int32(), mask=is_null)
    return pa.array(page.values(kind, cells), pa.bool_() if kind is BooleanType else pa.string())


def _exact(page: Page, cells: Cells) -> pa.Array:
    is_held = cells.lengths >= 0
    scales = np.unique(cells.scales()[is_held])
    if not cells.has_words() or len(scales) > 1 or (scales < 0).any():
        return pa.array(page.values(DecimalType, cells), FRAME_DECIMAL)
    mantissas = cells.integers(skip=SCALE_BYTES)
    # Arrow's decimals are 16 bytes, little-endian: the mantissa, and its sign for the upper half.
    halves = np.stack([mantissas, mantissas >> 63], axis=1)
    held = pa.Array.from_buffers(
        pa.decimal128(_WIDEST, int(scales.sum())),
        len(mantissas),
        [pa.py_buffer(np.packbits(is_held, bitorder="little")), pa.py_buffer(halves)],
    )
    return held.cast(FRAME_DECIMAL)


def _doubles(page: Page, cells: Cells) -> pa.Array:
    if not cells.has_words():
        return pa.array(page.values(DecimalType, cells), FRAME_DECIMAL).cast(pa.float64())
    numbers = cells.integers(skip=SCALE_BYTES) / np.power(10.0, cells.scales())
    return pa.array(numbers, pa.float64(), mask=cells.lengths < 0)
