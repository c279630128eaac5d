"""What the forms of backfill_prices and audit_prices may ask for, and how a run is summed up."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.marketdata.day_files import DayFetcher, Source
from include.marketdata.errors import (
    ArchiveDamagedError,
    ArchiveNotFoundError,
    NoSuchDayError,
    UnknownSymbolError,
)
from include.orchestration import audits, backfills
from include.orchestration.failures import no_retry_in_vain
from tests.fakes.builders import symbol_info
from tests.fakes.memory_store import MemoryStore

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
FORM = {"symbols": [], "from": "2026-03-01", "to": "2026-03-02", "source": "auto", "force": False}


@pytest.fixture(autouse=True)
def _airflow(monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_SYMBOLS", "BTCUSDT,ETHUSDT")
    monkeypatch.setattr(backfills, "now", lambda: NOW)
    monkeypatch.setattr(audits, "now", lambda: NOW)


def plan(**wishes):
    return backfills.plan(FORM | wishes)


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
        ({"to": "2026-03-04"}, "in the future: the last day there is anything of is 2026-03-03"),
        ({"from": "2017-07-13"}, "before Binance began, on 2017-07-14"),
        ({"from": "2020-01-01"}, "are more than 1000 at a time: split the order"),
        ({"symbols": ["BTC/USDT"]}, "'BTC/USDT' can be no symbol"),
        ({"symbols": ["../../etc"]}, "can be no symbol"),
        ({"from": None}, "from: "),
        ({"source": "ftp"}, "source: "),
    ],
)
def test_says_what_is_wrong_with_an_order(wishes, words):
    with pytest.raises(AirflowFailException, match=words):
        plan(**wishes)


def done(message, *, gaps=0, state="backfilled"):
    return {
        "symbol": message["symbol"], "day": message["day"], "state": state, "revisions": 7,
        "gaps": gaps, "quarantined": 0,
    }  # fmt: skip


def test_sums_up_what_was_done():
    planned = plan()

    summed = backfills.finish(
        planned, [done(planned[0], state="complete"), *map(done, planned[1:])]
    )

    assert summed == {"days": 4, "complete": 1, "revisions": 28, "explained": 0}


def test_names_the_days_that_failed():
    planned = plan()

    with pytest.raises(AirflowFailException, match=r"1 of 4 days failed.*: ETHUSDT 2026-03-02; "):
        backfills.finish(planned, map(done, planned[:3]))


@pytest.mark.parametrize(
    "error",
    [
        ArchiveNotFoundError("no"),
        NoSuchDayError("BTCUSDT", NOW.date(), "auto"),
        UnknownSymbolError("X"),
    ],
)
def test_does_not_try_again_what_will_be_the_same_in_a_minute(error):
    with pytest.raises(AirflowFailException), no_retry_in_vain():
        raise error


def test_tries_a_damaged_file_again():
    with pytest.raises(ArchiveDamagedError), no_retry_in_vain():
        raise ArchiveDamagedError("not as its checksum says")


class Listing:
    """An exchange that lists BTCUSDT alone."""

    def symbol_infos(self, symbols):
        return {name: symbol_info(name) for name in symbols if name == "BTCUSDT"}


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("BTCUSDT", (Source.AUTO, Decimal("0.01"))),
        ("OLDUSDT", (Source.ARCHIVE, Decimal(0))),
    ],
)
def test_asks_the_archive_alone_for_a_symbol_that_is_not_listed_any_more(symbol, expected):
    fetcher = DayFetcher(None, Listing(), lambda: NOW)

    assert backfills.source_and_tick(MemoryStore(), fetcher, symbol, Source.AUTO) == expected


def test_says_that_the_api_does_not_know_a_symbol():
    fetcher = DayFetcher(None, Listing(), lambda: NOW)

    with pytest.raises(UnknownSymbolError, match="OLDUSDT"):
        backfills.source_and_tick(MemoryStore(), fetcher, "OLDUSDT", Source.REST)


def test_audits_the_last_week_of_every_symbol_when_nothing_is_filled_in():
    spans = audits.plan({"from": None, "to": None})

    assert spans == [
        {"symbol": symbol, "first": "2026-02-24", "last": "2026-03-02"}
        for symbol in ("BTCUSDT", "ETHUSDT")
    ]


@pytest.mark.parametrize(
    "wishes", [{"from": "2026-03-02", "to": "2026-03-01"}, {"from": None, "to": "2026-03-03"}]
)
def test_audits_only_days_that_are_over(wishes):
    with pytest.raises(AirflowFailException, match="2026-03-02 at most"):
        audits.plan(wishes)


def test_audits_the_other_days_when_one_fails(monkeypatch):
    asked = []

    def audit_day(_publisher, _checkpoints, _fetcher, _symbol, day):
        asked.append(day)
        if day.day == 1:
            raise ArchiveDamagedError("not as its checksum says")

    @contextmanager
    def open_fetcher(_store):
        yield None

    class Opened:
        store = MemoryStore()

    monkeypatch.setattr(audits, "audit_day", audit_day)
    monkeypatch.setattr(audits, "open_fetcher", open_fetcher)
    monkeypatch.setattr(audits, "open_publisher", lambda _checkpoints: Opened())
    monkeypatch.setattr(audits, "open_checkpoints", lambda: None)
    monkeypatch.setattr("os.nice", lambda _by: 0)

    with pytest.raises(AirflowFailException, match="BTCUSDT 2026-03-01: not as its checksum says"):
        audits.audit({"symbol": "BTCUSDT", "first": "2026-03-01", "last": "2026-03-02"})

    assert asked == [NOW.date() - timedelta(days=2), NOW.date() - timedelta(days=1)]
