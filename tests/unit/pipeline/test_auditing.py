import functools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from include.exchange.days import DayRows
from include.gx.checkpoints import Checkpoints
from include.gx.minutes import check_averages
from include.pipeline.auditing import audit_day
from include.pipeline.publishing import Publisher
from include.reading.queries import as_of
from include.records.errors import ArchiveNotFoundError, CheckFailedError
from include.records.klines import Interval
from include.records.revisions import MinuteState
from include.records.windows import MINUTE, Window
from tests.fakes.builders import exchange_minute, kline
from tests.fakes.memory_store import MemoryStore

DAY = datetime(2026, 3, 1, tzinfo=UTC)
TEN = Window(DAY, DAY + 10 * MINUTE)
AUDITED_AT = DAY + timedelta(days=1, hours=6)


class Fetcher:
    """The archive of one day, minutes alone; a test changes what it holds."""

    def __init__(self, **changed):
        self.issue, self.archive = "a" * 64, self
        self.rows = [
            kline(minute, Interval.MINUTE, **changed.get(f"minute_{place}", {}))
            for place, minute in enumerate(TEN.minutes())
        ]

    def checksum(self, _file):
        return self.issue

    def minutes(self, _symbol, _day):
        return self.rows

    def fetch(self, symbol, window, _source):
        rows = {Interval.SECOND: [], Interval.MINUTE: self.rows}
        sources = {Interval.SECOND: "", Interval.MINUTE: "archive"}
        return DayRows(symbol, window, rows, sources, AUDITED_AT)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    return Checkpoints(str(tmp_path_factory.mktemp("gx")))


@pytest.fixture
def store():
    """Ten minutes published live, an average of 100 each."""
    store = MemoryStore()
    store.exchange_minutes.write(
        [exchange_minute(minute, trades=2) for minute in TEN.minutes()], TEN.end
    )
    publisher = Publisher(store, ["BTCUSDT"], lambda: TEN.end, lambda _averages, _asked: {})
    publisher.publish_windows({"BTCUSDT": [TEN]}, are_fetched=True)
    return store


def audit(store, checkpoints, fetcher, *, check=None, moment=AUDITED_AT):
    check = check or functools.partial(check_averages, checkpoints)
    publisher = Publisher(store, ["BTCUSDT"], lambda: moment, check)
    return audit_day(publisher, checkpoints, fetcher, "BTCUSDT", DAY.date())


def states(store, moment=AUDITED_AT):
    return [each.state for each in as_of(store, "BTCUSDT", TEN, moment)]


def test_notes_a_day_that_is_as_in_the_archive(store, checkpoints):
    result = audit(store, checkpoints, Fetcher())

    assert (result.day.minute_count, result.day.restated_count) == (10, 0)
    assert (result.restated, result.alarm) == ((), "")
    assert states(store) == [MinuteState.AUDITED] * 10
    assert states(store, AUDITED_AT - MINUTE) == [MinuteState.FINAL] * 10


@pytest.mark.slow
def test_restates_what_the_archive_has_otherwise_and_nothing_else(store, checkpoints):
    """101 instead of 100 in the fourth minute: one percent, beyond a tenth of one."""
    result = audit(store, checkpoints, Fetcher(minute_3={"price": "101.00"}))

    changed = store.minute_prices.history("BTCUSDT", Window(DAY + 3 * MINUTE, DAY + 4 * MINUTE))
    assert [(each.revision, each.average.vwap) for each in changed] == [(1, 100), (2, 101)]
    (noted,) = store.restatements.between("BTCUSDT", TEN)
    assert (noted.vwap_before, noted.vwap_after, noted.is_alarming) == (100, 101, True)
    assert noted.difference_ratio == Decimal("0.01")
    assert result.restated == (noted,)
    assert result.alarm == (
        "BTCUSDT 2026-03-01: 1 of 10 minutes differ from the exchange's archive beyond the "
        "limit, by 1.0000% at most; 1 were restated"
    )
    assert states(store)[3] is MinuteState.RESTATED
    assert states(store)[:3] + states(store)[4:] == [MinuteState.AUDITED] * 9


@pytest.mark.slow
def test_restates_a_small_difference_without_an_alarm(store, checkpoints):
    result = audit(store, checkpoints, Fetcher(minute_3={"price": "100.05"}))

    assert (result.day.restated_count, result.day.alarming_count, result.alarm) == (1, 0, "")
    (noted,) = store.restatements.between("BTCUSDT", TEN)
    assert (noted.difference_ratio, noted.is_alarming) == (Decimal("0.0005"), False)


def test_audits_a_day_once_with_each_issue_of_its_archive(store, checkpoints):
    fetcher = Fetcher()
    audit(store, checkpoints, fetcher)
    again = audit(store, checkpoints, fetcher, moment=AUDITED_AT + MINUTE)
    fetcher.issue = "b" * 64

    anew = audit(store, checkpoints, fetcher, moment=AUDITED_AT + 2 * MINUTE)

    assert again is None
    assert anew.day.checksum == "b" * 64
    assert len(store.days.audited("BTCUSDT", DAY.date(), DAY.date())) == 2


