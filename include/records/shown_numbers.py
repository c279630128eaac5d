"""Format prices and amounts for people: by significant digits, whatever their size.

The page Prices does the same in static/price_text.js; one table of test cases covers both.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

PRICE_DIGITS = 8
SHARE_DIGITS = 3


def price_text(value: Decimal) -> str:
    """Format a price or an amount with eight significant digits, a half rounded away from zero.

    All digits before the point are kept, thousands are separated, and trailing zeros of the
    decimals dropped: 61,593.345 or 0.00000812.
    """
    return _rounded(value, PRICE_DIGITS)


def exact_text(value: Decimal) -> str:
    """Format all digits of a price or an amount, without trailing zeros of its decimals."""
    text = f"{value:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def percent_text(share: Decimal, sign: str = "") -> str:
    """Format a share as a percentage with three significant digits.

    Args:
        share: 0.01 is one percent.
        sign: "+" to put it before positive values, too.
    """
    text = _rounded(share * 100, SHARE_DIGITS)
    return f"{'' if text.startswith('-') else sign}{text} %"


def _rounded(value: Decimal, digits: int) -> str:
    kept = max(digits, value.adjusted() + 1)
    return exact_text(Context(prec=kept, rounding=ROUND_HALF_UP).plus(value))
