"""What the mart works out of its minutes, against the same worked out in plain Python."""

import math
import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pandas as pd
import pytest

from include.mart import mart
from include.method.returns import correlations, log_returns, realised_volatility
from include.records.prices import Flag, Grade
from include.records.revisions import Restatement
from include.records.windows import MINUTE, Window
from include.reports.text_rows import text_frame
from tests.fakes.builders import NOON, minute_price, minutes, traded, unpriced

HOUR = timedelta(hours=1)
# Two hours on each side of midnight.
MIDNIGHT = NOON.replace(hour=0) + timedelta(days=1)


def wandering(symbol, *, count=240, start=MIDNIGHT - 2 * HOUR, seed=1):
    """Minutes of a price that goes up and down at random; some are absent, some have none."""
    steps = random.Random(f"{symbol}{seed}")  # noqa: S311 - a price, no secret
    price, made = 100.0, []
    for index in range(count):
        price *= math.exp(steps.gauss(0, 0.003))
        minute, chance = start + index * MINUTE, steps.random()
        if chance < 0.05:
            made.append(unpriced(minute, symbol=symbol))
        elif chance < 0.95:
            made.append(traded(minute, symbol=symbol, price=f"{price:.12f}", volume="2"))
    return made


def changed(price, **changes):
    return replace(price, average=replace(price.average, **changes))


@pytest.fixture(scope="module")
def wandered():
    return [*wandering("BTCUSDT"), *wandering("ETHUSDT"), *wandering("SOLUSDT", count=130)]


def test_sums_up_returns_as_the_report_does(mart_database, wandered):
    """Over gaps, and from the last minute of an hour or day into the next."""
    mart.refresh(wandered)

    returns = log_returns(text_frame(wandered))
    for table, length in (("hourly_summary", 13), ("daily_summary", 10)):
        spans = returns.groupby(returns.index.strftime("%Y-%m-%dT%H").str[:length])
        by_hand = {
            (span, symbol): (realised_volatility(own[symbol]), own[symbol].notna().sum())
            for span, own in spans
            for symbol in returns.columns
        }
        found = mart_database.table(table)
        assert len(found) > 3
        for row in found:
            volatility, count = by_hand[row.get("hour") or row["day"], row["symbol"]]
            assert row["return_count"] == count
            assert row["realised_volatility"] == (
                None if volatility is None else pytest.approx(volatility, rel=1e-9)
            )


def test_the_first_return_of_an_hour_is_made_anew_when_the_minute_before_is_revised(mart_database):
    """From 11:59 at 100 to 12:00 at 200 it is ln 2; from 50 it is ln 4."""
    mart.refresh([traded(NOON - MINUTE, price="100"), traded(NOON, price="200")])
    of_noon = "SELECT realised_volatility FROM hourly_summary WHERE hour = '2026-03-01T12'"
    once = mart_database.row(of_noon)["realised_volatility"]

    hours = mart.refresh([traded(NOON - MINUTE, price="50", revision=2)])

    assert once == pytest.approx(math.log(2))
    assert mart_database.row(of_noon)["realised_volatility"] == pytest.approx(math.log(4))
    assert hours == ["2026-03-01T11", "2026-03-01T12"]


def test_counts_filled_minutes_and_odd_ones_by_kind(mart_database):
    """Of six minutes two are filled: the one with its own price is not."""
    mart.refresh(
        [
            changed(minute_price(NOON), soft_flags="JUMP"),
            changed(minute_price(NOON + MINUTE), soft_flags="JUMP_CONFIRMED,SEAM"),
            changed(minute_price(NOON + 2 * MINUTE), soft_flags="SPIKE,STALE,CROSS_SOURCE"),
            changed(unpriced(NOON + 3 * MINUTE), filled_vwap=Decimal(100)),
            changed(unpriced(NOON + 4 * MINUTE), filled_vwap=Decimal(100)),
            changed(unpriced(NOON + 5 * MINUTE), soft_flags="SEAM"),
        ]
    )

    for table in ("hourly_summary", "daily_summary"):
        (row,) = mart_database.table(table)
        assert row["filled_minutes"] == 2
        assert row["filled_ratio"] == 2 / row["expected_minutes"]
        odd = {
            name: row[f"{name}_minutes"]
            for name in ("jump", "jump_confirmed", "spike", "seam", "stale", "cross_source")
        }
        assert odd == {
            "jump": 1,
            "jump_confirmed": 1,
            "spike": 1,
            "seam": 2,
            "stale": 1,
            "cross_source": 1,
        }