@pytest.mark.slow
@pytest.mark.defect(39)
def test_audits_and_restates_a_symbol_of_any_script(checkpoints):
    symbol, store = "币安人生USDT", MemoryStore()
    store.exchange_minutes.write(
        [exchange_minute(minute, symbol=symbol, trades=2) for minute in TEN.minutes()], TEN.end
    )
    publisher = Publisher(
        store, [symbol], lambda: AUDITED_AT, functools.partial(check_averages, checkpoints)
    )
    publisher.publish_windows({symbol: [TEN]}, are_fetched=True)
    fetcher = Fetcher(minute_3={"price": "101.00"})

    result = audit_day(publisher, checkpoints, fetcher, symbol, DAY.date())

    assert (result.day.minute_count, len(result.restated)) == (10, 1)
    found = as_of(store, symbol, TEN, AUDITED_AT)
    assert [each.average.vwap for each in found[2:5]] == [100, 101, 100]


@pytest.mark.defect(35)
def test_audits_what_a_longer_issue_of_the_archive_brings(store, checkpoints):
    """The file ends after the sixth minute, and is issued anew ten days later."""
    fetcher = Fetcher()
    whole, fetcher.rows = fetcher.rows, fetcher.rows[:6]
    cut = audit(store, checkpoints, fetcher)
    before = states(store)
    fetcher.rows, fetcher.issue = whole, "b" * 64
    later = AUDITED_AT + timedelta(days=10)

    anew = audit(store, checkpoints, fetcher, moment=later)

    assert before == [MinuteState.AUDITED] * 6 + [MinuteState.FINAL] * 4
    assert (cut.day.minute_count, cut.day.absent_count) == (6, 4)
    assert cut.alarm == (
        "BTCUSDT 2026-03-01: 4 of 10 minutes differ from the exchange's archive beyond the limit; "
        "0 were restated, 4 are not in the archive"
    )
    assert (anew.day.minute_count, anew.day.absent_count, anew.alarm) == (10, 0, "")
    assert states(store, later) == [MinuteState.AUDITED] * 10
    assert len(store.minute_prices.history("BTCUSDT", TEN)) == 10


@pytest.mark.defect(35)
def test_audits_again_what_was_published_after_the_audit(store, checkpoints):
    audit(store, checkpoints, Fetcher())
    (last,) = store.minute_prices.between("BTCUSDT", Window(TEN.end - MINUTE, TEN.end))
    store.minute_prices.append([replace(last.average, soft_flags="SEAM")], AUDITED_AT + MINUTE)
    moment = AUDITED_AT + 2 * MINUTE
    assert states(store, moment)[-1] is MinuteState.FINAL

    audit(store, checkpoints, Fetcher(), moment=moment)

    assert states(store, moment)[-1] is MinuteState.AUDITED


@pytest.mark.slow
@pytest.mark.defect(35)
def test_does_not_audit_a_minute_that_the_gate_keeps_from_the_archive(store, checkpoints):
    """Its amounts lie beyond its own prices: what is published stays, and is not confirmed."""
    fetcher = Fetcher(minute_3={"price": "101.00"})
    fetcher.rows[3][1:5] = ["100.00"] * 4

    result = audit(store, checkpoints, fetcher)

    assert states(store)[3] is MinuteState.FINAL
    assert result.day.contradicted_count == 1
    assert "1 keep their value although the archive differs" in result.alarm


@pytest.mark.defect(33)
def test_compares_nothing_with_two_rows_that_differ(store, checkpoints):
    fetcher = Fetcher()
    fetcher.rows.append(kline(DAY, Interval.MINUTE, volume="3.00000000"))

    result = audit(store, checkpoints, fetcher)

    assert result.day.absent_count == 1
    assert states(store)[0] is MinuteState.FINAL


def test_does_not_ask_for_a_day_of_which_nothing_is_published(checkpoints):
    class Unasked:
        @property
        def archive(self):
            raise AssertionError("the archive was asked")

    assert audit(MemoryStore(), checkpoints, Unasked()) is None


def test_says_that_the_archive_does_not_have_the_day(store, checkpoints):
    class Late(Fetcher):
        def checksum(self, file):
            raise ArchiveNotFoundError(f"the archive has no {file.path}")

    with pytest.raises(ArchiveNotFoundError):
        audit(store, checkpoints, Late())

    assert store.days.audited("BTCUSDT", DAY.date(), DAY.date()) == []


@pytest.mark.slow
def test_does_not_note_a_day_whose_correction_was_withheld(store, checkpoints):
    fetcher = Fetcher(minute_3={"price": "101.00"})

    with pytest.raises(CheckFailedError, match="1 minutes that differ from the archive"):
        audit(
            store,
            checkpoints,
            fetcher,
            check=lambda averages, _asked: {
                place: {"bad": "x"} for place, each in enumerate(averages) if each.vwap == 101
            },
        )

    assert store.days.audited("BTCUSDT", DAY.date(), DAY.date()) == []
    assert states(store)[3] is MinuteState.FINAL


def test_refuses_an_archive_that_holds_no_numbers(store, checkpoints):
    fetcher = Fetcher()
    fetcher.rows[2][5] = "many"

    with pytest.raises(CheckFailedError, match="has a cell that is not a number"):
        audit(store, checkpoints, fetcher)
