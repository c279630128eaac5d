"""Pages are decoded by column to the values that the driver decodes cell by cell."""

import struct
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from cassandra.cqltypes import (
    BooleanType,
    DateType,
    DecimalType,
    Int32Type,
    ListType,
    UTF8Type,
)
from hypothesis import given
from hypothesis import strategies as st

from include.records.windows import from_ms
from include.store.decoding import Page
from include.store.frames import FRAME_DECIMAL, _record_batch

VERSION = 5
TYPES = {
    "price": DecimalType,
    "at": DateType,
    "count": Int32Type,
    "flag": UTF8Type,
    "agrees": BooleanType,
    "reasons": ListType.apply_parameters([UTF8Type]),
}
decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**25), max_value=10**25)
# As exchanges write them: eight decimals.
prices = st.integers(-(10**17), 10**17).map(lambda digits: Decimal(digits).scaleb(-8))
cells = st.fixed_dictionaries(
    {
        "price": st.none() | prices | decimals,
        "at": st.none() | st.integers(-(10**12), 10**13).map(from_ms),
        "count": st.none() | st.integers(-(2**31), 2**31 - 1),
        "flag": st.none() | st.text("aé€", max_size=300),
        "agrees": st.none() | st.booleans(),
        "reasons": st.none() | st.lists(st.text("aé€", max_size=5), min_size=1, max_size=3),
    }
)


def body_of(rows, types):
    parts = []
    for row in rows:
        for name, kind in types.items():
            raw = None if row[name] is None else kind.serialize(row[name], VERSION)
            parts.append(
                struct.pack(">i", -1) if raw is None else struct.pack(">i", len(raw)) + raw
            )
    return b"".join(parts)


def page_of(rows, types=TYPES):
    return Page(list(types), list(types.values()), len(rows), body_of(rows, types), VERSION)


def price_page(*texts):
    rows = [{"price": None if text is None else Decimal(text)} for text in texts]
    return page_of(rows, {"price": DecimalType})


def column(page, *, exact=True):
    return _record_batch(page, exact=exact).column(0)


@pytest.mark.slow
@given(st.lists(cells, max_size=20))
def test_decodes_every_value_as_the_driver_would(rows):
    decoded = page_of(rows).rows()

    assert list(map(str, decoded)) == [str({name: row[name] for name in TYPES}) for row in rows]


@given(st.lists(st.none() | prices, max_size=20))
def test_frames_hold_the_exact_value(held):
    page = page_of([{"price": price} for price in held], {"price": DecimalType})

    exact = column(page)

    assert exact.type == FRAME_DECIMAL
    assert exact.to_pylist() == held


def test_frames_can_be_reckoned_with():
    """High minus low, and the sum of what was turned over, without leaving exact numbers."""
    table = pa.Table.from_batches([_record_batch(price_page("101.5", "100.25"), exact=True)])
    prices_ = table.to_pandas(types_mapper=pd.ArrowDtype)["price"]

    assert (prices_ - prices_.min()).tolist() == [Decimal("1.25"), Decimal(0)]
    assert prices_.sum() == Decimal("201.75")


@given(st.lists(st.none() | prices, max_size=20))
def test_the_fast_path_is_the_float_next_to_the_exact_value(held):
    page = page_of([{"price": price} for price in held], {"price": DecimalType})

    doubles = column(page, exact=False).to_pylist()

    assert doubles == [None if p is None else pytest.approx(float(p), rel=2**-52) for p in held]


def test_frames_take_decimals_of_several_scales_and_lengths():
    texts = ["1.5", "0.000000000001", None, "999999999999999999.99999999", "1E+3"]

    assert column(price_page(*texts)).to_pylist() == [
        None if text is None else Decimal(text) for text in texts
    ]


@pytest.mark.parametrize("text", ["0.0000000000001", "1E+18"], ids=["too fine", "too large"])
def test_frames_refuse_what_they_cannot_hold_exactly(text):
    with pytest.raises(pa.ArrowInvalid):
        column(price_page(text))


def test_an_empty_page_has_no_rows():
    assert price_page().rows() == []
    assert len(column(price_page())) == 0
