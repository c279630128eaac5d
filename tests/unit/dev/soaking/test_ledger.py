"""What a soak says of minutes: each of its five columns that must be empty can be filled."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dev.benchmarks.row_times import RowTime
from dev.soaking.faults import Group
from dev.soaking.ledger import Fault, settle
from include.records.prices import Flag

MINUTE = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
KEY = ("BTCUSDT", MINUTE)
RIGHT, OTHER = Decimal("97000.5"), Decimal("97000.6")
EXPECTED = {KEY: RIGHT}
END = MINUTE + timedelta(minutes=1)
KILLED = Fault("Cassandra killed", Group.STORE, END - timedelta(seconds=5), END)
LIED = Fault("rows revised", Group.LIE, END - timedelta(seconds=5), END)


def row(revision=1, vwap=RIGHT, flag=Flag.OK, after_seconds=4.0):
    stored_at = END + timedelta(seconds=after_seconds)
    return RowTime("BTCUSDT", MINUTE, revision, stored_at, stored_at, flag, vwap)


def gap(after_seconds=20.0):
    return row(vwap=None, flag=Flag.INGEST_GAP, after_seconds=after_seconds)


def settled(*rows, faults=(), mart=((KEY, RIGHT),)):
    return settle(rows, EXPECTED, faults, mart)


def test_a_minute_that_comes_right_and_in_time_needs_no_cause():
    ledger = settled(row())

    assert ledger.is_clean
    assert (ledger.expected, ledger.published, ledger.otherwise) == (1, 1, 0)
    assert ledger.quiet_delays == [timedelta(seconds=4)]


def test_a_gap_that_a_fault_explains_is_repaired():
    ledger = settled(gap(), row(2, after_seconds=85), faults=[KILLED])

    assert ledger.is_clean
    assert (ledger.otherwise, ledger.explained, ledger.repaired) == (1, 1, 1)
    assert ledger.fault_delays == [timedelta(seconds=85)]
    assert ledger.recoveries == [(KILLED, timedelta(seconds=85))]


@pytest.mark.parametrize("rows", [[gap(), row(2, after_seconds=85)], [row(after_seconds=61)]])
def test_a_gap_and_a_late_minute_without_a_fault_are_unexplained(rows):
    ledger = settled(*rows)

    assert ledger.unexplained == [KEY]
    assert not ledger.is_clean


def test_a_fault_long_ago_explains_nothing():
    before = timedelta(minutes=30)
    old = Fault("Cassandra killed", Group.STORE, KILLED.began - before, KILLED.lifted - before)

    assert settled(gap(), row(2), faults=[old]).unexplained == [KEY]


def test_another_value_as_ok_is_explained_only_by_an_exchange_that_lies():
    rows = [row(vwap=OTHER), row(2)]

    assert settled(*rows, faults=[LIED]).is_clean
    assert settled(*rows, faults=[KILLED]).unexplained == [KEY]


@pytest.mark.parametrize("last", [row(vwap=OTHER), gap()])
def test_a_minute_that_does_not_end_with_the_exchanges_value_is_wrong(last):
    assert settled(last, faults=[LIED]).wrong == [KEY]


def test_a_minute_without_a_revision_is_lost_whatever_explains_it():
    ledger = settled(faults=[KILLED], mart=())

    assert ledger.lost == [KEY]
    assert ledger.recoveries == [(KILLED, None)]
    assert not ledger.is_clean


def test_a_revision_that_is_missing_and_a_row_that_the_mart_has_twice_are_told():
    assert settled(row(2)).twice == [KEY]
    assert settled(row(), mart=[(KEY, RIGHT)] * 2).twice == [KEY]


def test_another_value_in_the_mart_is_wrong():
    assert settled(row(), mart=[(KEY, OTHER)]).wrong == [KEY]


def test_a_minute_that_the_mart_lacks_is_lost():
    assert settled(row(), mart=[]).lost == [KEY]
