"""How times and numbers stand in JSON: exact, and read alike everywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal


def iso(moment: datetime) -> str:
    """Return an aware moment as ISO 8601 in UTC, milliseconds only where there are some."""
    spec = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")


def plain(value: Decimal) -> str:
    """Return every digit of a decimal, without an exponent."""
    return f"{value:f}"


def plain_or_none(value: Decimal | None) -> str | None:
    """Return every digit of a decimal; None stays None."""
    return None if value is None else plain(value)
