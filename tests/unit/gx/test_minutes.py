import functools
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from include.gx.checkpoints import Checkpoints
from include.gx.minutes import check_averages
from include.pipeline import computing
from include.pipeline.publishing import Publisher
from include.records.errors import CheckFailedError
from include.records.prices import Flag
from include.records.verdicts import WITHHELD, ExpectedMinutes
from include.records.windows import MINUTE, Window
from tests.fakes.builders import NOON, average, full_minute, minute_of
from tests.fakes.memory_store import MemoryStore

NOTHING = dict.fromkeys(("open", "high", "low", "close", "volume", "quote_volume", "trade_count"))
SILENT = {**NOTHING, "volume": Decimal(0), "quote_volume": Decimal(0), "trade_count": 0}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    return Checkpoints(str(tmp_path_factory.mktemp("gx")))


def check(checkpoints, *averages, symbols=("BTCUSDT",), count=None):
    asked_for = ExpectedMinutes(symbols, len(averages) if count is None else count, NOON)
    return check_averages(checkpoints, averages, asked_for)


def gap(flag, level, **amounts):
    return replace(
        average(vwap=None, flag=flag, level=level),
        **{**NOTHING, "coverage": Decimal("0.00"), "is_reconciled": None} | amounts,
    )


@pytest.mark.parametrize(
    "good",
    [
        average(),
        average(flag=Flag.OK, level=2),
        replace(average(flag=Flag.PARTIAL, level=3), coverage=Decimal("0.50"), is_reconciled=None),
        gap(Flag.NO_TRADES, 4, **SILENT),
        gap(Flag.HALTED, 5),
        gap(Flag.EXCHANGE_OUTAGE, 6),
        gap(Flag.SOURCE_GAP, 7),
        gap(Flag.INGEST_GAP, 8),
    ],
    ids=lambda good: f"{good.source_level} {good.flag.value}",
)
def test_lets_every_level_of_the_method_pass(checkpoints, good):
    assert check(checkpoints, good) == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bad", "expectation"),
    [
        (average(flag=Flag.PARTIAL, level=1), "expect_level_to_agree_with_flag"),
        (replace(average(), is_reconciled=None), "expect_level_to_agree_with_flag"),
        (replace(average(), coverage=Decimal("0.98")), "expect_level_to_agree_with_flag"),
        (average(vwap=None), "expect_value_to_agree_with_flag"),
        (average(flag=Flag.NO_TRADES, level=4), "expect_value_to_agree_with_flag"),
        (
            gap(Flag.SOURCE_GAP, 7, volume=Decimal(1)),
            "expect_silent_minutes_to_hold_nothing",
        ),
        (gap(Flag.HALTED, 5, close=Decimal(1)), "expect_silent_minutes_to_hold_nothing"),
        (
            replace(average(vwap="101.5"), quote_volume=Decimal(203)),
            "expect_minute_vwap_to_be_within_prices",
        ),
        (average(vwap="100.5000000001"), "expect_vwap_to_be_quote_volume_over_volume"),
        (replace(average(), low=Decimal(102)), "expect_minute_prices_to_be_in_order"),
        (replace(average(), method_version=99), "expect_column_values_to_be_between"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_withholds_a_minute_whose_level_flag_and_value_disagree(checkpoints, bad, expectation):
    withheld = check(checkpoints, average(NOON - MINUTE), bad)

    assert list(withheld) == [1]
    assert expectation in withheld[1]


def test_allows_for_the_rounding_of_an_amount_of_dust(checkpoints):
    """A trade of 0.00001 at 0.333 is 0.00000333, which leaves 0.333 a step of 1e-8 aside."""
    dust = replace(
        average(vwap="0.334"),
        **dict.fromkeys(("open", "high", "low", "close"), Decimal("0.333")),
        volume=Decimal("0.00001"),
        quote_volume=Decimal("0.00000334"),
        trade_count=1,
    )

    assert check(checkpoints, dust) == {}


def test_refuses_averages_that_are_not_all_there(checkpoints):
    with pytest.raises(CheckFailedError, match="expect_table_row_count_to_equal"):
        check(checkpoints, average(), count=2)


def test_refuses_averages_of_another_symbol(checkpoints):
    with pytest.raises(CheckFailedError, match="ETHUSDT"):
        check(checkpoints, average(symbol="ETHUSDT"))


def test_withholds_both_of_two_values_for_one_minute(checkpoints):
    assert sorted(check(checkpoints, average(), average())) == [0, 1]


def test_has_nothing_to_say_of_nothing(checkpoints):
    assert check(checkpoints) == {}


def test_publishes_the_good_minutes_and_quarantines_the_other(checkpoints, monkeypatch):
    """The method itself goes wrong in one minute of two: the second gate keeps that one back."""
    store, window = MemoryStore(), Window(NOON, NOON + 2 * MINUTE)
    for minute in window.minutes():
        seconds = full_minute(minute)
        store.second_prices.write(seconds, minute + MINUTE)
        store.exchange_minutes.write([minute_of(seconds)], minute + MINUTE)
    right = computing.average_minutes

    def wrong_at_noon(*arguments):
        first, second = right(*arguments)
        return [replace(first, vwap=Decimal("1.5")), second]

    monkeypatch.setattr(computing, "average_minutes", wrong_at_noon)

    publisher = Publisher(
        store,
        ["BTCUSDT"],
        lambda: window.end + timedelta(seconds=7),
        functools.partial(check_averages, checkpoints),
    )

    published = publisher.publish_windows({"BTCUSDT": [window]})

    assert [price.average.minute for price in published.prices] == [NOON + MINUTE]
    (withheld,) = published.withheld
    assert store.quarantine.on_day("BTCUSDT", NOON.date()) == [withheld]
    assert (withheld.interval, withheld.open_time) == (WITHHELD, NOON.isoformat())
    assert json.loads(withheld.payload)["vwap"] == "1.5"
    assert "expect_vwap_to_be_quote_volume_over_volume" in withheld.observed
