"""How prices and amounts are written for people; the page's script is held to the same table."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.records.shown_numbers import exact_text, percent_text, price_text

CASES = json.loads((Path(__file__).parents[2] / "data" / "price_texts.json").read_text())

prices = st.decimals(min_value=Decimal("1e-12"), max_value=Decimal("1e20"), places=12)


@pytest.mark.defect(46)
@pytest.mark.parametrize(("price", "shown"), CASES)
def test_shows_eight_significant_digits_of_a_price(price, shown):
    assert price_text(Decimal(price)) == shown


@pytest.mark.defect(46)
@given(prices)
def test_never_shows_a_price_further_off_than_its_eighth_digit(price):
    shown = Decimal(price_text(price).replace(",", ""))

    assert abs(shown - price) <= max(price * Decimal("5e-8"), Decimal(0))


@pytest.mark.parametrize(
    ("value", "shown"),
    [("61250.100000000001", "61,250.100000000001"), ("1E+3", "1,000"), ("-0.0", "0")],
)
def test_shows_all_digits_where_they_count(value, shown):
    assert exact_text(Decimal(value)) == shown


@pytest.mark.parametrize(
    ("share", "sign", "shown"),
    [
        ("0.02", "", "2 %"),
        ("-0.03", "+", "-3 %"),
        ("0.0123456", "+", "+1.23 %"),
        ("0.00000000123", "", "0.000000123 %"),
        ("0.12345", "", "12.3 %"),
        ("0.00012345", "", "0.0123 %"),
        ("123.4567", "", "12,346 %"),
        ("0", "", "0 %"),
    ],
)
def test_shows_three_significant_digits_of_a_share(share, sign, shown):
    assert percent_text(Decimal(share), sign=sign) == shown
