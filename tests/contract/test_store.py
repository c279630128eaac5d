"""What every store keeps to: the same tests over memory and a real Cassandra."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from include.pipeline.storing import load_batch
from include.reading.queries import as_of
from include.records.batches import BatchRecord, unchanged_rows
from include.records.klines import Interval
from include.records.prices import ExchangeMinute, Flag, MinutePrice
from include.records.verdicts import State
from include.records.windows import MINUTE, SECOND, Window, floor_minute, to_ms
from include.store.store import Watermark
from tests.fakes.builders import (
    NOON,
    average,
    batch,
    exchange_minute,
    full_minute,
    kline,
    quarantined_row,
    second,
    symbol_info,
    verdict,
)

DAY = timedelta(days=1)
FIVE_MINUTES = Window(NOON, NOON + 5 * MINUTE)
FETCHED_AT = NOON + 5 * MINUTE
KNOWN_AT = NOON + 2 * MINUTE


def test_returns_seconds_as_they_were_written(store):
    written = full_minute(NOON) + full_minute(NOON + MINUTE, price="101.01000000")

    store.second_prices.write(reversed(written), FETCHED_AT)

    assert store.second_prices.between("BTCUSDT", FIVE_MINUTES) == written


@pytest.mark.parametrize(
    "price", ["0.00000001", "99999999999999999999.99999999", "7141.75000000", "1E+3"]
)
def test_keeps_every_digit(store, price):
    written = second(NOON, price=price, volume="1")

    store.second_prices.write([written], FETCHED_AT)

    (held,) = store.second_prices.between("BTCUSDT", FIVE_MINUTES)
    assert str(held.open) == str(Decimal(price))


def test_knows_a_stored_row_again_digit_for_digit(store):
    """A fetch asks for five minutes once more; what is stored is not written again."""
    landed = batch()
    load_batch(store, landed, verdict(), "batch.json")

    held = {
        Interval.SECOND: store.second_prices.between("BTCUSDT", landed.window),
        Interval.MINUTE: store.exchange_minutes.between("BTCUSDT", landed.window),
    }

    assert unchanged_rows(landed, held) == {
        interval: [*range(len(rows))] for interval, rows in landed.rows.items()
    }


def test_keeps_one_row_of_a_second_written_twice(store):
    store.second_prices.write([second(NOON, volume="1")], FETCHED_AT)

    store.second_prices.write([second(NOON, volume="3")], FETCHED_AT)

    assert [price.volume for price in store.second_prices.between("BTCUSDT", FIVE_MINUTES)] == [3]


def test_reads_a_window_without_its_end(store):
    store.second_prices.write([second(NOON), second(NOON + 5 * MINUTE)], FETCHED_AT)

    assert [price.start for price in store.second_prices.between("BTCUSDT", FIVE_MINUTES)] == [NOON]


def test_reads_over_midnight_in_order(store):
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    seconds = full_minute(midnight - MINUTE) + full_minute(midnight)
    store.second_prices.write(seconds, FETCHED_AT)

    held = store.second_prices.between("BTCUSDT", Window(midnight - MINUTE, midnight + MINUTE))

    assert held == seconds


def test_keeps_symbols_apart(store):
    store.second_prices.write([second(NOON), second(NOON, symbol="ETHUSDT", price="7")], FETCHED_AT)

    assert [price.open for price in store.second_prices.between("ETHUSDT", FIVE_MINUTES)] == [7]


def test_returns_the_exchanges_minutes_as_their_own_kind(store):
    store.exchange_minutes.write([exchange_minute(NOON)], FETCHED_AT)

    (held,) = store.exchange_minutes.between("BTCUSDT", FIVE_MINUTES)

    assert type(held) is ExchangeMinute
    assert store.second_prices.between("BTCUSDT", FIVE_MINUTES) == []


def test_takes_nothing_to_write(store):
    store.second_prices.write([], FETCHED_AT)

    assert store.minute_prices.append([], NOON) == []


def test_lets_the_later_fetch_of_a_second_win_in_whatever_order_they_are_written(store):
    """A load that is run again hours later must not bring back what was corrected meanwhile."""
    store.second_prices.write([second(NOON, volume="3")], FETCHED_AT + MINUTE)

    store.second_prices.write([second(NOON, volume="1"), second(NOON + SECOND)], FETCHED_AT)

    held = store.second_prices.between("BTCUSDT", FIVE_MINUTES)
    assert [price.volume for price in held] == [3, 2]


def test_returns_published_minutes_with_every_field(store):
    averages = [average(NOON), average(NOON + MINUTE, vwap=None, flag=Flag.NO_TRADES)]

    written = store.minute_prices.append(averages, KNOWN_AT)

    assert written == [MinutePrice(each, 1, KNOWN_AT) for each in averages]
    assert store.minute_prices.between("BTCUSDT", FIVE_MINUTES) == written


def test_shows_the_latest_revision_and_keeps_the_others(store):
    gap = average(NOON, vwap=None, flag=Flag.INGEST_GAP, level=8)
    first = store.minute_prices.append([gap], KNOWN_AT)

    second_ = store.minute_prices.append([average(NOON)], KNOWN_AT + 2 * MINUTE)

    assert [price.revision for price in (*first, *second_)] == [1, 2]
    assert store.minute_prices.between("BTCUSDT", FIVE_MINUTES) == second_
    assert store.minute_prices.history("BTCUSDT", FIVE_MINUTES) == first + second_


def test_writes_no_revision_that_says_nothing_new(store):
    store.minute_prices.append([average(NOON)], KNOWN_AT)

    assert store.minute_prices.append([average(NOON)], KNOWN_AT + MINUTE) == []
    assert len(store.minute_prices.history("BTCUSDT", FIVE_MINUTES)) == 1


def test_leaves_out_what_was_known_before_the_latest_revision(store):
    """A slow worker read the seconds before a gap was repaired: its gap is no news."""
    repaired = store.minute_prices.append([average(NOON)], KNOWN_AT)
    gap = average(NOON, vwap=None, flag=Flag.INGEST_GAP, level=8)

    assert store.minute_prices.append([gap], KNOWN_AT - SECOND) == []
    assert store.minute_prices.history("BTCUSDT", FIVE_MINUTES) == repaired


def test_revises_some_of_many_minutes(store):
    """Of 120 minutes every third has a new value: those get a second revision, no other."""
    minutes = [NOON + index * MINUTE for index in range(120)]
    store.minute_prices.append([average(minute) for minute in minutes], KNOWN_AT)
    third = minutes[::3]

    written = store.minute_prices.append(
        [average(minute, vwap="7" if minute in third else "100.5") for minute in minutes],
        KNOWN_AT + MINUTE,
    )

    assert [(price.average.minute, price.revision) for price in written] == [
        (minute, 2) for minute in third
    ]


def test_reads_minutes_over_the_turn_of_a_month(store):
    turn = datetime(2026, 4, 1, tzinfo=UTC)
    averages = [average(turn - MINUTE), average(turn)]

    written = store.minute_prices.append(averages, turn + 2 * MINUTE)

    window = Window(turn - MINUTE, turn + MINUTE)
    assert store.minute_prices.between("BTCUSDT", window) == written


def test_tells_what_was_known_at_a_moment(store):
    """Published at 12:01 as a gap, repaired at 12:03; at 12:00:59 nothing was known."""
    gap = average(NOON, vwap=None, flag=Flag.INGEST_GAP, level=8)
    store.minute_prices.append([gap], NOON + MINUTE)
    store.minute_prices.append([average(NOON)], NOON + 3 * MINUTE)

    known = {
        seconds: [
            each.average for each in as_of(store, "BTCUSDT", FIVE_MINUTES, NOON + seconds * SECOND)
        ]
        for seconds in (59, 60, 179, 180)
    }

    assert known == {59: [], 60: [gap], 179: [gap], 180: [average(NOON)]}


def test_knows_the_latest_minute_of_a_symbol(store):
    now = floor_minute(datetime.now(UTC))
    assert store.minute_prices.latest("BTCUSDT") is None
    store.minute_prices.append([average(now - 40 * DAY), average(now - 70 * DAY)], now)

    (latest,) = store.minute_prices.append([average(now - 40 * DAY, vwap="7")], now + MINUTE)

    assert store.minute_prices.latest("BTCUSDT") == latest
    assert store.minute_prices.latest("ETHUSDT") is None


def test_follows_changes_since_a_moment(store):
    """Published a minute and then an hour ago; only the second is news since half an hour ago."""
    now = datetime.now(UTC).replace(microsecond=0)
    store.minute_prices.append([average(NOON)], now - timedelta(hours=1))
    new = store.minute_prices.append([average(NOON + 2 * MINUTE)], now - MINUTE)

    assert store.minute_prices.changed(["BTCUSDT"], now - timedelta(minutes=30)) == new


def test_follows_an_old_minute_that_was_revised_with_all_its_revisions(store):
    now = datetime.now(UTC).replace(microsecond=0)
    first = store.minute_prices.append([average(NOON)], now - 2 * DAY)
    latest = store.minute_prices.append([average(NOON, vwap="7")], now)

    assert store.minute_prices.changed(["BTCUSDT"], now - MINUTE) == first + latest
    assert store.minute_prices.changed(["ETHUSDT"], now - 3 * DAY) == []


def test_returns_many_watermarks_and_entries_at_once(store):
    """More than one statement may ask for; in the order asked, and also of symbols never seen."""
    names = [f"S{number:02}USDT" for number in range(45)]
    for number, name in enumerate(names[::2]):
        store.set_stored_until(name, NOON + number * MINUTE)
        store.remember_symbol(symbol_info(name))

    marks, infos = store.watermarks(names[::-1]), store.symbol_infos(names)

    assert [*marks] == names[::-1]
    assert {name for name, mark in marks.items() if mark.stored_until} == {*names[::2]}
    assert marks[names[4]] == Watermark(None, NOON + 2 * MINUTE, None)
    assert infos == {name: symbol_info(name) for name in names[::2]}


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
            dag_id="ingest_prices" if index else None,
            run_id="scheduled__2026-03-01T12:01:00+00:00" if index else None,
            source="LIVE data-api.binance.vision" if index else None,
        )
        for index in range(2)
    ]
    for record in records:
        store.log_batch(record)

    assert store.batch_log("BTCUSDT", NOON.date()) == records[::-1]


def test_lists_the_batches_fetched_in_a_window_by_day(store):
    """From before midnight to after it; the batch at the end is not in it."""
    midnight = NOON + timedelta(hours=12)
    fetched = [midnight + place * MINUTE for place in (-2, -1, 0, 1)]
    for fetched_at in fetched:
        store.log_batch(
            BatchRecord(
                symbol="BTCUSDT",
                fetched_at=fetched_at,
                window_start=NOON,
                window_end=NOON + MINUTE,
                row_count=61,
                quarantined_count=0,
                is_refused=True,
                failed=("expect_volumes_to_agree",),
                used_weight=20,
                fetch_ms=31,
                check_ms=140,
            )
        )

    found = store.batches_between("BTCUSDT", Window(fetched[1], fetched[3]))

    assert [each.fetched_at for each in found] == [fetched[1], fetched[2]]
    assert found == [
        *store.batch_log("BTCUSDT", NOON.date())[:1],
        *store.batch_log("BTCUSDT", midnight.date())[1:],
    ]


def test_keeps_a_quarantined_row_once(store):
    row = quarantined_row()
    store.quarantine.keep([row])

    store.quarantine.keep([replace(row, detected_at=row.detected_at + MINUTE)])

    (held,) = store.quarantine.on_day("BTCUSDT", NOON.date())
    assert held == replace(row, detected_at=row.detected_at + MINUTE)


def test_keeps_a_settled_row_settled_when_it_is_found_again(store):
    row, other = quarantined_row(), quarantined_row(kline(NOON + SECOND))
    store.quarantine.keep([row, other])

    settled = store.quarantine.settle(row, State.CLOSED, NOON + MINUTE, "an outage's edge")
    store.quarantine.keep([row])

    assert settled == replace(
        row, state=State.CLOSED, settled_at=NOON + MINUTE, note="an outage's edge"
    )
    assert store.quarantine.on_day("BTCUSDT", NOON.date()) == [settled, other]


def test_removes_a_quarantined_row_and_names_the_days_that_have_some(store):
    row, other = quarantined_row(), quarantined_row(kline(NOON + SECOND))
    later = quarantined_row(symbol="ETHUSDT", detected_at=NOON + timedelta(days=2))
    store.quarantine.keep([row, other, later])
    day = NOON.date()
    assert sorted(store.quarantine.days()) == [("BTCUSDT", day), ("ETHUSDT", date(2026, 3, 3))]

    store.quarantine.remove(row)
    store.quarantine.remove(later)
    store.quarantine.remove(row)

    assert store.quarantine.on_day("BTCUSDT", day) == [other]
    assert store.quarantine.days() == [("BTCUSDT", day)]


def test_keeps_two_rows_of_one_moment_apart(store):
    rows = [quarantined_row(), quarantined_row(kline(NOON, volume="5.00000000"))]

    store.quarantine.keep(rows)

    held = store.quarantine.on_day("BTCUSDT", NOON.date())
    assert sorted(row.payload for row in held) == sorted(row.payload for row in rows)


def test_remembers_when_a_symbol_was_said_to_trade(store):
    moments = [NOON, NOON + 10 * MINUTE, NOON + timedelta(hours=12)]
    for moment, status in zip(moments, ["TRADING", "BREAK", "TRADING"], strict=True):
        store.remember_symbol(replace(symbol_info(checked_at=moment), status=status))

    assert store.statuses("BTCUSDT", NOON.date()) == [
        (NOON, "TRADING"),
        (NOON + 10 * MINUTE, "BREAK"),
    ]


def test_remembers_what_the_exchange_says_of_a_symbol(store):
    assert store.symbol_info("BTCUSDT") is None

    store.remember_symbol(symbol_info())

    assert store.symbol_info("BTCUSDT") == symbol_info()


def test_returns_revisions_as_a_board_draws_them(store):
    silent = replace(
        average(NOON + MINUTE, vwap=None, flag=Flag.NO_TRADES), grade=None, quality=None
    )
    store.minute_prices.append([average(vwap="0.000000012300"), silent], KNOWN_AT)
    store.minute_prices.append([average(vwap="2E+3")], KNOWN_AT + SECOND)

    candles = store.minute_rows.candles("BTCUSDT", FIVE_MINUTES)

    assert [(row.minute_ms, row.revision, row.known_ms, row.flag) for row in candles] == [
        (to_ms(NOON), 1, to_ms(KNOWN_AT), "OK"),
        (to_ms(NOON), 2, to_ms(KNOWN_AT + SECOND), "OK"),
        (to_ms(NOON + MINUTE), 1, to_ms(KNOWN_AT), "NO_TRADES"),
    ]
    assert [row.vwap for row in candles] == [Decimal("0.000000012300"), Decimal("2E+3"), None]
    assert [(row.grade, row.quality) for row in candles][1:] == [("A", 100), (None, None)]
    causes = store.minute_rows.causes("BTCUSDT", FIVE_MINUTES)
    assert [tuple(row) for row in causes] == [tuple(row[:4]) for row in candles]


def test_returns_rows_of_two_months_in_order(store):
    start = datetime(2026, 2, 28, 23, 59, tzinfo=UTC)
    store.minute_prices.append([average(start), average(start + MINUTE)], KNOWN_AT)

    rows = store.minute_rows.causes("BTCUSDT", Window(start, start + 2 * MINUTE))

    assert [row.minute_ms for row in rows] == [to_ms(start), to_ms(start + MINUTE)]


def test_tells_which_minutes_changed_and_when(store):
    known_at = floor_minute(datetime.now(UTC)) - MINUTE
    for place in range(3):
        store.minute_prices.append([average(NOON + place * MINUTE)], known_at + place * SECOND)

    found = store.minute_rows.changes("BTCUSDT", known_at + SECOND, 10)

    assert found == [
        (to_ms(known_at + place * SECOND), to_ms(NOON + place * MINUTE)) for place in (1, 2)
    ]
    assert store.minute_rows.changes("BTCUSDT", known_at, 2)[-1] == found[0]
