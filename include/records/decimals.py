"""Exact decimal arithmetic and lossless decimal text."""

from __future__ import annotations

from decimal import Context, Decimal

# 20 digits before the point and 8 after it, times 12 more for the division; a product of two has
# 56 digits.
EXACT = Context(prec=60)


def plain(value: Decimal) -> str:
    """Return every digit of a decimal, without an exponent."""
    return f"{value:f}"


def plain_or_none(value: Decimal | None) -> str | None:
    """Return every digit of a decimal; None stays None."""
    return None if value is None else plain(value)
