import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from dev.stack.published import as_line, as_table, count_complete, delay_summary
from include.reading.first_values import FirstValues
from include.records.prices import Flag, MinutePrice
from tests.fakes.builders import average

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BOTH = ("BTCUSDT", "ETHUSDT")


def price(symbol="BTCUSDT", minute=NOON, vwap="1234.5", flag=Flag.OK, delay_seconds=5.0):
    return MinutePrice(
        average=average(minute, symbol=symbol, vwap=vwap, flag=flag),
        revision=1,
        known_at=minute + timedelta(seconds=60 + delay_seconds),
    )


def test_counts_a_minute_when_every_symbol_has_it():
    prices = [price("BTCUSDT"), price("ETHUSDT"), price("BTCUSDT", NOON + timedelta(minutes=1))]

    assert count_complete(prices, BOTH, NOON) == 1


def test_does_not_count_a_minute_that_closed_before_the_start():
    """The minute of noon closes at 12:01, so a start at 12:01 does not see it close."""
    prices = [price("BTCUSDT"), price("ETHUSDT")]

    assert count_complete(prices, BOTH, NOON + timedelta(minutes=1)) == 0
    assert count_complete(prices, BOTH, NOON + timedelta(seconds=59)) == 1


def test_does_not_count_a_minute_whose_request_failed():
    prices = [price("BTCUSDT"), price("ETHUSDT", vwap=None, flag=Flag.INGEST_GAP)]

    assert count_complete(prices, BOTH, NOON) == 0


def test_shows_one_line_for_a_minute_with_its_longest_delay():
    halted = price("ETHUSDT", vwap=None, flag=Flag.HALTED, delay_seconds=9)

    line = as_line([price(), halted], "REPLAY")

    assert line == (
        "REPLAY  12:00 UTC  BTCUSDT 1,234.5  ETHUSDT HALTED  (published 9.0 s after the minute)"
    )


@pytest.mark.defect(46)
def test_shows_a_price_below_a_cent_on_the_terminal():
    """SHIB stood there as 0.0000."""
    prices = [price("SHIBUSDT", vwap="0.000008120000")]
    table = Console(file=io.StringIO(), width=200)
    table.print(as_table(prices, NOON))

    assert "SHIBUSDT 0.00000812 " in as_line(prices, "LIVE")
    assert "│0.00000812 │" in table.file.getvalue()


def test_the_table_fits_a_hundred_columns_and_cuts_nothing_off():
    """The longest flag, the largest and the smallest prices."""
    table = Console(file=io.StringIO(), width=100)
    prices = [
        price("1000SATSUSDT", vwap="0.00000012345678"),
        price("BTCIDR", vwap="1234567890.12", flag=Flag.PARTIAL),
        price("ETHUSDT", vwap=None, flag=Flag.EXCHANGE_OUTAGE),
    ]

    table.print(as_table(prices, NOON + timedelta(minutes=3)))

    lines = table.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 100
    for words in ("EXCHANGE_OUTAGE", "1,234,567,890", "0.00000012345678", "1000SATSUSDT", "2 min"):
        assert any(words in line for line in lines), words
    assert "…" not in table.file.getvalue()


def test_sums_up_how_long_first_values_took():
    """Of three, one had been a gap first."""
    symbols = [FirstValues({0: 7_000, 1: 80_500}, 1), FirstValues({0: 9_000}, 0)]

    assert delay_summary(symbols) == (
        "from a minute's end to its first value, 3 values: p50 9.0 s, p95 80.5 s, max 80.5 s; "
        "gaps first: 1"
    )
    assert delay_summary([FirstValues({}, 0)]) == "no minute got a value while this ran"
