from datetime import timedelta
from decimal import Decimal

import pytest

from include.records.prices import NOT_PUBLISHED
from include.records.windows import MINUTE, Window
from include.reports.charts import draw_causes, draw_prices, time_ticks
from tests.fakes.builders import NOON


def drawn(*offsets, vwap="100.5", low="100", high="101"):
    count = len(offsets)
    return draw_prices(offsets, [vwap] * count, [low] * count, [high] * count)


def test_breaks_the_line_where_a_minute_has_no_value():
    """Minutes 0, 1 and 3 have a value: two strokes, and the second is a dot."""
    chart = drawn(0, 1, 3)

    assert chart.line == "M0,500L1,500L1,500M3,500L3,500"


def test_breaks_the_band_where_the_line_breaks():
    chart = drawn(0, 1, 3)

    assert chart.band == "M0,0L1,0L1,1000L0,1000ZM3,0L3,1000Z"


def test_draws_a_price_alone_between_two_gaps_as_a_dot():
    assert drawn(0, 2, 4).line == "M0,500L0,500M2,500L2,500M4,500L4,500"


def test_draws_the_highest_price_at_the_top():
    """Low 100, high 101: the vwap 100.75 lies a quarter of the height below the top."""
    chart = drawn(0, vwap="100.75")

    assert chart.line == "M0,250L0,250"
    assert [(tick.percent, tick.value) for tick in chart.price_ticks] == [
        (0, Decimal(101)),
        (50, Decimal("100.5")),
        (100, Decimal(100)),
    ]


def test_marks_the_lowest_and_the_highest_of_all_minutes():
    """As text 99 is above 100."""
    chart = draw_prices([0, 1], ["99", "100"], ["99", "100"], ["99", "100"])

    assert [tick.value for tick in chart.price_ticks] == [100, Decimal("99.5"), 99]
    assert chart.line == "M0,1000L1,0L1,0"


def test_draws_a_price_that_never_moved():
    chart = drawn(0, vwap="100", high="100")

    assert chart.line == "M0,0L0,0"
    assert [tick.value for tick in chart.price_ticks] == [100]


def test_draws_nothing_of_nothing():
    assert drawn() is None


def test_joins_minutes_of_one_cause_and_names_the_absent():
    runs = draw_causes([0, 1, 3], ["OK", "OK", "HALTED"], Window(NOON, NOON + 4 * MINUTE))

    assert [(run.cause, run.offset, run.window.minute_count) for run in runs] == [
        ("OK", 0, 2),
        (NOT_PUBLISHED, 2, 1),
        ("HALTED", 3, 1),
    ]
    assert runs[2].window == Window(NOON + 3 * MINUTE, NOON + 4 * MINUTE)


@pytest.mark.parametrize("count", [1, 40, 60, 90, 300, 1440], ids=lambda count: f"{count} minutes")
def test_marks_at_most_nine_times_all_inside(count):
    start = NOON + timedelta(minutes=7)

    ticks = time_ticks(Window(start, start + count * MINUTE))

    assert len(ticks) <= 9
    assert all(0 <= tick.percent < 100 for tick in ticks)


def test_marks_an_hour_at_its_quarters():
    ticks = time_ticks(Window(NOON, NOON + 60 * MINUTE))

    assert [(tick.percent, f"{tick.value:%H:%M}") for tick in ticks] == [
        (0, "12:00"),
        (25, "12:15"),
        (50, "12:30"),
        (75, "12:45"),
    ]
