import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pandas as pd
import pytest

from include.method.returns import log_returns
from include.records.prices import NOT_PUBLISHED, Flag, Grade
from include.records.windows import MINUTE, Window
from include.reports.figures import figures_of
from include.reports.text_rows import text_frame
from tests.fakes.builders import NOON, minute_price, minutes, traded, unpriced


def figures(prices, *, symbol="BTCUSDT", count=None):
    """What is said of a symbol over a span from noon on, by itself up to the last minute."""
    end = max((each.average.minute for each in prices), default=NOON) + MINUTE
    axis = Window(NOON, end if count is None else NOON + count * MINUTE)
    frame = text_frame(prices)
    returns = log_returns(frame).get(symbol, pd.Series(dtype=float))
    return figures_of(symbol, frame[frame["symbol"] == symbol], returns, axis)


def with_average(price, **changes):
    return replace(price, average=replace(price.average, **changes))


def test_counts_a_minute_without_a_row_as_not_complete():
    """Four minutes passed, three have a price, one was never published."""
    held = minutes(4)
    del held[1]

    found = figures(held)

    assert found.coverage == Decimal("0.75")
    assert found.causes[NOT_PUBLISHED] == 1
    assert sum(found.causes.values()) == 4


def test_counts_the_minutes_by_cause():
    """Of six minutes the third and the last have no row."""
    held = [
        minute_price(NOON),
        minute_price(NOON + MINUTE, flag=Flag.PARTIAL),
        unpriced(NOON + 3 * MINUTE, flag=Flag.HALTED),
        unpriced(NOON + 4 * MINUTE, flag=Flag.HALTED),
    ]

    found = figures(held, count=6)

    assert {cause: count for cause, count in found.causes.items() if count} == {
        "OK": 1,
        "PARTIAL": 1,
        "HALTED": 2,
        NOT_PUBLISHED: 2,
    }
    assert (found.valued_count, found.coverage) == (2, Decimal(2) / 6)


def test_counts_filled_only_where_no_price_is():
    """The second has its own price, the third is filled, the fourth could not be."""
    held = [
        minute_price(NOON),
        with_average(minute_price(NOON + MINUTE), filled_vwap=Decimal(100)),
        with_average(unpriced(NOON + 2 * MINUTE), filled_vwap=Decimal(100)),
        unpriced(NOON + 3 * MINUTE),
    ]

    assert figures(held).filled_count == 1


def test_counts_from_the_symbols_first_minute():
    held = [*minutes(10), minute_price(NOON + 9 * MINUTE, symbol="ETHUSDT")]

    found = figures(held, symbol="ETHUSDT")

    assert found.window.minute_count == 1
    assert found.coverage == 1


def test_weighs_the_vwap_of_the_span_by_volume():
    """Three coins for 300 and one for 200: 500 / 4 = 125."""
    found = figures(
        [traded(NOON, price="100", volume="3"), traded(NOON + MINUTE, price="200", volume="1")]
    )

    assert (found.vwap, found.quote_volume) == (125, 500)


def test_finds_the_lowest_and_highest_as_numbers():
    """As text 99 is above 100.10."""
    found = figures([traded(NOON, price="100.10"), traded(NOON + MINUTE, price="99")])

    assert (found.low, found.high) == (Decimal(99), Decimal("100.10"))


def test_compares_the_last_price_of_the_span_with_its_first():
    """From 100 to 105 is 5 %."""
    held = [minute_price(NOON, vwap="100"), *minutes(3, start=NOON + MINUTE, vwap="105")]

    assert figures(held).change_ratio == Decimal("0.05")
    assert figures(held[:1]).change_ratio is None


def test_compares_with_the_minute_exactly_an_hour_earlier():
    """From 100 to 102 is 2 %; what lies between does not matter."""
    held = [
        minute_price(NOON, vwap="100"),
        minute_price(NOON + 59 * MINUTE, vwap="50"),
        minute_price(NOON + 60 * MINUTE, vwap="102"),
    ]

    assert figures(held).hour_change_ratio == Decimal("0.02")


def test_gives_no_change_when_the_minute_an_hour_earlier_has_no_value():
    held = [
        unpriced(NOON, flag=Flag.INGEST_GAP),
        minute_price(NOON + MINUTE, vwap="100"),
        minute_price(NOON + 60 * MINUTE, vwap="102"),
    ]

    assert figures(held).hour_change_ratio is None


