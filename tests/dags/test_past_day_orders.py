"""What the forms of backfill_prices and audit_prices may ask for, and how a run is summed up."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.orchestration.failures import fail_without_retry
from include.orchestration.page_links import days_on_prices
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
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://prices.example/")
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
        ({"to": "2026-03-04"}, "in the future: set it to 2026-03-03 or an earlier day"),
        ({"from": "2017-07-13"}, "before Binance began: set it to 2017-07-14 or a later day"),
        ({"from": "2020-01-01"}, "exceed 1000 at a time: split the order"),
        ({"symbols": ["BTC/USDT"]}, "'BTC/USDT' is not a valid symbol"),
        ({"symbols": ["../../etc"]}, "is not a valid symbol"),
        ({"from": None}, "from: no day is given: write one like 2026-03-01"),
        ({"from": "20260301"}, "from: '20260301' is not a day: write it like 2026-03-01"),
        ({"from": "2026-W09-7"}, "from: '2026-W09-7' is not a day"),
        ({"symbols": [f"S{number}USDT" for number in range(501)]}, "2 days of 501 symbols exceed"),
        ({"source": "ftp"}, "source: "),
    ],
)
def test_says_what_is_wrong_with_an_order(wishes, words):
    with pytest.raises(AirflowFailException, match=words) as raised:
        plan(**wishes)

    assert raised.value.__cause__ is None
    assert "\n" not in str(raised.value)


def test_counts_the_symbols_of_the_deployment_where_none_is_named(monkeypatch):
    named = ",".join(f"S{number}USDT" for number in range(501))
    monkeypatch.setenv("AIRFLOW_VAR_SYMBOLS", named)

    with pytest.raises(AirflowFailException, match="2 days of 501 symbols exceed 1000"):
        plan()


def done(message, *, state="backfilled", missing="", quarantined=0):
    return {
        "symbol": message["symbol"], "day": message["day"], "state": state,
        "revisions": 7 if state == "backfilled" else 0,
        "gaps": 0, "quarantined": quarantined, "missing": missing,
    }  # fmt: skip


def test_sums_up_what_was_done():
    planned = plan()

    summed = backfill_prices.finish(
        planned, [done(planned[0], state="complete"), *map(done, planned[1:])]
    )

    assert summed == (
        "BTCUSDT, ETHUSDT, 2026-03-01 to 2026-03-02: 3 days fetched, 1 day complete already, "
        "21 minutes published. Prices: http://prices.example/prices/?symbol=BTCUSDT"
        "&from=2026-03-01T00:00Z&to=2026-03-03T00:00Z"
    )


def test_says_so_when_there_was_nothing_to_fetch():
    planned = plan(symbols=["BTCUSDT"], to="2026-03-01")

    summed = backfill_prices.finish(planned, [done(planned[0], state="complete")])

    assert summed.startswith("BTCUSDT, 2026-03-01: nothing was fetched, 1 day complete already. ")


def test_says_how_many_rows_were_refused():
    planned = plan(symbols=["BTCUSDT"], to="2026-03-01")

    summed = backfill_prices.finish(planned, [done(planned[0], quarantined=1_200)])

    assert "7 minutes published, 1,200 rows refused, in quarantine. " in summed


@pytest.mark.parametrize(
    ("first", "query"),
    [
        ("2026-03-01", "from=2026-03-01T00:00Z&to=2026-03-02T00:00Z"),
        ("2026-01-01", "from=2026-02-23T00:00Z&to=2026-03-02T00:00Z"),
    ],
    ids=["a day", "more than is shown at a time"],
)
def test_links_to_days_that_the_page_can_show(first, query):
    link = days_on_prices("币安人生USDT", date.fromisoformat(first), date(2026, 3, 1))

    assert link.endswith(f"/prices/?symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&{query}")


def test_links_without_a_host_where_airflow_does_not_know_its_own(monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "")

    assert days_on_prices("BTCUSDT", date(2026, 3, 1), date(2026, 3, 1)).startswith("/prices/?")


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

    assert (
        "still incomplete: BTCUSDT 2026-03-01 "
        "(1 minutes have no value or a partial one, without a final cause). "
    ) in summed
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
    ("wishes", "words"),
    [
        ({"from": "2026-03-02", "to": "2026-03-01"}, "set 'from' to the first day and 'to' to"),
        ({"from": None, "to": "2026-03-03"}, "a day from 2017-07-14 to 2026-03-02"),
        ({"from": "2017-07-13", "to": None}, "a day from 2017-07-14 to 2026-03-02"),
        ({"from": "soon", "to": None}, "from: 'soon' is not a day: write it like 2026-03-01"),
    ],
)
def test_audits_only_days_that_are_over(wishes, words):
    with pytest.raises(AirflowFailException, match=words):
        audit_prices.plan(wishes)


def test_audits_no_day_of_before_binance_began():
    days = audit_prices.plan({"from": None, "to": "2017-07-15"})[0]["days"]

    assert days == ["2017-07-14", "2017-07-15"]


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
    assert said == "BTCUSDT: no day was to be audited."
