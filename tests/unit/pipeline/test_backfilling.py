import functools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from include.exchange.days import DayRows
from include.gx.checkpoints import Checkpoints
from include.gx.minutes import check_averages
from include.pipeline import backfilling
from include.pipeline.backfilling import backfill, batches, describe_missing
from include.pipeline.publishing import Publisher
from include.records.errors import CheckFailedError
from include.records.klines import Interval
from include.records.prices import Flag
from include.records.revisions import BackfilledDay
from include.records.windows import MINUTE, Window
from tests.fakes.builders import average, kline, symbol_info
from tests.fakes.memory_store import MemoryStore

DAY = datetime(2026, 3, 1, tzinfo=UTC)
TEN = Window(DAY, DAY + 10 * MINUTE)
WHOLE = Window(DAY, DAY + timedelta(days=1))
LOW, VOLUME, QUOTE_VOLUME, TAKER_QUOTE = 3, 5, 7, 10


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    return Checkpoints(str(tmp_path_factory.mktemp("gx")))


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch):
    """Four minutes instead of six hours, so that ten minutes are three parts."""
    monkeypatch.setattr(backfilling, "BATCH", timedelta(minutes=4))


def day_rows(window=TEN, *, source="archive", symbol="BTCUSDT"):
    return DayRows(
        symbol=symbol,
        window=window,
        rows={
            Interval.SECOND: [
                kline(window.start + timedelta(seconds=index))
                for index in range(60 * window.minute_count)
            ],
            Interval.MINUTE: [
                kline(minute, Interval.MINUTE, volume="120.00000000", trades=120)
                for minute in window.minutes()
            ],
        },
        sources=dict.fromkeys(Interval, source),
        fetched_at=WHOLE.end + timedelta(hours=5),
    )


def run(store, checkpoints, fetched, on_progress=lambda _record: None, *, hours=6):
    clock = lambda: WHOLE.end + timedelta(hours=hours)  # noqa: E731 - a clock
    publisher = Publisher(
        store, [fetched.symbol], clock, functools.partial(check_averages, checkpoints)
    )
    return backfill(publisher, checkpoints, fetched, on_progress)


@pytest.mark.slow
def test_publishes_every_minute_of_a_day_and_says_how_far_it_is(store, checkpoints):
    told = []

    done = run(store, checkpoints, day_rows(), told.append)

    published = store.minute_prices.between("BTCUSDT", TEN)
    assert [price.average.vwap for price in published] == [100] * 10
    assert {price.average.source_level for price in published} == {1}
    assert [record.window_end - DAY for record in told] == [4 * MINUTE, 8 * MINUTE, 10 * MINUTE]
    assert (done.day.second_count, done.day.minute_count, done.day.gap_count) == (600, 10, 0)
    assert len(store.batch_log("BTCUSDT", WHOLE.end.date())) == 3


@pytest.mark.slow
def test_leaves_the_watermark_to_the_live_runs(store, checkpoints):
    run(store, checkpoints, day_rows())

    assert store.watermark("BTCUSDT").stored_until is None


@pytest.mark.slow
def test_changes_nothing_when_it_is_done_again(store, checkpoints):
    run(store, checkpoints, day_rows())

    again = run(store, checkpoints, day_rows(), hours=7)

    assert again.publication.prices == ()
    assert all(price.revision == 1 for price in store.minute_prices.history("BTCUSDT", TEN))


@pytest.mark.slow
def test_calls_a_minute_that_nobody_has_the_exchanges_gap(store, checkpoints):
    """Nothing live was ever fetched here, and still it is no gap of ours."""
    fetched = day_rows()
    gap = DAY + 3 * MINUTE
    rows = {
        interval: [row for row in each if not gap <= _start(row) < gap + MINUTE]
        for interval, each in fetched.rows.items()
    }

    done = run(store, checkpoints, replace(fetched, rows=rows))

    (price,) = store.minute_prices.between("BTCUSDT", Window(gap, gap + MINUTE))
    assert price.average.flag is Flag.SOURCE_GAP
    assert done.day.gap_count == 1


@pytest.mark.slow
def test_quarantines_a_bad_row_and_publishes_the_day(store, checkpoints):
    fetched = day_rows()
    fetched.rows[Interval.SECOND][130][LOW] = "101.00"

    done = run(store, checkpoints, fetched)

    (kept,) = store.quarantine.on_day("BTCUSDT", fetched.fetched_at.date())
    assert (done.day.quarantined_count, kept.interval) == (1, "1s")
    minute = store.minute_prices.between("BTCUSDT", Window(DAY + 2 * MINUTE, DAY + 3 * MINUTE))
    assert [(each.average.source_level, each.average.flag) for each in minute] == [(2, Flag.OK)]


def test_publishes_nothing_of_a_day_of_which_a_part_is_refused(store, checkpoints):
    fetched = day_rows()
    for row in fetched.rows[Interval.SECOND][:100]:
        row[LOW] = "101.00"

    with pytest.raises(CheckFailedError, match="100 of 240 second_prices are bad"):
        run(store, checkpoints, fetched)

    assert store.minute_prices.between("BTCUSDT", TEN) == []


@pytest.mark.slow
@pytest.mark.parametrize(("source", "volume"), [("archive", 1), ("rest", 2)])
def test_gives_the_archive_the_last_word_and_not_the_api(store, checkpoints, source, volume):
    """A second had a volume of 2 when it was fetched live; now it has half of that."""
    run(store, checkpoints, day_rows(source="rest"))
    fetched = replace(day_rows(source=source), fetched_at=WHOLE.end + timedelta(hours=8))
    fetched.rows[Interval.SECOND][5] = kline(DAY + timedelta(seconds=5), volume="1.00000000")

    run(store, checkpoints, fetched, hours=9)

    second = Window(DAY, DAY + MINUTE)
    assert store.second_prices.between("BTCUSDT", second)[5].volume == volume


