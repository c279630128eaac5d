"""The steps of report_prices that touch the mart, on a real SQLite file."""

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pyarrow.parquet as pq
import pytest
from upath import UPath

from include.marketdata.exports import minute_prices
from include.marketdata.prices import Flag
from include.marketdata.windows import MINUTE, Window
from include.orchestration import mart
from tests.fakes.builders import NOON, minute_price


@pytest.fixture
def mart_file(tmp_path, monkeypatch):
    """An empty mart behind the connection `mart`, in a folder that is not there yet."""
    file = tmp_path / "data" / "mart.db"
    connection = json.dumps({"conn_type": "sqlite", "host": str(file)})
    monkeypatch.setenv("AIRFLOW_CONN_MART", connection)
    mart.create_tables()
    return file


def rows(file, query):
    connection = sqlite3.connect(file)
    try:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]
    finally:
        connection.close()


def row(file, query):
    (only,) = rows(file, query)
    return only


def traded(minute, *, price, volume, **changes):
    """A minute whose trades all had one price."""
    made = minute_price(minute, vwap=price, **changes)
    price, volume = Decimal(price), Decimal(volume)
    values = dict.fromkeys(("open", "high", "low", "close"), price)
    average = replace(made.average, **values, volume=volume, quote_volume=price * volume)
    return replace(made, average=average)


def test_gives_back_each_minute_with_every_digit(mart_file):
    assert mart_file.exists()
    gap = minute_price(NOON + MINUTE, vwap=None, flag=Flag.SOURCE_GAP)
    nulls = dict.fromkeys(("open", "high", "low", "close", "volume", "quote_volume"))
    gap = replace(gap, average=replace(gap.average, **nulls, trade_count=None, is_reconciled=None))
    prices = [minute_price(vwap="97000.123456789012"), gap]

    mart.refresh(prices)

    held = minute_prices(mart.minutes_in(Window(NOON, NOON + 2 * MINUTE)))
    assert held == prices


def test_adds_the_columns_that_an_older_mart_lacks(mart_file):
    """The column comes back empty, and the minutes of before are still there."""
    mart.refresh([minute_price(vwap="97000.5")])
    connection = sqlite3.connect(mart_file)
    connection.execute("ALTER TABLE minute DROP COLUMN twap")
    connection.close()

    mart.create_tables()

    assert row(mart_file, "SELECT vwap, twap FROM minute") == {"vwap": "97000.5", "twap": None}


@pytest.mark.usefixtures("mart_file")
def test_a_window_ends_before_its_end():
    mart.refresh([minute_price(NOON), minute_price(NOON + MINUTE)])

    held = mart.minutes_in(Window(NOON, NOON + MINUTE))

    assert list(held["minute"]) == ["2026-03-01T12:00:00Z"]


@pytest.mark.defect(25)
def test_replaces_a_minute_by_a_later_revision_only(mart_file):
    """Revision 2 replaces 1; a late copy of 1 does not come back."""
    for revision, vwap in ((1, "100.5"), (2, "100.7"), (1, "100.5")):
        mart.refresh([minute_price(revision=revision, vwap=vwap)])

    assert rows(mart_file, "SELECT revision, vwap FROM minute") == [
        {"revision": 2, "vwap": "100.7"}
    ]


@pytest.mark.defect(25)
def test_the_same_minutes_again_change_nothing(mart_file):
    prices = [traded(NOON + index * MINUTE, price="100", volume="2") for index in range(90)]
    kept = ("minute", "hourly_summary", "daily_summary")

    mart.refresh(prices)
    once = [rows(mart_file, f"SELECT * FROM {table}") for table in kept]  # noqa: S608 (fixed)
    mart.refresh(prices)

    assert [rows(mart_file, f"SELECT * FROM {table}") for table in kept] == once  # noqa: S608


def test_weighs_the_hours_vwap_by_volume(mart_file):
    """Three coins at 100 outweigh one at 200: (300 + 200) / 4 = 125."""
    mart.refresh(
        [
            traded(NOON, price="100", volume="3"),
            traded(NOON + MINUTE, price="200", volume="1"),
        ]
    )

    found = row(mart_file, "SELECT vwap, volume, quote_volume FROM hourly_summary")
    assert found == {"vwap": 125.0, "volume": 4.0, "quote_volume": 500.0}


def test_orders_an_hours_prices_as_numbers_not_as_text(mart_file):
    """As text 99 is above 100; the open and close are those of the first and last minute."""
    mart.refresh(
        [
            traded(NOON + MINUTE, price="99", volume="1"),
            traded(NOON, price="100.10", volume="1"),
            traded(NOON + 2 * MINUTE, price="100", volume="1"),
        ]
    )

    for table in ("hourly_summary", "daily_summary"):
        found = row(mart_file, f"SELECT open, high, low, close FROM {table}")  # noqa: S608 (fixed)
        assert found == {"open": "100.10", "high": "100.10", "low": "99", "close": "100"}


