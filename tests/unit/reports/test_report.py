import re
import struct
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pandas as pd
import pytest

from include.mart.tables import KEPT_TABLES, KEYS
from include.records.prices import Flag
from include.records.windows import MINUTE, Window
from include.reports.report import Facts, build_report, latest_span
from include.reports.text_rows import text_frame
from tests.fakes.builders import NOON, minute_price, minutes, traded, unpriced

NOTHING = "\u2013"
LEDGER = (*KEYS["restatement"], *KEPT_TABLES["restatement"])


def facts(prices, symbols=("BTCUSDT",), restatements=()):
    return Facts(
        symbols=symbols,
        minutes=text_frame(prices),
        restatements=pd.DataFrame(restatements, columns=[*LEDGER]),
        generated_at=NOON + timedelta(days=2),
    )


def report(prices, symbols=("BTCUSDT",), *, window=None, restatements=(), title="Prices"):
    known = facts(prices, symbols, restatements)
    return build_report(known, window or latest_span(known.minutes, known.generated_at), title)


class _Page(HTMLParser):
    """Collects what a page would fetch, and checks that its tags are balanced."""

    VOID = frozenset({"meta", "path", "rect", "br"})

    def __init__(self, html):
        super().__init__()
        self.outside, self.open, self.tags, self.rows = [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.outside += [
            value
            for name, value in attrs
            if name in {"src", "href", "data", "action"} and not value.startswith("#")
        ]
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data.strip()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def table(html, heading):
    """Return the rows of the table below a heading, by their first cell, by column."""
    page = _Page(html.split(f"<h2>{heading}</h2>")[1].split("</section>")[0])
    names, *rows = page.rows
    return {row[0]: dict(zip(names, row, strict=True)) for row in rows}


def test_the_latest_report_is_about_the_last_day_only():
    frame = text_frame([minute_price(NOON - timedelta(days=2)), *minutes(2)])

    assert latest_span(frame, NOON) == Window(
        NOON + 2 * MINUTE - timedelta(days=1), NOON + 2 * MINUTE
    )


def test_the_latest_report_begins_with_the_first_minute():
    assert latest_span(text_frame(minutes(2)), NOON) == Window(NOON, NOON + 2 * MINUTE)


@pytest.mark.defect(46)
def test_shows_small_prices_and_volumes_in_every_form():
    """SHIB at 0.00000812, of which 0.0077 were traded; both stood there as 0.00 once."""
    prices = [
        traded(NOON + index * MINUTE, symbol="SHIBUSDT", price=price, volume="0.0077")
        for index, price in enumerate(("0.00000811", "0.00000812"))
    ]
    entry = restated(
        symbol="SHIBUSDT",
        vwap_before="0.00000812",
        vwap_after="0.00000813",
        difference_ratio="1e-7",
    )

    made = report(prices, ("SHIBUSDT",), restatements=[entry])

    assert "SHIBUSDT 0.00000812 " in made.text
    assert "from 0.00000811 to 0.00000812" in made.text
    assert "<td><b>0.00000812</b></td>" in made.html
    assert "<td>0.0077</td>" in made.html
    assert "<td>0.00000813</td>" in made.html
    assert "<td>+0.00001&nbsp;%</td>" in made.html
    # The axis of the chart.
    assert "0.000008115" in made.html
    assert not re.search(r">0\.0+<", made.html)


def test_fetches_nothing_and_runs_no_script():
    html = report(minutes(90)).html

    page = _Page(html)

    assert page.outside == []
    assert page.open == []
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert "url(" not in html
    assert "@import" not in html


@pytest.mark.slow
def test_stays_small_with_ten_symbols_and_a_day():
    symbols = [f"COIN{number}USDT" for number in range(10)]
    held = [
        traded(NOON + index * MINUTE, symbol=symbol, price=f"100.{index * 7 % 1440:04d}")
        for symbol in symbols
        for index in range(1440)
    ]

    made = report(held, symbols)

    assert len(made.html.encode()) < 3_000_000
    assert len(made.draw()) < 500_000
    assert len(made.text) < 2_000


def test_shows_thirty_minutes_a_symbol_newest_first():
    page = _Page(report(minutes(40)).html)

    shown = [row[0] for row in page.rows if row[0].startswith("12:")]
    assert len(shown) == 30
    assert (shown[0], shown[-1]) == ("12:39", "12:10")


def test_says_that_a_symbol_has_no_price_yet():
    made = report(minutes(2), ["BTCUSDT", "NEWUSDT"])

    assert made.html.count("no price yet") == 1
    assert "No minute of this symbol is published" in made.html
    assert "NEWUSDT no price\n" in made.text


@pytest.mark.parametrize("symbols", [["BTCUSDT"], []], ids=["one symbol", "no symbol"])
def test_is_made_without_a_single_minute(symbols):
    made = report([], symbols)

    assert made.html.count("No minute of this symbol is published") == len(symbols)
    assert _size(made.draw())


def test_is_made_of_an_hour_without_any_minute_of_it():
    made = report(minutes(2), window=Window(NOON + 60 * MINUTE, NOON + 120 * MINUTE))

    assert "no price yet" in made.html
    assert "BTCUSDT no price" in made.text


def test_escapes_what_it_is_given():
    html = report([], ["<b>BTC"], title="<i>Prices").html

    assert "<b>BTC" not in html
    assert "&lt;b&gt;BTC" in html
    assert "<i>Prices" not in html


def test_tells_the_completeness_of_each_symbol_by_cause():
    """Ether's first minute is 12:02: of its two, one is halted; bitcoin lacks a row at 12:01."""
    held = [
        minute_price(NOON),
        minute_price(NOON + 2 * MINUTE, flag=Flag.PARTIAL),
        minute_price(NOON + 2 * MINUTE, symbol="ETHUSDT"),
        unpriced(NOON + 3 * MINUTE, symbol="ETHUSDT", flag=Flag.HALTED),
    ]
    filled = replace(held[3], average=replace(held[3].average, filled_vwap=Decimal(3)))

    found = table(report([*held[:3], filled], ["BTCUSDT", "ETHUSDT"]).html, "Completeness by cause")

    told = {
        symbol: {name: cell for name, cell in row.items() if cell not in {NOTHING, symbol}}
        for symbol, row in found.items()
    }
    assert told == {
        "BTCUSDT": {"OK": "1", "partial": "1", "not published": "2"},
        "ETHUSDT": {"OK": "1", "halted": "1", "Filled": "1"},
    }


def test_shows_the_volatility_of_the_span():
    """ln 1.1 = 0.09531 and ln(100 / 110) = -0.09531: 0.09531 x sqrt 2 = 13.48 %."""
    held = [
        minute_price(NOON + index * MINUTE, vwap=vwap)
        for index, vwap in enumerate(("100", "110", "100"))
    ]

    made = report(held)

    assert "volatility 13.48 %" in made.text
    assert "13.48&nbsp;%" in made.html


def test_the_first_return_of_an_hour_starts_in_the_minute_before():
    """11:59 at 100 and 12:00 at 110: the hour of noon has one return, ln 1.1 = 9.53 %."""
    held = [minute_price(NOON - MINUTE, vwap="100"), minute_price(NOON, vwap="110")]

    made = report(held, window=Window(NOON, NOON + 60 * MINUTE))

    assert "volatility 9.53 %" in made.text
    assert "complete 1.67 %" in made.text


def restated(index=0, **changes):
    return {
        "minute": f"2026-03-01T12:{index % 60:02d}:00Z",
        "symbol": "BTCUSDT",
        "revision": 2,
        "known_at": "2026-03-02T08:30:00.000Z",
        "vwap_before": "100",
        "vwap_after": "101",
        "difference_ratio": "0.01",
        "is_alarming": 1,
    } | changes


def test_shows_what_was_restated():
    html = report(minutes(1), restatements=[restated()]).html

    assert table(html, "Restatements") == {
        "2026-03-01 12:00": {
            "Minute": "2026-03-01 12:00",
            "Symbol": "BTCUSDT",
            "Was": "100",
            "Is": "101",
            "By": "+1\xa0%",
            "Revision": "2",
            "Since": "2026-03-02 08:30",
        }
    }


def test_shows_a_value_that_came_or_went():
    nothing = {"vwap_before": None, "difference_ratio": None}

    (row,) = table(
        report(minutes(1), restatements=[restated(**nothing)]).html, "Restatements"
    ).values()

    assert (row["Was"], row["Is"], row["By"]) == ("no value", "101", NOTHING)


def test_shows_a_hundred_restatements_and_says_how_many_there_are():
    made = report(minutes(1), restatements=[restated(index) for index in range(120)])

    assert "100 of 120" in made.html
    assert "120 values restated." in made.text


def test_says_that_nothing_was_restated():
    made = report(minutes(1))

    assert "No final value changed." in made.html
    assert "No values restated." in made.text


def test_shows_the_correlation_of_what_moves_against_each_other():
    """Down when the other is up, by the same ratio each minute."""
    held = [
        minute_price(NOON + index * MINUTE, symbol=symbol, vwap="100" if index % 2 == up else "110")
        for up, symbol in enumerate(("BTCUSDT", "ETHUSDT"))
        for index in range(40)
    ]

    found = table(report(held, ["BTCUSDT", "ETHUSDT"]).html, "Correlation")

    assert found["BTCUSDT"] == {"Symbol": "BTCUSDT", "BTCUSDT": "1", "ETHUSDT": "-1.00"}
    assert "<h2>Correlation</h2>" not in report(held[:40]).html


LINE_OF_BITCOIN = (
    "BTCUSDT 200 (+100.00 %), from 100 to 200, VWAP 125, volatility 69.31 %, "
    "complete 100 %, quality 100 of 100"
)


def test_the_text_says_each_symbol_in_a_line():
    made = report(
        [
            traded(NOON, price="100", volume="3"),
            traded(NOON + MINUTE, price="200", volume="1"),
        ],
        title="Prices of noon",
    )

    assert made.text.splitlines() == [
        "Prices of noon",
        "source not noted · price of 2026-03-01 12:01, 47 h old when made",
        "2026-03-01 12:00 to 2026-03-01 12:02 UTC",
        LINE_OF_BITCOIN,
        "No values restated. Made 2026-03-03 12:00:00 UTC. Not advice to buy or sell.",
    ]


def test_says_first_where_the_prices_come_from_and_how_old_the_newest_is():
    """Two symbols of two sources; the newest minute ended 40 s before the report."""
    prices = [minute_price(), minute_price(symbol="ETHUSDT"), unpriced(NOON + MINUTE)]
    sources = {("BTCUSDT", NOON): "REPLAY of 2020-01-01", ("ETHUSDT", NOON): "GENERATED"}
    shown = replace(
        facts(prices, ("BTCUSDT", "ETHUSDT")),
        minutes=text_frame(prices, sources),
        generated_at=NOON + timedelta(seconds=100),
    )

    made = build_report(shown, Window(NOON, NOON + 2 * MINUTE), "Prices")

    strip = (
        "REPLAY of 2020-01-01 (BTCUSDT); GENERATED (ETHUSDT) · price of 12:00, 40 s old when made"
    )
    assert made.text.splitlines()[1] == strip
    assert f'<p class="strip fresh">{strip}</p>' in made.html


def _size(picture):
    """Return the width and height that a PNG says it has, in pixels."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", picture[16:24])


@pytest.mark.parametrize(
    "prices",
    [
        minutes(5),
        [minute_price(NOON), unpriced(NOON + MINUTE), minute_price(NOON + 5 * MINUTE)],
        [unpriced(NOON, flag=Flag.HALTED)],
        [],
    ],
    ids=["whole", "gaps", "no price", "no minute"],
)
def test_draws_a_picture(prices):
    width, height = _size(report(prices).draw())

    assert (width, 400 < height < 700) == (1100, True)


def test_draws_a_picture_of_many_symbols():
    """There are seven colours; the eighth symbol has the first one, dashed."""
    symbols = [f"COIN{number}USDT" for number in range(30)]
    held = [price for symbol in symbols for price in minutes(3, symbol=symbol)]

    assert _size(report(held, symbols).draw())[1] < 1500


def test_the_picture_shows_the_prices():
    flat = report(minutes(60)).draw()
    moved = report([traded(NOON + index * MINUTE, price=str(100 + index)) for index in range(60)])

    assert flat != moved.draw()
