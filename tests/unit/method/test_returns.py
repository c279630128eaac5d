import math
import random

import pandas as pd
import pytest

from include.method.returns import correlations, log_returns, realised_volatility
from include.records.windows import MINUTE
from include.reports.text_rows import text_frame
from tests.fakes.builders import NOON, minute_price, minutes, unpriced


def priced(*vwaps, symbol="BTCUSDT"):
    """Minutes in a row from noon on; None leaves one out."""
    return [
        minute_price(NOON + index * MINUTE, symbol=symbol, vwap=str(vwap))
        for index, vwap in enumerate(vwaps)
        if vwap is not None
    ]


def returns(*prices):
    return log_returns(text_frame([price for each in prices for price in each]))


def test_a_return_is_the_logarithm_of_a_price_over_the_one_before():
    """100 to 200 and back: ln 2 = 0.693147, and the same less."""
    found = returns(priced(100, 200, 100))

    assert [round(each, 6) for each in found["BTCUSDT"]] == [0.693147, -0.693147]
    assert list(found.index) == [
        pd.Timestamp(NOON + MINUTE),
        pd.Timestamp(NOON + 2 * MINUTE),
    ]


@pytest.mark.parametrize(
    "gap",
    [[], [unpriced(NOON + 2 * MINUTE)]],
    ids=["absent", "without a price"],
)
def test_a_gap_gives_no_return_on_either_side(gap):
    """Of 12:00, 12:01, gap, 12:03, 12:04 only 12:01 and 12:04 have a minute right before."""
    found = returns(priced(100, 110, None, 120, 130), gap)

    has_return = found["BTCUSDT"].dropna()
    assert [moment.minute for moment in has_return.index] == [1, 4]
    assert list(has_return) == pytest.approx([math.log(110 / 100), math.log(130 / 120)])


def test_takes_minutes_in_any_order():
    frame = text_frame(priced(100, 105, 103))

    assert log_returns(frame[::-1]).equals(log_returns(frame))


@pytest.mark.parametrize(
    "prices", [[], priced(100), [unpriced()]], ids=["nothing", "one minute", "no price"]
)
def test_too_few_minutes_have_no_return(prices):
    assert log_returns(text_frame(prices)).empty


def test_volatility_is_the_root_of_the_sum_of_squares():
    """3 % up and 4 % down: sqrt(0.0009 + 0.0016) = 0.05; a minute without one adds nothing."""
    assert realised_volatility(pd.Series([0.03, None, -0.04])) == pytest.approx(0.05)


def test_no_return_has_no_volatility():
    assert realised_volatility(pd.Series([None], dtype=float)) is None


def test_a_price_that_never_moves_has_no_volatility_to_speak_of():
    assert realised_volatility(returns(minutes(3))["BTCUSDT"]) == 0


def path(count, *, seed, factor=1):
    """Prices that go up and down at random; with factor -1 each step the other way."""
    steps = random.Random(seed)  # noqa: S311 - a price, no secret
    height = 0.0
    for _ in range(count):
        yield f"{100 * math.exp(height):.12f}"
        height += factor * steps.gauss(0, 0.01)


@pytest.mark.parametrize(("factor", "correlation"), [(1, 1), (-1, -1)], ids=["same", "opposite"])
def test_correlates_what_moves_together_or_against(factor, correlation):
    one = priced(*path(60, seed=1))
    other = priced(*path(60, seed=1, factor=factor), symbol="ETHUSDT")

    (pair,) = correlations(returns(one, other)).to_dict("records")

    assert (pair["symbol"], pair["other_symbol"], pair["return_count"]) == (
        "BTCUSDT",
        "ETHUSDT",
        59,
    )
    assert pair["correlation"] == pytest.approx(correlation)


def test_correlates_over_the_returns_that_both_have():
    """Pearson's own formula, over the minutes from which neither is missing."""
    one = [*path(60, seed=1)]
    other = [*path(60, seed=2)]
    other[20] = None

    (pair,) = correlations(returns(priced(*one), priced(*other, symbol="ETHUSDT"))).to_dict(
        "records"
    )

    common = [index for index in range(1, 60) if index not in {20, 21}]
    xs = [math.log(float(one[index]) / float(one[index - 1])) for index in common]
    ys = [math.log(float(other[index]) / float(other[index - 1])) for index in common]
    assert pair["return_count"] == 57
    assert pair["correlation"] == pytest.approx(pearson(xs, ys))


def pearson(xs, ys):
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    together = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return together / math.sqrt(
        sum((x - x_mean) ** 2 for x in xs) * sum((y - y_mean) ** 2 for y in ys)
    )


@pytest.mark.parametrize(("count", "is_told"), [(30, False), (31, True)], ids=["29", "30"])
def test_tells_no_correlation_of_fewer_than_thirty_returns(count, is_told):
    one = priced(*path(count, seed=1))
    other = priced(*path(count, seed=1), symbol="ETHUSDT")

    (pair,) = correlations(returns(one, other)).to_dict("records")

    assert pd.notna(pair["correlation"]) == is_told
    assert pair["return_count"] == count - 1


def test_tells_no_correlation_with_a_price_that_never_moves():
    still = minutes(60, symbol="ETHUSDT")

    (pair,) = correlations(returns(priced(*path(60, seed=1)), still)).to_dict("records")

    assert pd.isna(pair["correlation"])


def test_names_each_pair_once_in_order():
    series = [priced(*path(40, seed=1), symbol=symbol) for symbol in ("C", "A", "B")]

    found = correlations(returns(*series))

    assert [*zip(found["symbol"], found["other_symbol"], strict=True)] == [
        ("A", "B"),
        ("A", "C"),
        ("B", "C"),
    ]


@pytest.mark.parametrize("prices", [[], priced(*path(40, seed=1))], ids=["none", "one"])
def test_one_symbol_has_no_pair(prices):
    assert correlations(returns(prices)).empty