def test_leaves_minutes_without_a_value_out_of_an_hours_prices(mart_file):
    """A silent minute carries the price before it; it neither opens nor closes the hour."""
    silent = minute_price(NOON, vwap=None, flag=Flag.NO_TRADES)
    last = minute_price(NOON + 2 * MINUTE, vwap=None, flag=Flag.INGEST_GAP)

    mart.refresh([silent, traded(NOON + MINUTE, price="50", volume="1"), last])

    found = row(mart_file, "SELECT * FROM hourly_summary")
    assert (found["open"], found["close"], found["volume"]) == ("50", "50", 1.0)
    assert (found["ok_minutes"], found["no_trades_minutes"], found["ingest_gap_minutes"]) == (
        1,
        1,
        1,
    )
    assert (found["valued_minutes"], found["expected_minutes"]) == (1, 3)


def test_an_hour_without_a_value_has_null_prices(mart_file):
    mart.refresh([minute_price(NOON, vwap=None, flag=Flag.HALTED)])

    for table in ("hourly_summary", "daily_summary"):
        found = row(mart_file, f"SELECT * FROM {table}")  # noqa: S608 (fixed)
        assert (found["open"], found["vwap"], found["volume"]) == (None, None, None)
        assert (found["coverage"], found["halted_minutes"]) == (0.0, 1)


def test_expects_a_past_hour_whole_and_the_last_one_as_far_as_it_came(mart_file):
    """12:58 and 13:00 are held: 1 of 60 in the hour past, 1 of 1 in the last, 2 of 781 so far."""
    mart.refresh([minute_price(NOON + 58 * MINUTE), minute_price(NOON + 60 * MINUTE)])

    hours = rows(mart_file, "SELECT hour, expected_minutes FROM hourly_summary ORDER BY hour")
    assert hours == [
        {"hour": "2026-03-01T12", "expected_minutes": 60},
        {"hour": "2026-03-01T13", "expected_minutes": 1},
    ]
    day = row(mart_file, "SELECT day, valued_minutes, expected_minutes FROM daily_summary")
    assert day == {"day": "2026-03-01", "valued_minutes": 2, "expected_minutes": 781}


def test_adds_an_hour_up_anew_when_one_of_its_minutes_is_revised(mart_file):
    mart.refresh(
        [traded(NOON, price="100", volume="1"), traded(NOON + MINUTE, price="100", volume="1")]
    )

    mart.refresh([traded(NOON, price="300", volume="1", revision=2)])

    assert row(mart_file, "SELECT vwap, high FROM hourly_summary") == {"vwap": 200.0, "high": "300"}
    assert row(mart_file, "SELECT vwap, high FROM daily_summary") == {"vwap": 200.0, "high": "300"}


def test_keeps_symbols_and_days_apart(mart_file):
    midnight = NOON.replace(hour=0)
    days = mart.refresh(
        [
            traded(midnight - MINUTE, price="10", volume="1"),
            traded(midnight, price="20", volume="1"),
            traded(midnight, price="30", volume="1", symbol="ETHUSDT"),
        ]
    )

    assert days == ["2026-02-28", "2026-03-01"]
    found = rows(mart_file, "SELECT day, symbol, vwap FROM daily_summary ORDER BY day, symbol")
    assert [tuple(one.values()) for one in found] == [
        ("2026-02-28", "BTCUSDT", 10.0),
        ("2026-03-01", "BTCUSDT", 20.0),
        ("2026-03-01", "ETHUSDT", 30.0),
    ]


def test_takes_in_more_minutes_than_one_statement_may_carry(mart_file):
    count = mart.ROWS_AT_ONCE + 1

    mart.refresh([minute_price(NOON + index * MINUTE) for index in range(count)])

    assert row(mart_file, "SELECT COUNT(*) AS held FROM minute") == {"held": count}
    found = row(mart_file, "SELECT SUM(valued_minutes) AS held FROM hourly_summary")
    assert found == {"held": count}


@pytest.mark.usefixtures("mart_file")
def test_nothing_new_is_no_error():
    assert mart.refresh([]) == []


@pytest.mark.usefixtures("mart_file")
def test_first_looks_back_a_week():
    week_ago = datetime.now(UTC) - timedelta(days=7)

    assert abs(mart.watermark() - week_ago) < timedelta(minutes=1)


@pytest.mark.usefixtures("mart_file")
@pytest.mark.defect(25)
def test_moves_the_watermark_only_when_told():
    """A run that dies after the mart and before the report leaves its minutes to the next."""
    known_at = NOON + timedelta(seconds=72.5)
    mart.refresh([minute_price(known_at=known_at)])
    assert mart.watermark() > known_at

    mart.advance_watermark()

    assert mart.watermark() == known_at - timedelta(minutes=10)


@pytest.mark.usefixtures("mart_file")
def test_exports_a_day_exactly(tmp_path):
    midnight = NOON.replace(hour=0) + timedelta(days=1)
    gap = minute_price(NOON + MINUTE, vwap=None, flag=Flag.SOURCE_GAP)
    mart.refresh([minute_price(vwap="97000.123456789012"), gap, minute_price(midnight)])

    files = mart.export_days(["2026-03-01"], UPath(tmp_path) / "exports")

    assert sorted(file.name for file in (tmp_path / "exports").iterdir()) == [
        "2026-03-01.csv",
        "2026-03-01.parquet",
    ]
    written = pd.read_csv(files[0], dtype=str, keep_default_na=False)
    assert list(written["vwap"]) == ["97000.123456789012", ""]
    assert list(written["trade_count"]) == ["2", "2"]
    table = pq.read_table(files[1]).to_pylist()
    assert [one["vwap"] for one in table] == [Decimal("97000.123456789012"), None]
    assert table[0]["minute"] == NOON
