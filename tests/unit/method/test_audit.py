from dataclasses import replace
from decimal import Decimal

import pytest

from include.method.audit import Finding, audit
from include.records.prices import ExchangeMinute, Flag
from tests.fakes.builders import NOON, average, exchange_minute, silent

PUBLISHED = replace(
    average(vwap="100"), volume=Decimal(2), quote_volume=Decimal(200), trade_count=2
)
NOTHING = replace(
    average(vwap=None, flag=Flag.SOURCE_GAP, level=7),
    volume=None,
    quote_volume=None,
    trade_count=None,
)


def compare(published, official):
    (found,) = audit([published], {NOON: official} if official else {})
    return found


def test_confirms_a_minute_that_the_archive_has_to_the_last_digit():
    found = compare(PUBLISHED, exchange_minute(NOON, volume="2", trades=2))

    assert (found.finding, found.difference_ratio, found.is_alarming) == (
        Finding.AUDITED,
        0,
        False,
    )


@pytest.mark.parametrize(
    ("price", "is_alarming"), [("100.1", False), ("100.11", True), ("99.89", True)]
)
def test_raises_an_alarm_above_a_tenth_of_a_percent(price, is_alarming):
    found = compare(PUBLISHED, exchange_minute(NOON, price=price, volume="2", trades=2))

    assert found.finding is Finding.RESTATED
    assert found.difference_ratio == Decimal(price) / 100 - 1
    assert found.is_alarming is is_alarming


def test_restates_another_volume_at_the_same_price_without_an_alarm():
    found = compare(PUBLISHED, exchange_minute(NOON, volume="3", trades=2))

    assert (found.finding, found.is_alarming) == (Finding.RESTATED, False)


def test_confirms_a_minute_without_trades():
    quiet = replace(
        average(vwap=None, flag=Flag.NO_TRADES, level=4),
        volume=Decimal(0),
        quote_volume=Decimal(0),
        trade_count=0,
    )

    assert compare(quiet, silent(ExchangeMinute, NOON)).finding is Finding.AUDITED


def test_averages_a_gap_again_when_the_archive_says_that_nothing_traded():
    found = compare(NOTHING, silent(ExchangeMinute, NOON))

    assert (found.finding, found.is_alarming) == (Finding.RESTATED, False)


@pytest.mark.defect(34)
def test_takes_no_value_away_where_the_archive_says_that_nothing_traded():
    found = compare(PUBLISHED, silent(ExchangeMinute, NOON))

    assert (found.finding, found.is_alarming) == (Finding.CONTRADICTED, True)


@pytest.mark.defect(35)
@pytest.mark.parametrize(("published", "is_alarming"), [(PUBLISHED, True), (NOTHING, False)])
def test_audits_no_minute_that_the_archive_lacks(published, is_alarming):
    found = compare(published, None)

    assert (found.finding, found.is_alarming) == (Finding.ABSENT, is_alarming)


def test_raises_an_alarm_when_the_archive_has_a_value_and_we_have_none():
    assert compare(NOTHING, exchange_minute(NOON)).is_alarming
