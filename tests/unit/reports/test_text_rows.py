from datetime import timedelta
from decimal import Decimal

import pyarrow as pa

from include.records.prices import Flag
from include.records.windows import MINUTE
from include.reports.text_rows import MINUTE_COLUMNS, minute_prices, text_frame, typed_frame
from tests.fakes.builders import NOON, minute_price, unpriced


def test_gives_back_what_it_was_given():
    """By minute and symbol, whatever the order that it came in."""
    prices = [
        minute_price(vwap="0.000000010001"),
        unpriced(symbol="ETHUSDT"),
        minute_price(NOON + MINUTE, revision=3),
    ]

    assert minute_prices(text_frame(prices[::-1])) == prices


def test_keeps_the_latest_revision_and_when_the_first_one_was_published():
    """The first is out 7 s after the minute's end; the order of the revisions does not matter."""
    first = minute_price(known_at=NOON + timedelta(seconds=67))
    latest = minute_price(revision=2, vwap="99", known_at=NOON + timedelta(days=1))

    frame = text_frame([latest, first])

    assert minute_prices(frame) == [latest]
    assert list(frame["first_known_at"]) == ["2026-03-01T12:01:07.000Z"]
    assert list(frame["delay_ms"]) == [7_000]


def test_measures_the_delay_to_the_first_value():
    """A gap 20 s after the minute's end, and its value 80.5 s after it."""
    gap = unpriced(flag=Flag.INGEST_GAP, known_at=NOON + timedelta(seconds=80))
    valued = minute_price(revision=2, known_at=NOON + timedelta(seconds=140.5))

    frame = text_frame([gap, valued])

    assert list(frame["first_known_at"]) == ["2026-03-01T12:01:20.000Z"]
    assert list(frame["first_valued_at"]) == ["2026-03-01T12:02:20.500Z"]
    assert list(frame["delay_ms"]) == [80_500]


def test_says_where_a_value_comes_from():
    frame = text_frame(
        [minute_price(), minute_price(NOON + MINUTE)], {("BTCUSDT", NOON): "GENERATED"}
    )

    assert list(frame["source"]) == ["GENERATED", None]


def test_knows_no_delay_without_the_first_revision():
    frame = text_frame([minute_price(revision=2)])

    assert frame[["first_known_at", "first_valued_at", "delay_ms"]].isna().all(axis=None)


def test_nothing_is_a_frame_without_rows():
    frame = text_frame([])

    assert (len(frame), tuple(frame.columns), minute_prices(frame)) == (0, MINUTE_COLUMNS, [])


def test_keeps_every_digit_and_no_exponent():
    """A price of 0.00000001 prints as 1E-8 by itself."""
    later = minute_price(NOON + MINUTE, vwap="97000.100000000000")
    frame = text_frame([minute_price(vwap="0.00000001"), later])

    assert list(frame["vwap"]) == ["0.00000001", "97000.100000000000"]
    assert frame["minute"][0] == "2026-03-01T12:00:00Z"
    assert frame["known_at"][0] == "2026-03-01T12:01:00.000Z"


def test_types_a_parquet_file_alike_with_and_without_values():
    """Readers join the files of many days: a day without a price has the same columns."""
    schemas = [
        pa.Schema.from_pandas(typed_frame(text_frame([price])), preserve_index=False)
        for price in (minute_price(), unpriced())
    ]

    assert schemas[0].field("vwap").type == pa.decimal128(38, 12)
    assert str(schemas[0].field("minute").type) == "timestamp[ns, tz=UTC]"
    for name in ("vwap", "volume", "coverage", "trade_count", "minute", "known_at"):
        assert schemas[0].field(name).type == schemas[1].field(name).type


def test_keeps_a_decimal_whole_on_its_way_to_parquet():
    typed = typed_frame(text_frame([minute_price(vwap="97000.123456789012")]))

    assert typed["vwap"][0] == Decimal("97000.123456789012")
