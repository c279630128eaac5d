import functools
from datetime import UTC, date, datetime, timedelta

import pytest

from include.exchange.days import DayFetcher, Source, day_window, missing_windows
from include.exchange.replies import RejectedRequestError
from include.records.errors import ArchiveNotFoundError, NoSuchDayError
from include.records.klines import OPEN_TIME, Interval
from include.records.windows import MINUTE, Window, to_ms
from tests.fakes.builders import kline

DAY = date(2026, 3, 1)
START = datetime(2026, 3, 1, tzinfo=UTC)
WHOLE = Window(START, START + timedelta(days=1))
PART = Window(START, START + 3 * MINUTE)


def klines_of(interval, window, *, without=()):
    return [*_klines_of(interval, window, frozenset(without))]


# A day has 86,400 of them.
@functools.cache
def _klines_of(interval, window, without):
    count = window.minute_count * 60_000 // interval.length_ms
    starts = [
        window.start + timedelta(milliseconds=index * interval.length_ms) for index in range(count)
    ]
    return [kline(start, interval) for start in starts if start not in without]


class Archive:
    """Files by interval; what is not there is not found."""

    source = "ARCHIVE data.binance.vision"

    def __init__(self, **files):
        self.files = files

    def fetch(self, file, _on_progress):
        if file.interval.name not in self.files:
            raise ArchiveNotFoundError(f"the archive has no {file.path}")
        return self.files[file.interval.name]


class Exchange:
    source = "LIVE data-api.binance.vision"

    def __init__(self, *, without=()):
        self.asked, self.without = [], without
        # It is its own transport.
        self.transport = self

    def restart_patience(self):
        pass

    def klines(self, _symbol, interval, span):
        self.asked.append((interval, span))
        return klines_of(interval, span, without=self.without)


@pytest.fixture(autouse=True)
def _files_are_rows(monkeypatch):
    monkeypatch.setattr("include.exchange.days.read_klines", lambda _file, rows: rows)


def fetch(archive, exchange, *, window=WHOLE, source=Source.AUTO):
    fetcher = DayFetcher(archive, exchange, lambda: WHOLE.end)
    return fetcher.fetch("BTCUSDT", window, source)


def whole_archive(**changes):
    return Archive(
        SECOND=klines_of(Interval.SECOND, WHOLE, **changes),
        MINUTE=klines_of(Interval.MINUTE, WHOLE, **changes),
    )


@pytest.mark.slow
def test_takes_a_day_from_the_archive_and_asks_nobody_else():
    exchange = Exchange()

    fetched = fetch(whole_archive(), exchange)

    assert (len(fetched.rows[Interval.SECOND]), len(fetched.rows[Interval.MINUTE])) == (
        86_400,
        1_440,
    )
    assert fetched.source_names == "archive,archive"
    assert exchange.asked == []


@pytest.mark.slow
def test_asks_the_api_only_for_the_minutes_in_which_rows_are_missing():
    """A second of 00:01 and the minute of 00:02 are not in the archive."""
    second, minute = START + MINUTE + timedelta(seconds=7), START + 2 * MINUTE
    archive = Archive(
        SECOND=klines_of(Interval.SECOND, WHOLE, without={second}),
        MINUTE=klines_of(Interval.MINUTE, WHOLE, without={minute}),
    )
    exchange = Exchange()

    fetched = fetch(archive, exchange)

    assert exchange.asked == [
        (Interval.SECOND, Window(START + MINUTE, START + 2 * MINUTE)),
        (Interval.MINUTE, Window(minute, minute + MINUTE)),
    ]
    times = [row[OPEN_TIME] for row in fetched.rows[Interval.SECOND]]
    assert times == sorted(set(times))
    assert len(times) == 86_400
    assert fetched.source_names == "archive+rest,archive+rest"
    assert fetched.source == "ARCHIVE data.binance.vision"


@pytest.mark.slow
def test_says_archive_alone_where_the_api_has_no_more_either():
    gap = START + timedelta(seconds=7)

    fetched = fetch(whole_archive(without={gap}), Exchange(without={gap}))

    assert len(fetched.rows[Interval.SECOND]) == 86_399
    assert fetched.source_names == "archive+rest,archive"


@pytest.mark.parametrize("source", [Source.AUTO, Source.REST])
def test_takes_the_part_of_today_that_is_over_from_the_api(source):
    exchange = Exchange()

    fetched = fetch(whole_archive(), exchange, window=PART, source=source)

    assert exchange.asked == [(Interval.SECOND, PART), (Interval.MINUTE, PART)]
    assert fetched.source_names == "rest,rest"
    assert fetched.source == "LIVE data-api.binance.vision"