def test_counts_the_minutes_of_each_cause(mart_database):
    """One of the first cause, two of the second, and so on."""
    flags = [flag for count, flag in enumerate(Flag, 1) for _ in range(count)]
    mart.refresh(
        [minute_price(NOON + index * MINUTE, flag=flag) for index, flag in enumerate(flags)]
    )

    for table in ("hourly_summary", "daily_summary"):
        (row,) = mart_database.table(table)
        counted = {flag: row[f"{flag.lower()}_minutes"] for flag in Flag}
        assert counted == {flag: count for count, flag in enumerate(Flag, 1)}


def test_tells_how_far_an_hour_can_be_relied_upon(mart_database):
    """Qualities of 100, 70 and 40 have a mean of 70; half of (1 + 1 + 0.5 + 0) / 4 is held."""
    mart.refresh(
        [
            minute_price(NOON),
            changed(minute_price(NOON + MINUTE), quality=70, grade=Grade.C, is_reconciled=False),
            changed(
                minute_price(NOON + 2 * MINUTE, revision=2),
                quality=40,
                grade=Grade.E,
                is_reconciled=None,
                coverage=Decimal("0.5"),
            ),
            changed(unpriced(NOON + 3 * MINUTE), coverage=Decimal(0)),
        ]
    )

    (row,) = mart_database.table("hourly_quality")
    assert row == {
        "hour": "2026-03-01T12",
        "symbol": "BTCUSDT",
        "published_minutes": 4,
        "seconds_ratio": 0.625,
        "mean_quality": 70.0,
        "least_quality": 40,
        **{f"{grade}_minutes": grade in "ace" for grade in "abcde"},
        "agreeing_minutes": 1,
        "differing_minutes": 1,
        "revised_minutes": 1,
    }


def test_an_hour_without_a_price_has_no_quality(mart_database):
    mart.refresh([unpriced()])

    (row,) = mart_database.table("hourly_quality")
    assert (row["mean_quality"], row["least_quality"], row["a_minutes"]) == (None, None, 0)


@pytest.mark.parametrize("count", [1, 20, 21])
def test_ranks_the_delays_of_an_hour(mart_database, count):
    """By nearest rank: the smallest delay that at least so many percent are not above."""
    delays = [*range(1_000, 1_000 + 7_000 * count, 7_000)]
    random.Random(count).shuffle(delays)  # noqa: S311 - an order, no secret
    mart.refresh(
        [
            minute_price(start, known_at=start + MINUTE + timedelta(milliseconds=delay))
            for start, delay in zip(
                Window(NOON, NOON + count * MINUTE).minutes(), delays, strict=True
            )
        ]
    )

    (row,) = mart_database.table("publish_delay")
    assert row == {
        "hour": "2026-03-01T12",
        "symbol": "BTCUSDT",
        "minute_count": count,
        "median_ms": nearest_rank(delays, 50),
        "p95_ms": nearest_rank(delays, 95),
        "longest_ms": max(delays),
        "late_minutes": sum(delay > mart.LATE_MS for delay in delays),
        "gap_first_minutes": 0,
    }


def nearest_rank(delays, percent):
    return min(
        each
        for each in delays
        if 100 * sum(other <= each for other in delays) >= percent * len(delays)
    )


def test_a_minute_whose_first_publication_is_not_known_has_no_delay(mart_database):
    mart.refresh([minute_price(NOON, revision=3), minute_price(NOON + MINUTE)])

    (row,) = mart_database.table("publish_delay")
    assert (row["minute_count"], row["longest_ms"]) == (1, 0)


