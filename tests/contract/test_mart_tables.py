"""The mart's minutes and their summaries, on a real SQLite file and on a real Postgres."""

from datetime import UTC, datetime, timedelta

import pytest

from include.mart import creation, mart
from include.mart.tables import SUMMARIES
from include.records.prices import Flag
from include.records.windows import MINUTE, Window
from include.reports.text_rows import minute_prices
from tests.fakes.builders import NOON, minute_price, traded, unpriced

TWO_DAYS = timedelta(days=2)


@pytest.mark.usefixtures("mart_database")
def test_gives_back_each_minute_with_every_digit():
    prices = [minute_price(vwap="97000.123456789012"), unpriced(NOON + MINUTE)]

    mart.refresh(prices)

    held = minute_prices(mart.minutes_in(Window(NOON, NOON + 2 * MINUTE)))
    assert held == prices


def test_adds_the_columns_that_an_older_mart_lacks(mart_database):
    """The column comes back empty, and the minutes of before are still there."""
    mart.refresh([minute_price(vwap="97000.5")])
    mart_database.run("ALTER TABLE minute DROP COLUMN twap")
    mart_database.run("ALTER TABLE hourly_summary DROP COLUMN return_count")

    creation.create_tables()

    assert mart_database.row("SELECT vwap, twap FROM minute") == {"vwap": "97000.5", "twap": None}
    mart.refresh([minute_price(NOON + MINUTE, vwap="97000.5")])
    assert mart_database.row("SELECT return_count FROM hourly_summary") == {"return_count": 1}


@pytest.mark.usefixtures("mart_database")
def test_a_window_ends_before_its_end():
    mart.refresh([minute_price(NOON), minute_price(NOON + MINUTE)])

    held = mart.minutes_in(Window(NOON, NOON + MINUTE))

    assert list(held["minute"]) == ["2026-03-01T12:00:00Z"]


@pytest.mark.defect(25)
def test_replaces_a_minute_by_a_later_revision_only(mart_database):
    """Revision 2 replaces 1; a late copy of 1 does not come back."""
    for revision, vwap in ((1, "100.5"), (2, "100.7"), (1, "100.5")):
        mart.refresh([minute_price(revision=revision, vwap=vwap)])

    assert mart_database.rows("SELECT revision, vwap FROM minute") == [
        {"revision": 2, "vwap": "100.7"}
    ]


@pytest.mark.defect(25)
def test_the_same_minutes_again_change_nothing(mart_database):
    prices = [traded(NOON + index * MINUTE, price="100", volume="2") for index in range(90)]
    mart.refresh(prices)
    once = mart_database.everything()
    mart.refresh(prices)

    assert mart_database.everything() == once


def test_weighs_the_hours_vwap_by_volume(mart_database):
    """Three coins at 100 outweigh one at 200: (300 + 200) / 4 = 125."""
    mart.refresh(
        [
            traded(NOON, price="100", volume="3"),
            traded(NOON + MINUTE, price="200", volume="1"),
        ]
    )

    found = mart_database.row("SELECT vwap, volume, quote_volume FROM hourly_summary")
    assert found == {"vwap": 125.0, "volume": 4.0, "quote_volume": 500.0}


def test_orders_an_hours_prices_as_numbers_not_as_text(mart_database):
    """As text 99 is above 100; the open and close are those of the first and last minute."""
    mart.refresh(
        [
            traded(NOON + MINUTE, price="99", volume="1"),
            traded(NOON, price="100.10", volume="1"),
            traded(NOON + 2 * MINUTE, price="100", volume="1"),
        ]
    )

    for table in ("hourly_summary", "daily_summary"):
        found = mart_database.row(f"SELECT open, high, low, close FROM {table}")  # noqa: S608 (fixed)
        assert found == {"open": "100.10", "high": "100.10", "low": "99", "close": "100"}


def test_leaves_minutes_without_a_value_out_of_an_hours_prices(mart_database):
    """A silent minute carries the price before it; it neither opens nor closes the hour."""
    silent = minute_price(NOON, vwap=None, flag=Flag.NO_TRADES)
    last = minute_price(NOON + 2 * MINUTE, vwap=None, flag=Flag.INGEST_GAP)

    mart.refresh([silent, traded(NOON + MINUTE, price="50", volume="1"), last])

    found = mart_database.row("SELECT * FROM hourly_summary")
    assert (found["open"], found["close"], found["volume"]) == ("50", "50", 1.0)
    assert (found["ok_minutes"], found["no_trades_minutes"], found["ingest_gap_minutes"]) == (
        1,
        1,
        1,
    )
    assert (found["valued_minutes"], found["expected_minutes"]) == (1, 3)


