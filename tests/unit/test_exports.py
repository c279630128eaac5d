from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest
from upath import UPath

from include.marketdata.exports import minute_prices, text_frame, typed_frame, write_whole
from include.marketdata.prices import Flag
from tests.fakes.builders import NOON, minute_price

NULLS = dict.fromkeys(
    ("open", "high", "low", "close", "volume", "quote_volume", "trade_count", "is_reconciled")
)


def silent_minute():
    price = minute_price(vwap=None, flag=Flag.SOURCE_GAP)
    return replace(price, average=replace(price.average, **NULLS))


def test_gives_back_what_it_was_given():
    prices = [minute_price(vwap="0.000000010001"), silent_minute(), minute_price(revision=3)]

    assert minute_prices(text_frame(prices)) == prices


def test_keeps_every_digit_and_no_exponent():
    """A price of 0.00000001 prints as 1E-8 by itself."""
    frame = text_frame([minute_price(vwap="0.00000001"), minute_price(vwap="97000.100000000000")])

    assert list(frame["vwap"]) == ["0.00000001", "97000.100000000000"]
    assert frame["minute"][0] == "2026-03-01T12:00:00Z"
    assert frame["known_at"][0] == "2026-03-01T12:01:00.000Z"


def test_types_a_parquet_file_alike_with_and_without_values():
    """Readers join the files of many days: a day without a price has the same columns."""
    schemas = [
        pa.Schema.from_pandas(typed_frame(text_frame([price])), preserve_index=False)
        for price in (minute_price(), silent_minute())
    ]

    assert schemas[0].field("vwap").type == pa.decimal128(38, 12)
    assert str(schemas[0].field("minute").type) == "timestamp[ns, tz=UTC]"
    for name in ("vwap", "volume", "coverage", "trade_count", "minute", "known_at"):
        assert schemas[0].field(name).type == schemas[1].field(name).type


def test_keeps_a_decimal_whole_on_its_way_to_parquet():
    typed = typed_frame(text_frame([minute_price(vwap="97000.123456789012")]))

    assert typed["vwap"][0] == Decimal("97000.123456789012")


@pytest.fixture(params=["folder", "memory"])
def target(request, tmp_path):
    root = UPath(tmp_path) if request.param == "folder" else UPath("memory://exports")
    return root / NOON.strftime("%H%M%S") / "latest.html"


def test_replaces_a_file_and_leaves_no_draft(target):
    write_whole(target, b"old")
    write_whole(target, b"new")

    assert target.read_bytes() == b"new"
    assert [file.name for file in target.parent.iterdir()] == ["latest.html"]