@pytest.mark.slow
def test_notes_a_day_as_whole_only_when_it_is(store, checkpoints):
    run(store, checkpoints, day_rows())

    assert store.days.backfilled("BTCUSDT", DAY.date(), DAY.date()) == []
    assert "1430 minutes are not published" in describe_missing(store, "BTCUSDT", WHOLE)


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        (Flag.OK, ""),
        (Flag.HALTED, ""),
        (Flag.EXCHANGE_OUTAGE, ""),
        (Flag.NO_TRADES, ""),
        (Flag.INGEST_GAP, "1 minutes have no value"),
        (Flag.SOURCE_GAP, "1 minutes have no value"),
        (Flag.PARTIAL, "1 minutes have no value"),
    ],
)
@pytest.mark.defect(36)
def test_takes_a_day_for_complete_when_no_fetch_could_add_to_it(store, flag, expected):
    minutes = [average(minute) for minute in WHOLE.minutes()]
    minutes[700] = replace(minutes[700], flag=flag)
    store.minute_prices.append(minutes, WHOLE.end)

    missing = describe_missing(store, "BTCUSDT", WHOLE)
    assert missing.startswith(expected)
    assert bool(missing) == bool(expected)


def test_does_not_take_a_day_for_complete_that_lacks_a_minute(store):
    store.minute_prices.append([average(minute) for minute in WHOLE.minutes()][1:], WHOLE.end)

    assert describe_missing(store, "BTCUSDT", WHOLE) == "1 minutes are not published"


@pytest.mark.defect(36)
def test_does_not_take_a_day_for_complete_because_it_was_fetched_whole(store):
    """A backfill has noted the day; ten of its minutes are gaps of the source."""
    store.minute_prices.append(
        [
            replace(average(minute), flag=Flag.SOURCE_GAP if place < 10 else Flag.OK)
            for place, minute in enumerate(WHOLE.minutes())
        ],
        WHOLE.end,
    )
    store.days.note_backfill(
        BackfilledDay("BTCUSDT", DAY.date(), WHOLE.end, "archive,archive", 86_400, 1_430, 10)
    )

    assert describe_missing(store, "BTCUSDT", WHOLE) == (
        "10 minutes have no value or a partial one, without a final cause"
    )


@pytest.mark.slow
@pytest.mark.defect(30)
@pytest.mark.parametrize(("bad_count", "is_alarming"), [(6, False), (7, True)])
def test_says_that_more_than_one_in_a_hundred_rows_were_quarantined(
    store, checkpoints, bad_count, is_alarming
):
    """Of 610 rows; each minute has its value from the exchange's own minute all the same."""
    fetched = day_rows()
    for place in range(bad_count):
        fetched.rows[Interval.SECOND][place * 60][LOW] = "101.00"

    done = run(store, checkpoints, fetched)
    store.days.note_backfill(done.day)
    store.minute_prices.append(
        [average(minute) for minute in WHOLE.minutes() if minute not in TEN], WHOLE.end
    )

    assert {price.average.flag for price in store.minute_prices.between("BTCUSDT", TEN)} == {
        Flag.OK
    }
    assert bool(done.alarm) is is_alarming
    assert describe_missing(store, "BTCUSDT", WHOLE) == done.alarm
    if is_alarming:
        assert done.alarm.startswith(f"BTCUSDT 2026-03-01: {bad_count} of 610 rows quarantined")


@pytest.mark.slow
@pytest.mark.defect(30)
def test_stores_a_day_of_another_tick_than_the_exchange_states_now(store, checkpoints):
    """INJUSDT had three decimals until its tick became 0.01."""
    store.remember_symbol(replace(symbol_info(), tick_size=Decimal("0.01")))
    fetched = day_rows()
    for rows in fetched.rows.values():
        for row in rows:
            volume = Decimal(row[VOLUME])
            row[1:5] = ["36.123"] * 4
            row[QUOTE_VOLUME], row[TAKER_QUOTE] = (
                f"{volume * part * Decimal('36.123'):.8f}" for part in (1, Decimal("0.5"))
            )

    done = run(store, checkpoints, fetched)

    assert (done.day.quarantined_count, done.alarm) == (0, "")
    published = store.minute_prices.between("BTCUSDT", TEN)
    assert {price.average.vwap for price in published} == {Decimal("36.123")}
    assert {price.average.flag for price in published} == {Flag.OK}


@pytest.mark.slow
@pytest.mark.defect(41)
def test_judges_a_silent_row_by_the_part_of_the_day_before_it(store, checkpoints):
    """The first second of the second part repeats another price than the last trade's."""
    fetched = day_rows()
    fetched.rows[Interval.SECOND][240] = kline(
        DAY + 4 * MINUTE, price="99.00", volume="0.00000000", trades=0
    )

    done = run(store, checkpoints, fetched)

    (kept,) = store.quarantine.on_day("BTCUSDT", fetched.fetched_at.date())
    assert [*kept.observed] == ["expect_silent_rows_to_repeat_the_last_price"]
    assert done.day.quarantined_count == 1


def test_cuts_a_day_into_parts_without_hole_or_overlap():
    parts = batches(day_rows())

    assert [part.window.start for part in parts[1:]] == [part.window.end for part in parts[:-1]]
    assert sum(part.row_count for part in parts) == 610
    assert len({part.fetched_at for part in parts}) == 3


def _start(row):
    return datetime.fromtimestamp(row[0] / 1000, tz=UTC)
