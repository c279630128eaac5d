"""What every store keeps to: the same tests over memory and a real Cassandra."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from include.marketdata.batches import BatchRecord, QuarantinedRow
from include.marketdata.prices import ExchangeMinute, Flag
from include.marketdata.store import Watermark
from include.marketdata.windows import MINUTE, Window
from tests.fakes.builders import (
    NOON,
    exchange_minute,
    full_minute,
    minute_price,
    second,
    symbol_info,
)

FIVE_MINUTES = Window(NOON, NOON + 5 * MINUTE)


def test_returns_seconds_as_they_were_written(store):
    written = full_minute(NOON) + full_minute(NOON + MINUTE, price="101.01000000")

    store.write_second_prices(reversed(written))

    assert store.second_prices("BTCUSDT", FIVE_MINUTES) == written


@pytest.mark.parametrize(
    "price", ["0.00000001", "99999999999999999999.99999999", "7141.75000000", "1E+3"]
)
def test_keeps_every_digit(store, price):
    written = second(NOON, price=price, volume="1")

    store.write_second_prices([written])

    (held,) = store.second_prices("BTCUSDT", FIVE_MINUTES)
    assert str(held.open) == str(Decimal(price))


def test_keeps_one_row_of_a_second_written_twice(store):
    store.write_second_prices([second(NOON, volume="1")])

    store.write_second_prices([second(NOON, volume="3")])

    assert [price.volume for price in store.second_prices("BTCUSDT", FIVE_MINUTES)] == [3]


def test_reads_a_window_without_its_end(store):
    store.write_second_prices([second(NOON), second(NOON + 5 * MINUTE)])

    assert [price.start for price in store.second_prices("BTCUSDT", FIVE_MINUTES)] == [NOON]


def test_reads_over_midnight_in_order(store):
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    seconds = full_minute(midnight - MINUTE) + full_minute(midnight)
    store.write_second_prices(seconds)

    held = store.second_prices("BTCUSDT", Window(midnight - MINUTE, midnight + MINUTE))

    assert held == seconds


def test_keeps_symbols_apart(store):
    store.write_second_prices([second(NOON), second(NOON, symbol="ETHUSDT", price="7")])

    assert [price.open for price in store.second_prices("ETHUSDT", FIVE_MINUTES)] == [7]


def test_returns_the_exchanges_minutes_as_their_own_kind(store):
    store.write_exchange_minutes([exchange_minute(NOON)])

    (held,) = store.exchange_minutes("BTCUSDT", FIVE_MINUTES)

    assert type(held) is ExchangeMinute
    assert store.second_prices("BTCUSDT", FIVE_MINUTES) == []


def test_takes_nothing_to_write(store):
    store.write_second_prices([])

    assert store.publish([]) == []


def test_returns_published_minutes_with_every_field(store):
    prices = [minute_price(NOON), minute_price(NOON + MINUTE, vwap=None, flag=Flag.NO_TRADES)]

    assert store.publish(prices) == prices
    assert store.minute_prices("BTCUSDT", FIVE_MINUTES) == prices


def test_shows_the_latest_revision_and_keeps_the_others(store):
    first = minute_price(NOON, vwap=None, flag=Flag.INGEST_GAP, level=8)
    second_ = minute_price(NOON, revision=2, known_at=NOON + 3 * MINUTE)
    store.publish([first])

    store.publish([second_])

    assert store.minute_prices("BTCUSDT", FIVE_MINUTES) == [second_]
    assert store.minute_history("BTCUSDT", FIVE_MINUTES) == [first, second_]


def test_never_overwrites_a_revision_that_another_worker_wrote(store):
    theirs = minute_price(NOON, vwap="2")
    ours = minute_price(NOON, vwap="1", known_at=theirs.known_at + MINUTE)
    store.publish([theirs])

    assert store.publish([ours]) == []
    assert store.minute_prices("BTCUSDT", FIVE_MINUTES) == [theirs]


def test_counts_a_revision_that_it_wrote_itself_as_written(store):
    """After a timeout an insert is repeated and meets the row that the first one wrote."""
    price = minute_price(NOON)
    store.publish([price])

    assert store.publish([price]) == [price]


def test_reads_minutes_over_the_turn_of_a_month(store):
    turn = datetime(2026, 4, 1, tzinfo=UTC)
    prices = [minute_price(turn - MINUTE), minute_price(turn)]
    store.publish(prices)

    assert store.minute_prices("BTCUSDT", Window(turn - MINUTE, turn + MINUTE)) == prices


def test_follows_changes_since_a_moment(store):
    """Published a minute and then an hour ago; only the second is news since half an hour ago."""
    now = datetime.now(UTC).replace(microsecond=0)
    old = minute_price(NOON, known_at=now - timedelta(hours=1))
    new = minute_price(NOON + 2 * MINUTE, known_at=now - timedelta(minutes=1))
    store.publish([old, new])

    assert store.changed_minutes(["BTCUSDT"], now - timedelta(minutes=30)) == [new]


def test_follows_a_revision_of_an_old_minute_once_with_its_latest_value(store):
    now = datetime.now(UTC).replace(microsecond=0)
    store.publish([minute_price(NOON, known_at=now - timedelta(days=2))])
    latest = minute_price(NOON, revision=2, vwap="7", known_at=now)
    store.publish([latest])

    assert store.changed_minutes(["BTCUSDT"], now - timedelta(days=3)) == [latest]
    assert store.changed_minutes(["ETHUSDT"], now - timedelta(days=3)) == []


def test_moves_each_watermark_on_its_own(store):
    assert store.watermark("BTCUSDT") == Watermark(None, None, None)

    store.set_stored_from("BTCUSDT", NOON - 5 * MINUTE)
    store.set_stored_until("BTCUSDT", NOON)
    store.set_averaged_until("BTCUSDT", NOON - MINUTE)

    assert store.watermark("BTCUSDT") == Watermark(NOON - 5 * MINUTE, NOON, NOON - MINUTE)


def test_lists_batches_newest_first(store):
    records = [
        BatchRecord(
            symbol="BTCUSDT",
            fetched_at=NOON + index * MINUTE,
            window_start=NOON,
            window_end=NOON + MINUTE,
            row_count=376,
            quarantined_count=index,
            is_refused=False,
            failed=("expect_volumes_to_agree",) * index,
            used_weight=20,
            fetch_ms=31,
            check_ms=140,
        )
        for index in range(2)
    ]
    for record in records:
        store.log_batch(record)

    assert store.batch_log("BTCUSDT", NOON.date()) == records[::-1]


def test_keeps_a_quarantined_row_once(store):
    row = QuarantinedRow(
        symbol="BTCUSDT",
        interval="1s",
        open_time="1772366400000",
        payload='[1772366400000, "NaN"]',
        expectations=("expect_rows_to_be_well_formed",),
        detected_at=NOON,
        batch_url="batch.json",
    )
    store.quarantine([row])

    store.quarantine([replace(row, detected_at=NOON + MINUTE)])

    (held,) = store.quarantined("BTCUSDT", NOON.date())
    assert held == replace(row, detected_at=NOON + MINUTE)


def test_remembers_what_the_exchange_says_of_a_symbol(store):
    assert store.symbol_info("BTCUSDT") is None

    store.remember_symbol(symbol_info())

    assert store.symbol_info("BTCUSDT") == symbol_info()