def test_counts_the_minutes_that_were_a_gap_before_they_had_a_value(mart_database):
    """Of two minutes the first was a gap after 20 s, and had its value after 80 s."""
    gap = unpriced(flag=Flag.INGEST_GAP, known_at=NOON + timedelta(seconds=80))
    valued = minute_price(revision=2, known_at=NOON + timedelta(seconds=140))

    mart.refresh([gap, valued, minute_price(NOON + MINUTE)])

    (row,) = mart_database.table("publish_delay")
    assert (row["minute_count"], row["gap_first_minutes"], row["longest_ms"]) == (2, 1, 80_000)


def test_correlates_the_symbols_of_a_day(mart_database, wandered):
    mart.refresh(wandered)

    returns = log_returns(text_frame(wandered))
    found = {
        (row["day"], row["symbol"], row["other_symbol"]): row
        for row in mart_database.table("return_correlation")
    }
    assert len(found) == 6
    for day, own in returns.groupby(returns.index.strftime("%Y-%m-%d")):
        for pair in correlations(own).itertuples():
            row = found[day, pair.symbol, pair.other_symbol]
            assert row["return_count"] == pair.return_count
            assert row["correlation"] == (
                None if pd.isna(pair.correlation) else pytest.approx(pair.correlation)
            )
    # Solana stops ten minutes after midnight.
    assert found["2026-03-02", "BTCUSDT", "SOLUSDT"]["correlation"] is None


def test_one_symbol_correlates_with_nothing(mart_database):
    mart.refresh(minutes(40))

    assert mart_database.table("return_correlation") == []


def test_correlates_anew_when_the_other_symbol_comes_later(mart_database):
    """Both rise and fall by the same ratio in each minute."""
    first, second = (
        [
            traded(NOON + index * MINUTE, symbol=symbol, price=str(100 + index % 2))
            for index in range(40)
        ]
        for symbol in ("BTCUSDT", "ETHUSDT")
    )

    mart.refresh(first)
    mart.refresh(second)

    (row,) = mart_database.table("return_correlation")
    assert row == {
        "day": "2026-03-01",
        "symbol": "BTCUSDT",
        "other_symbol": "ETHUSDT",
        "correlation": pytest.approx(1),
        "return_count": 39,
    }


def restatement(**changes):
    entry = Restatement(
        symbol="BTCUSDT",
        minute=NOON,
        revision=2,
        known_at=NOON + timedelta(days=1),
        vwap_before=Decimal("97000.123456789012"),
        vwap_after=None,
        difference_ratio=None,
        is_alarming=True,
    )
    return replace(entry, **changes)


def test_takes_in_the_ledger_of_restatements_once(mart_database):
    tiny = restatement(revision=3, vwap_after=Decimal("1E-8"), is_alarming=False)

    mart.take_restatements([restatement(), tiny])
    mart.take_restatements([restatement()])

    found = mart_database.table("restatement")
    assert found[0] == {
        "minute": "2026-03-01T12:00:00Z",
        "symbol": "BTCUSDT",
        "revision": 2,
        "known_at": "2026-03-02T12:00:00.000Z",
        "vwap_before": "97000.123456789012",
        "vwap_after": None,
        "difference_ratio": None,
        "is_alarming": 1,
    }
    assert [row["vwap_after"] for row in found[1:]] == ["0.00000001"]


@pytest.mark.usefixtures("mart_database")
def test_gives_back_the_restatements_of_a_window_latest_first():
    late = restatement(symbol="ETHUSDT", known_at=NOON + timedelta(days=2))
    outside = restatement(minute=NOON + HOUR)

    mart.take_restatements([restatement(), late, outside])

    found = mart.restatements_in(Window(NOON, NOON + HOUR))
    assert list(found["symbol"]) == ["ETHUSDT", "BTCUSDT"]


@pytest.mark.usefixtures("mart_database")
def test_no_restatement_is_no_error():
    mart.take_restatements([])

    assert mart.restatements_in(Window(NOON, NOON + HOUR)).empty