def test_an_hour_without_a_value_has_null_prices(mart_database):
    mart.refresh([minute_price(NOON, vwap=None, flag=Flag.HALTED)])

    for table in ("hourly_summary", "daily_summary"):
        found = mart_database.row(f"SELECT * FROM {table}")  # noqa: S608 (fixed)
        assert (found["open"], found["vwap"], found["volume"]) == (None, None, None)
        assert (found["coverage"], found["halted_minutes"]) == (0.0, 1)


def test_expects_a_past_hour_whole_and_the_last_one_as_far_as_it_came(mart_database):
    """12:58 and 13:00 are held: 1 of 60 in the hour past, 1 of 1 in the last, 2 of 781 so far."""
    mart.refresh([minute_price(NOON + 58 * MINUTE), minute_price(NOON + 60 * MINUTE)])

    hours = mart_database.rows("SELECT hour, expected_minutes FROM hourly_summary ORDER BY hour")
    assert hours == [
        {"hour": "2026-03-01T12", "expected_minutes": 60},
        {"hour": "2026-03-01T13", "expected_minutes": 1},
    ]
    day = mart_database.row("SELECT day, valued_minutes, expected_minutes FROM daily_summary")
    assert day == {"day": "2026-03-01", "valued_minutes": 2, "expected_minutes": 781}


def test_adds_an_hour_up_anew_when_one_of_its_minutes_is_revised(mart_database):
    mart.refresh(
        [traded(NOON, price="100", volume="1"), traded(NOON + MINUTE, price="100", volume="1")]
    )

    mart.refresh([traded(NOON, price="300", volume="1", revision=2)])

    assert mart_database.row("SELECT vwap, high FROM hourly_summary") == {
        "vwap": 200.0,
        "high": "300",
    }
    assert mart_database.row("SELECT vwap, high FROM daily_summary") == {
        "vwap": 200.0,
        "high": "300",
    }


def test_keeps_symbols_and_days_apart(mart_database):
    midnight = NOON.replace(hour=0)
    hours = mart.refresh(
        [
            traded(midnight - MINUTE, price="10", volume="1"),
            traded(midnight, price="20", volume="1"),
            traded(midnight, price="30", volume="1", symbol="ETHUSDT"),
        ]
    )

    assert hours == ["2026-02-28T23", "2026-03-01T00"]
    found = mart_database.rows("SELECT day, symbol, vwap FROM daily_summary ORDER BY day, symbol")
    assert [tuple(one.values()) for one in found] == [
        ("2026-02-28", "BTCUSDT", 10.0),
        ("2026-03-01", "BTCUSDT", 20.0),
        ("2026-03-01", "ETHUSDT", 30.0),
    ]


def test_takes_in_more_minutes_than_are_staged_at_once(mart_database, monkeypatch):
    count = 250
    monkeypatch.setattr(mart, "ROWS_AT_ONCE", 100)

    mart.refresh([minute_price(NOON + index * MINUTE) for index in range(count)])

    assert mart_database.row("SELECT COUNT(*) AS held FROM minute") == {"held": count}
    found = mart_database.row("SELECT SUM(valued_minutes) AS held FROM hourly_summary")
    assert found == {"held": count}


@pytest.mark.usefixtures("mart_database")
def test_nothing_new_is_no_error():
    assert mart.refresh([]) == []


@pytest.mark.usefixtures("mart_database")
def test_first_looks_back_as_far_as_it_is_told():
    two_days_ago = datetime.now(UTC) - TWO_DAYS

    assert abs(mart.watermark(TWO_DAYS) - two_days_ago) < timedelta(minutes=1)


@pytest.mark.usefixtures("mart_database")
@pytest.mark.defect(25)
def test_moves_the_watermark_only_when_told():
    """A run that dies after the mart and before the report leaves its minutes to the next."""
    known_at = NOON + timedelta(seconds=72.5)
    mart.refresh([minute_price(known_at=known_at)])
    assert mart.watermark(TWO_DAYS) > known_at

    mart.advance_watermark(mart.newest())

    assert mart.watermark(TWO_DAYS) == known_at - timedelta(minutes=10)


@pytest.mark.usefixtures("mart_database")
def test_a_clock_that_ran_ahead_hides_nothing():
    """A minute known tomorrow would hide what is published until then."""
    mart.refresh([minute_price(known_at=datetime.now(UTC) + timedelta(days=1))])

    mart.advance_watermark(mart.newest())

    assert mart.watermark(TWO_DAYS) <= datetime.now(UTC) - mart.OVERLAP


@pytest.mark.usefixtures("mart_database")
def test_the_watermark_never_goes_back_nor_past_what_was_written():
    """The steps of two runs cross: the older one, cleared, writes after the newer took in more."""
    assert mart.newest() is None
    mart.refresh([minute_price(NOON, known_at=NOON + MINUTE)])
    older = mart.newest()
    mart.refresh([minute_price(NOON + MINUTE, known_at=NOON + 2 * MINUTE)])
    newer = mart.newest()

    mart.advance_watermark(older)
    after_older = mart.watermark(TWO_DAYS)
    mart.advance_watermark(newer)
    mart.advance_watermark(older)

    assert after_older == NOON + MINUTE - mart.OVERLAP
    assert mart.watermark(TWO_DAYS) == NOON + 2 * MINUTE - mart.OVERLAP