def test_the_latest_price_is_that_of_the_last_minute_with_one():
    held = [minute_price(NOON, vwap="97000.123456789012"), unpriced(NOON + MINUTE)]

    found = figures(held)

    assert (found.latest.minute, found.latest.vwap) == (NOON, Decimal("97000.123456789012"))


def test_volatility_is_that_of_the_symbols_own_returns():
    """100, 110, nothing, 120, 130: only the steps to 110 and to 130 are returns."""
    vwaps = ["100", "110", None, "120", "130"]
    held = [
        minute_price(NOON + index * MINUTE, vwap=vwap)
        for index, vwap in enumerate(vwaps)
        if vwap is not None
    ]
    still = minutes(5, symbol="ETHUSDT")

    found = figures([*held, *still])

    by_hand = math.sqrt(math.log(110 / 100) ** 2 + math.log(130 / 120) ** 2)
    assert found.volatility == pytest.approx(by_hand)
    assert found.return_count == 2


@pytest.mark.defect(25)
def test_measures_the_delay_of_the_first_publication():
    """Published 5, 7 and 90 s after their end; the revision of a day later says nothing."""
    delays = [timedelta(seconds=seconds) for seconds in (5, 7, 90)]
    held = [
        minute_price(NOON + index * MINUTE, known_at=NOON + (index + 1) * MINUTE + delay)
        for index, delay in enumerate(delays)
    ]
    late = minute_price(NOON, revision=2, vwap="99", known_at=NOON + timedelta(days=1))

    found = figures([*held, late])

    assert (found.delays.percentile_ms(50), found.delays.percentile_ms(95)) == (7_000, 90_000)
    assert found.revised_count == 1


def test_leaves_a_minute_out_of_the_delay_whose_first_publication_is_not_known():
    found = figures([minute_price(revision=2)])

    assert (found.delays.percentile_ms(50), found.delays.percentile_ms(95)) == (None, None)


def test_says_how_fast_the_pipeline_is_without_what_a_backfill_published():
    """Two minutes came after 5 s; one five minutes after its end, and one just before that."""
    delays = [timedelta(seconds=seconds) for seconds in (5, 5, 300, 299)]
    held = [
        minute_price(NOON + index * MINUTE, known_at=NOON + (index + 1) * MINUTE + delay)
        for index, delay in enumerate(delays)
    ]

    found = figures(held).delays

    assert (found.percentile_ms(50), found.percentile_ms(100)) == (5_000, 299_000)
    assert (found.late_count, found.afterwards_count) == (1, 1)


@pytest.mark.parametrize(
    ("count", "slow"), [(20, 19_000), (21, 20_000), (1, 1_000)], ids=["20", "21", "1"]
)
def test_finds_the_slowest_in_twenty_by_nearest_rank(count, slow):
    """95 % of 20 is the 19th; of 21 it is 19.95, so the 20th."""
    held = [
        minute_price(start, known_at=start + MINUTE + timedelta(seconds=index + 1))
        for index, start in enumerate(NOON + index * MINUTE for index in range(count))
    ]

    assert figures(held).delays.percentile_ms(95) == slow


def test_counts_grades_flags_and_agreement():
    """The quality is that of the minutes with a price: (100 + 40) / 2 = 70."""
    held = [
        with_average(minute_price(NOON), soft_flags="JUMP,SEAM"),
        with_average(
            minute_price(NOON + MINUTE),
            soft_flags="SEAM",
            quality=40,
            grade=Grade.D,
            is_reconciled=False,
        ),
        unpriced(NOON + 2 * MINUTE),
    ]

    found = figures(held)

    assert found.mean_quality == 70
    assert found.grades == {"A": 1, "D": 1}
    assert found.odd == {"JUMP": 1, "SEAM": 2}
    assert found.reconciled_count == 1


def test_lists_the_last_thirty_minutes_newest_first():
    found = figures(minutes(40))

    assert len(found.last_minutes) == 30
    assert found.last_minutes[0]["minute"] == "2026-03-01T12:39:00Z"
    assert found.last_minutes[-1]["minute"] == "2026-03-01T12:10:00Z"


def test_lists_nothing_as_none():
    (row,) = figures([unpriced()]).last_minutes

    assert (row["vwap"], row["trade_count"], row["grade"]) == (None, None, None)


@pytest.mark.parametrize("prices", [[], [unpriced()]], ids=["no minute", "no price"])
def test_a_symbol_without_a_price_has_no_figures_of_one(prices):
    found = figures(prices)

    assert found.latest is found.vwap is found.low is found.volatility is found.chart is None
    assert (found.coverage, found.mean_quality) == (0, None)
    assert found.window.minute_count == len(prices)
