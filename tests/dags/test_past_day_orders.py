"""What the forms of backfill_prices and audit_prices may ask for, and how a run is summed up."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.orchestration.failures import fail_without_retry
from include.records.errors import (
    ArchiveDamagedError,
    ArchiveNotFoundError,
    NoSuchDayError,
    RetryableError,
    UnknownSymbolError,
)
from include.records.prices import Flag
from include.records.windows import Window
from include.tasks import audit_prices, backfill_prices
from tests.fakes.builders import average
from tests.fakes.memory_store import MemoryStore

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
FORM = {"symbols": [], "from": "2026-03-01", "to": "2026-03-02", "source": "auto", "force": False}


@pytest.fixture(autouse=True)
def _airflow(monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_SYMBOLS", "BTCUSDT,ETHUSDT")
    monkeypatch.setattr(backfill_prices, "now", lambda: NOW)
    monkeypatch.setattr(audit_prices, "now", lambda: NOW)


def plan(**wishes):
    return backfill_prices.plan(FORM | wishes)


def test_splits_an_order_by_day_and_symbol_oldest_first():
    assert [(each["day"], each["symbol"]) for each in plan()] == [
        ("2026-03-01", "BTCUSDT"),
        ("2026-03-01", "ETHUSDT"),
        ("2026-03-02", "BTCUSDT"),
        ("2026-03-02", "ETHUSDT"),
    ]


def test_takes_the_symbols_that_are_named_once_and_today():
    named = plan(symbols=[" SOLUSDT ", "", "SOLUSDT"], **{"from": "2026-03-03", "to": "2026-03-03"})

    assert [(each["symbol"], each["symbols"]) for each in named] == [("SOLUSDT", ["SOLUSDT"])]


@pytest.mark.defect(39)
def test_takes_a_symbol_of_any_script_and_however_it_is_typed():
    """U and two dots are one letter; the day that is planned names it as the exchange does."""
    named = plan(symbols=["币安人生USDT", "U\u0308USDT"], to="2026-03-01")

    assert [each["symbol"] for each in named] == ["币安人生USDT", "\u00dcUSDT"]


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"from": "2026-03-02", "to": "2026-03-01"}, r"'to' \(2026-03-01\) is before 'from'"),
        ({"to": "2026-03-04"}, "in the future: the last day with prices is 2026-03-03"),
        ({"from": "2017-07-13"}, "before Binance began, on 2017-07-14"),
        ({"from": "2020-01-01"}, "exceed 1000 at a time: split the order"),
        ({"symbols": ["BTC/USDT"]}, "'BTC/USDT' is not a valid symbol"),
        ({"symbols": ["../../etc"]}, "is not a valid symbol"),
        ({"from": None}, "from: "),
        ({"source": "ftp"}, "source: "),
    ],
)
def test_says_what_is_wrong_with_an_order(wishes, words):
    with pytest.raises(AirflowFailException, match=words):
        plan(**wishes)


def done(message, *, state="backfilled", missing=""):
    return {
        "symbol": message["symbol"], "day": message["day"], "state": state, "revisions": 7,
        "gaps": 0, "quarantined": 0, "missing": missing,
    }  # fmt: skip


def test_sums_up_what_was_done():
    planned = plan()

    summed = backfill_prices.finish(
        planned, [done(planned[0], state="complete"), *map(done, planned[1:])]
    )

    assert summed == {
        "days": 4,
        "complete": 1,
        "revisions": 28,
        "explained": 0,
        "incomplete": {},
    }


@pytest.mark.defect(36)
def test_names_the_days_that_still_lack_something(monkeypatch, caplog):
    """Of one day a minute is a gap; what another lacked has its cause by now."""
    store, planned = MemoryStore(), plan()
    day = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    for symbol, flag in (("BTCUSDT", Flag.SOURCE_GAP), ("ETHUSDT", Flag.EXCHANGE_OUTAGE)):
        minutes = [average(minute, symbol=symbol) for minute in day.minutes()]
        store.minute_prices.append([replace(minutes[0], flag=flag), *minutes[1:]], day.end)
    monkeypatch.setattr(backfill_prices, "open_store", lambda: store)

    summed = backfill_prices.finish(
        planned,
        [done(each, missing="a gap") for each in planned[:2]]
        + [done(each) for each in planned[2:]],
    )

    assert summed["incomplete"] == {
        "BTCUSDT 2026-03-01": "1 minutes have no value or a partial one, without a final cause"
    }
    assert "BTCUSDT 2026-03-01 is not complete, and can be fetched again" in caplog.text


def test_names_the_days_that_failed():
    planned = plan()

    with pytest.raises(AirflowFailException, match=r"1 of 4 days failed.*: ETHUSDT 2026-03-02; "):
        backfill_prices.finish(planned, map(done, planned[:3]))


@pytest.mark.parametrize(
    "error",
    [
        ArchiveNotFoundError("no"),
        NoSuchDayError("BTCUSDT", NOW.date(), "auto"),
        UnknownSymbolError("X"),
    ],
)
def test_does_not_try_again_what_will_be_the_same_in_a_minute(error):
    with pytest.raises(AirflowFailException), fail_without_retry():
        raise error


def test_tries_a_damaged_file_again():
    with pytest.raises(ArchiveDamagedError), fail_without_retry():
        raise ArchiveDamagedError("not as its checksum says")


@pytest.mark.defect(35)
def test_audits_the_last_week_and_older_days_with_growing_distance():
    """Until half a year back: an archive was issued anew after months."""
    btc, eth = audit_prices.plan({"from": None, "to": None})

    assert (btc["symbol"], eth["symbol"]) == ("BTCUSDT", "ETHUSDT")
    assert btc["days"] == eth["days"] == sorted(btc["days"])
    ages = [(NOW.date() - date.fromisoformat(day)).days for day in reversed(btc["days"])]
    assert ages[:10] == [1, 2, 3, 4, 5, 6, 7, 8, 10, 12]
    assert ages[-1] >= 180
    assert len(ages) < 25
    assert all(newer < older <= newer * 5 // 4 + 1 for newer, older in pairwise(ages))


def test_audits_the_days_that_are_filled_in():
    days = audit_prices.plan({"from": "2026-02-27", "to": "2026-03-01"})[0]["days"]

    assert days == ["2026-02-27", "2026-02-28", "2026-03-01"]


@pytest.mark.parametrize(
    "wishes", [{"from": "2026-03-02", "to": "2026-03-01"}, {"from": None, "to": "2026-03-03"}]
)
def test_audits_only_days_that_are_over(wishes):
    with pytest.raises(AirflowFailException, match="2026-03-02 at the latest"):
        audit_prices.plan(wishes)


@pytest.fixture
def audited(monkeypatch):
    """Audits three days, the middle one of which raises an error; returns which were asked for.

    And what the task says in the end.
    """

    @contextmanager
    def open_fetcher(_store):
        yield None

    class Opened:
        store = MemoryStore()

    monkeypatch.setattr(audit_prices, "open_fetcher", open_fetcher)
    monkeypatch.setattr(audit_prices, "open_publisher", lambda _checkpoints: Opened())
    monkeypatch.setattr(audit_prices, "open_checkpoints", lambda: None)
    monkeypatch.setattr("os.nice", lambda _by: 0)

    def audit(error):
        asked = []

        def audit_day(_publisher, _checkpoints, _fetcher, _symbol, day):
            asked.append(day.day)
            if day.day == 1:
                raise error

        monkeypatch.setattr(audit_prices, "audit_day", audit_day)
        days = ["2026-02-28", "2026-03-01", "2026-03-02"]
        try:
            said = audit_prices.audit({"symbol": "BTCUSDT", "days": days})
        except AirflowFailException as failure:
            said = str(failure)
        return asked, said

    return audit


@pytest.mark.defect(37)
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ArchiveDamagedError("not as its checksum says"), ": not as its checksum says"),
        (ZeroDivisionError("by 0"), " failed with a program error: ZeroDivisionError: by 0"),
    ],
)
def test_audits_the_other_days_when_one_fails(audited, error, words):
    assert audited(error) == ([28, 1, 2], f"BTCUSDT 2026-03-01{words}")


def test_asks_an_archive_that_does_not_answer_for_no_other_day(audited):
    """Each would take its whole patience; the days that are left are named all the same."""
    asked, said = audited(RetryableError("nobody answers"))

    assert asked == [28, 1]
    assert said == "BTCUSDT 2026-03-01: nobody answers; BTCUSDT 2026-03-02: nobody answers"


def test_does_not_stop_for_a_day_that_the_archive_does_not_have(audited):
    asked, said = audited(ArchiveNotFoundError("no such day"))

    assert asked == [28, 1, 2]
    assert said == dict.fromkeys(("days", "minutes", "restated", "absent", "contradicted"), 0)