def finish(prices):
    """Load minutes as a run does, to its last step."""
    mart.refresh(prices)
    mart.advance_watermark(mart.newest())


@pytest.mark.usefixtures("mart_database")
def test_what_a_finished_run_has_written_is_no_news():
    written = minute_price(known_at=NOON + MINUTE)
    assert mart.news_among([written]) == [written]
    finish([written])
    following = minute_price(NOON + MINUTE, known_at=NOON + 2 * MINUTE)

    assert mart.news_among([written, following]) == [following]


@pytest.mark.usefixtures("mart_database")
def test_every_revision_of_a_minute_that_was_revised_is_news():
    """When it was first published is told by the first of them."""
    first = minute_price(known_at=NOON + MINUTE)
    finish([first])
    second = minute_price(revision=2, vwap="100.7", known_at=NOON + 3 * MINUTE)

    assert mart.news_among([first, second]) == [first, second]


@pytest.mark.usefixtures("mart_database")
def test_what_an_unfinished_run_has_loaded_is_news_again():
    """Its files and reports are not there yet."""
    finish([minute_price(known_at=NOON + MINUTE)])
    loaded = minute_price(NOON + MINUTE, known_at=NOON + 2 * MINUTE)
    mart.refresh([loaded])

    assert mart.news_among([loaded]) == [loaded]


@pytest.mark.usefixtures("mart_database")
def test_what_becomes_visible_late_is_news_until_a_run_finishes():
    """It is known since before the last finished run, which did not see it."""
    finish([minute_price(known_at=NOON + 5 * MINUTE)])
    late = minute_price(symbol="ETHUSDT", known_at=NOON + MINUTE)

    assert mart.news_among([late]) == [late]
    mart.refresh([late])
    assert mart.news_among([late]) == [late]
    finish([late])
    assert mart.news_among([late]) == []


def test_measures_the_delay_of_a_minutes_first_publication(mart_database):
    """The minute ends at 12:01; out at 12:01:07, and its revision a day later says nothing."""
    first = minute_price(known_at=NOON + timedelta(seconds=67))
    later = minute_price(revision=2, vwap="100.7", known_at=NOON + timedelta(days=1))

    mart.refresh([first])
    mart.refresh([later, first])

    found = mart_database.row("SELECT revision, known_at, first_known_at, delay_ms FROM minute")
    assert found == {
        "revision": 2,
        "known_at": "2026-03-02T12:00:00.000Z",
        "first_known_at": "2026-03-01T12:01:07.000Z",
        "delay_ms": 7000,
    }


def test_keeps_a_source_that_a_later_revision_does_not_know(mart_database):
    """A replay of the quarantine has no batch of its own in the log."""
    mart.refresh([minute_price()], {("BTCUSDT", NOON): "GENERATED"})
    mart.refresh([minute_price(revision=2, vwap="99")])

    assert mart_database.row("SELECT revision, source FROM minute") == {
        "revision": 2,
        "source": "GENERATED",
    }


def test_expects_more_of_the_last_hour_when_another_symbol_moves_on(mart_database):
    """Ether stops at 12:00; when bitcoin is at 13:01, ether lacks 59 minutes of its hour."""
    mart.refresh([minute_price(NOON, symbol="ETHUSDT"), minute_price(NOON)])

    mart.refresh([minute_price(NOON + 61 * MINUTE)])

    expected = "SELECT expected_minutes FROM {} WHERE symbol = 'ETHUSDT'"
    assert mart_database.row(expected.format("hourly_summary")) == {"expected_minutes": 60}
    assert mart_database.row(expected.format("daily_summary")) == {"expected_minutes": 782}


@pytest.mark.parametrize("table", SUMMARIES)
def test_makes_good_what_a_run_left_that_died_before_a_table(mart_database, monkeypatch, table):
    """Bitcoin moves on past ether's last hour and day; the run dies before it merges the table."""
    mart.refresh([minute_price(NOON, symbol="ETHUSDT"), minute_price(NOON)])
    news = [minute_price(NOON + timedelta(days=1))]
    merge = mart._merge  # noqa: SLF001 - where it dies

    def die(name, changes):
        if name == table:
            raise InterruptedError
        merge(name, changes)

    with monkeypatch.context() as patched:
        patched.setattr(mart, "_merge", die)
        with pytest.raises(InterruptedError):
            mart.refresh(news)
    mart.refresh(news)

    expected = "SELECT expected_minutes FROM {} WHERE symbol = 'ETHUSDT'"
    assert mart_database.row(expected.format("hourly_summary")) == {"expected_minutes": 60}
    assert mart_database.row(expected.format("daily_summary")) == {"expected_minutes": 1440}
