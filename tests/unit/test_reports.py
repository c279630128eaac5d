from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from include.marketdata.charts import NOT_PUBLISHED, draw_causes, draw_prices, time_ticks
from include.marketdata.prices import Flag
from include.marketdata.reports import figures_of, render_report, report_window, shown_price
from include.marketdata.windows import MINUTE, Window
from tests.fakes.builders import NOON, minute_price

SOURCE = "Replayed by an exchange simulator"


def minutes(count, *, vwap="100.5", **changes):
    """Minutes in a row from noon on."""
    return [minute_price(NOON + index * MINUTE, vwap=vwap, **changes) for index in range(count)]


def window(count):
    return Window(NOON, NOON + count * MINUTE)


def figures(prices):
    return figures_of("BTCUSDT", prices, report_window(prices, NOON))


def test_breaks_the_line_where_a_minute_has_no_value():
    """Minutes 0, 1 and 3 have a value: two strokes, and the second is a dot."""
    held = minutes(4)
    held[2] = minute_price(NOON + 2 * MINUTE, vwap=None, flag=Flag.SOURCE_GAP)

    chart = draw_prices(held, window(4))

    assert chart.line == "M0,500L1,500L1,500M3,500L3,500"


def test_breaks_the_line_where_a_minute_is_absent():
    held = minutes(4)
    del held[2]

    chart = draw_prices(held, window(4))

    assert chart.line.count("M") == 2


def test_draws_the_highest_price_at_the_top():
    """Low 100, high 101: the vwap 100.75 lies a quarter of the height below the top."""
    chart = draw_prices(minutes(1, vwap="100.75"), window(1))

    assert chart.line == "M0,250L0,250"
    assert [(tick.percent, tick.value) for tick in chart.price_ticks] == [
        (0, Decimal(101)),
        (50, Decimal("100.5")),
        (100, Decimal(100)),
    ]


def test_draws_a_price_that_never_moved():
    flat = minute_price(vwap="100")
    flat = replace(flat, average=replace(flat.average, high=Decimal(100)))

    assert draw_prices([flat], window(1)).line == "M0,0L0,0"


def test_joins_minutes_of_one_cause_and_names_the_absent():
    held = [*minutes(2), minute_price(NOON + 3 * MINUTE, vwap=None, flag=Flag.HALTED)]

    runs = draw_causes(held, window(4))

    assert [(run.cause, run.offset, run.window.minute_count) for run in runs] == [
        ("OK", 0, 2),
        (NOT_PUBLISHED, 2, 1),
        ("HALTED", 3, 1),
    ]


@pytest.mark.parametrize("count", [1, 40, 90, 300, 1440], ids=lambda count: f"{count} minutes")
def test_marks_at_most_nine_times_all_inside(count):
    start = NOON + timedelta(minutes=7)

    ticks = time_ticks(Window(start, start + count * MINUTE))

    assert len(ticks) <= 9
    assert all(0 <= tick.percent < 100 for tick in ticks)


def test_counts_a_minute_without_a_row_as_not_complete():
    """Four minutes passed, three have a price, one was never published."""
    held = minutes(4)
    del held[1]

    found = figures(held)

    assert found.coverage == Decimal("0.75")
    assert found.causes[NOT_PUBLISHED] == 1
    assert sum(found.causes.values()) == 4


def test_counts_from_the_symbols_first_minute():
    late = minute_price(NOON + 9 * MINUTE, symbol="ETHUSDT")
    held = [*minutes(10), late]

    found = figures_of("ETHUSDT", held, report_window(held, NOON))

    assert found.window.minute_count == 1
    assert found.coverage == 1


def test_weighs_the_vwap_of_the_span_by_volume():
    """Three coins for 300 and one for 200: 500 / 4 = 125."""
    one, other = minutes(2)
    one = replace(one, average=replace(one.average, volume=Decimal(3), quote_volume=Decimal(300)))
    other = replace(
        other, average=replace(other.average, volume=Decimal(1), quote_volume=Decimal(200))
    )

    assert figures([one, other]).vwap == 125


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
        minute_price(NOON, vwap=None, flag=Flag.INGEST_GAP),
        minute_price(NOON + MINUTE, vwap="100"),
        minute_price(NOON + 60 * MINUTE, vwap="102"),
    ]

    assert figures(held).hour_change_ratio is None


def test_measures_the_delay_on_minutes_never_revised():
    """Published 5, 7 and 90 s after their end; the revision of a day later says nothing."""
    delays = [timedelta(seconds=seconds) for seconds in (5, 7, 90)]
    held = [
        minute_price(NOON + index * MINUTE, known_at=NOON + (index + 1) * MINUTE + delay)
        for index, delay in enumerate(delays)
    ]
    late = minute_price(NOON + 3 * MINUTE, revision=2, known_at=NOON + timedelta(days=1))

    assert figures([*held, late]).delay_seconds == 7


def test_reports_the_last_day_only():
    held = [minute_price(NOON - timedelta(days=2)), *minutes(2)]

    assert report_window(held, NOON) == Window(
        NOON + 2 * MINUTE - timedelta(days=1), NOON + 2 * MINUTE
    )


@pytest.mark.parametrize(
    ("price", "shown"),
    [("97000.123456", "97,000.12"), ("2.4", "2.40000"), ("0.00002", "0.0000200000"), ("0", "0")],
    ids=["thousands", "units", "tiny", "nothing"],
)
def test_rounds_a_price_for_reading(price, shown):
    assert shown_price(Decimal(price)) == shown


class _Page(HTMLParser):
    """Collects what a page would fetch, and checks that its tags are balanced."""

    VOID = frozenset({"meta", "path", "rect", "br"})

    def __init__(self, html):
        super().__init__()
        self.outside, self.open, self.tags = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.outside += [
            value
            for name, value in attrs
            if name in {"src", "href", "data", "action"} and not value.startswith("#")
        ]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_fetches_nothing_and_runs_no_script():
    html = render_report(["BTCUSDT"], minutes(90), NOON, SOURCE)

    page = _Page(html)

    assert page.outside == []
    assert page.open == []
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert "url(" not in html
    assert "@import" not in html


def test_stays_small_with_ten_symbols_and_a_day():
    held = [
        minute_price(NOON + index * MINUTE, symbol=f"COIN{number}USDT", vwap=f"100.{index:04d}")
        for number in range(10)
        for index in range(1440)
    ]

    html = render_report([f"COIN{number}USDT" for number in range(10)], held, NOON, SOURCE)

    assert len(html.encode()) < 1_000_000


def test_shows_thirty_minutes_a_symbol_newest_first():
    html = render_report(["BTCUSDT"], minutes(40), NOON, SOURCE)

    rows = [line for line in html.splitlines() if line.startswith("<tr><td>12:")]
    assert len(rows) == 30
    assert rows[0].startswith("<tr><td>12:39")


def test_says_that_a_symbol_has_no_price_yet():
    html = render_report(["BTCUSDT", "NEWUSDT"], minutes(2), NOON, SOURCE)

    assert html.count("no price yet") == 1
    assert "No minute of this symbol is published" in html


def test_renders_without_a_single_minute():
    assert "No minute of this symbol is published" in render_report(["BTCUSDT"], [], NOON, SOURCE)


def test_escapes_what_it_is_given():
    html = render_report(["<b>BTC"], [], NOON, SOURCE)

    assert "<b>BTC" not in html
    assert "&lt;b&gt;BTC" in html