def test_asks_the_archive_alone_when_told_so():
    """Of this day it has minutes and no seconds."""
    exchange = Exchange()
    archive = Archive(MINUTE=klines_of(Interval.MINUTE, WHOLE))

    fetched = fetch(archive, exchange, source=Source.ARCHIVE)

    assert (fetched.rows[Interval.SECOND], exchange.asked) == ([], [])
    assert fetched.source_names == "nothing,archive"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (Source.AUTO, "neither the archive nor the exchange has a row of BTCUSDT on 2026-03-01"),
        (Source.ARCHIVE, "the archive has no row of BTCUSDT on 2026-03-01"),
        (Source.REST, "the exchange has no row of BTCUSDT on 2026-03-01"),
    ],
)
def test_says_that_nobody_has_a_row_of_a_day(source, words):
    exchange = Exchange(without={START + timedelta(seconds=each) for each in range(86_400)})

    with pytest.raises(NoSuchDayError, match=words):
        fetch(Archive(), exchange, source=source)


class Delisted(Exchange):
    """The exchange does not know the symbol any more."""

    def klines(self, symbol, interval, span):
        super().klines(symbol, interval, span)
        raise RejectedRequestError(-1121, "Invalid symbol.")


@pytest.mark.slow
@pytest.mark.defect(32)
def test_takes_a_symbol_that_is_not_listed_any_more_from_the_archive_alone():
    """The archive lacks three seconds of the day, and nobody else has any of it."""
    gaps = {START + timedelta(seconds=each) for each in (7, 70, 700)}
    exchange = Delisted()

    fetched = fetch(whole_archive(without=gaps), exchange)

    assert len(fetched.rows[Interval.SECOND]) == 86_397
    assert fetched.source_names == "archive,archive"
    assert len(exchange.asked) == 1


@pytest.mark.defect(32)
@pytest.mark.parametrize("source", [Source.AUTO, Source.REST])
def test_says_that_nobody_has_a_day_of_a_symbol_that_was_never_listed(source):
    with pytest.raises(NoSuchDayError, match="not under this name"):
        fetch(Archive(), Delisted(), source=source)


def test_raises_what_else_the_exchange_refuses():
    class Refusing(Exchange):
        def klines(self, *_):
            raise RejectedRequestError(-1003, "Too many requests.")

    with pytest.raises(RejectedRequestError):
        fetch(Archive(), Refusing())


@pytest.mark.defect(33)
@pytest.mark.parametrize("source", [Source.AUTO, Source.REST])
def test_counts_lines_that_stand_twice_once(source):
    """Twenty lines of the day a second time, as they are or written otherwise."""
    seconds = klines_of(Interval.SECOND, WHOLE)
    doubled = [[*row[:1], "100.00000000", *row[2:11], "1"] for row in seconds[::4000][:20]]

    class Twice(Exchange):
        def klines(self, symbol, interval, span):
            rows = super().klines(symbol, interval, span)
            return rows + (doubled if interval is Interval.SECOND else rows[:5])

    archive = Archive(SECOND=seconds + doubled, MINUTE=klines_of(Interval.MINUTE, WHOLE))

    fetched = fetch(archive, Twice(), source=source)

    assert fetched.rows[Interval.SECOND] == seconds
    assert len(fetched.rows[Interval.MINUTE]) == 1_440


@pytest.mark.defect(33)
def test_gives_the_audit_each_line_of_the_archive_once():
    minutes = klines_of(Interval.MINUTE, WHOLE)
    archive = Archive(MINUTE=[*minutes, *minutes[:20]])

    assert DayFetcher(archive, Exchange(), lambda: WHOLE.end).minutes("BTCUSDT", DAY) == minutes


def test_leaves_two_rows_that_differ_to_the_gate():
    minutes = klines_of(Interval.MINUTE, WHOLE)
    other = kline(START, Interval.MINUTE, volume="3.00000000")
    archive = Archive(MINUTE=[*minutes, other])

    rows = DayFetcher(archive, Exchange(), lambda: WHOLE.end).minutes("BTCUSDT", DAY)

    assert rows[:2] == [minutes[0], other]


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (WHOLE.end + timedelta(hours=3), WHOLE.end),
        (START + timedelta(minutes=3, seconds=6), PART.end),
        (START + timedelta(minutes=3, seconds=4), PART.end - MINUTE),
    ],
    ids=["over", "settled", "not settled"],
)
def test_takes_what_is_over_and_settled_of_a_day(now, end):
    assert day_window(DAY, now, timedelta(seconds=5)) == Window(START, end)


def test_refuses_a_day_that_has_not_begun():
    with pytest.raises(ValueError, match="2026-03-01 has not begun"):
        day_window(DAY, START - MINUTE, timedelta(seconds=5))


def test_finds_the_minutes_that_lack_a_row():
    rows = [row for row in klines_of(Interval.SECOND, PART) if row[OPEN_TIME] != to_ms(START)]

    assert missing_windows(rows, Interval.SECOND, PART) == [Window(START, START + MINUTE)]
    assert missing_windows(rows, Interval.SECOND, Window(START + MINUTE, PART.end)) == []
