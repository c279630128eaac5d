"""The texts of the price watch: short, plain, in UTC, and never advice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from include.records.prices import Flag, MinuteAverage
from include.records.shown_numbers import exact_text, percent_text, price_text
from include.watch.rules import (
    AnyRule,
    Move,
    OlderThan,
    PriceAbove,
    PriceBelow,
    QualityBelow,
)


@dataclass(frozen=True)
class Observation:
    """One minute as a rule saw it.

    Attributes:
        average: The published minute.
        value: What the rule compares: a price, a signed relative change, or a rank of quality.
    """

    average: MinuteAverage
    value: Decimal


def condition(rule: AnyRule) -> str:
    """Return a rule's condition in words, to follow 'is' or 'was'."""
    match rule:
        case PriceAbove():
            return f"above {rule.threshold:,f}"
        case PriceBelow():
            return f"below {rule.threshold:,f}"
        case Move():
            share = percent_text(rule.threshold_ratio)
            return f"{share} or more away from its price {minutes_long(rule.minutes)} earlier"
        case QualityBelow():
            return f"below grade {rule.grade}"
        case OlderThan():
            return f"without a price for more than {minutes_long(rule.minutes)}"


def figures(rule: AnyRule, finding: Observation) -> str:
    """Return the value, its minute and the state of its data."""
    average = finding.average
    said = []
    if isinstance(rule, Move):
        said.append(f"{percent_text(finding.value, sign='+')} to")
    if average.vwap is None:
        said.append("no value")
    else:
        threshold = rule.threshold if isinstance(rule, PriceAbove | PriceBelow) else None
        said.append(f"VWAP {price(average.vwap, threshold)}")
    return f"{' '.join(said)} in the minute {utc(average.minute)}, {data_state(average)}"


def newest_price(minute: datetime | None, average: MinuteAverage | None) -> str:
    """Return in words which minute is the newest with a value.

    Args:
        minute: Its start; None where none is known.
        average: Its average, if it was read.
    """
    if minute is None:
        return "no price is known"
    state = f", {data_state(average)}" if average else ""
    return f"the newest is from the minute {utc(minute)}{state}"


def data_state(average: MinuteAverage) -> str:
    """Return a minute's grade, its flag unless it is OK, and its soft flags."""
    told = [f"grade {average.grade}"] if average.grade else []
    told += [average.flag.value] if average.flag is not Flag.OK else []
    told += [average.soft_flags.replace(",", ", ")] if average.soft_flags else []
    return ", ".join(told)


def price(value: Decimal, threshold: Decimal | None = None) -> str:
    """Return a price with eight digits, or with all digits before the point.

    Where rounding would hide on which side of the threshold the price is, all digits are kept.
    """
    shown = price_text(value)
    if threshold is not None:
        read = Decimal(shown.replace(",", ""))
        shown = exact_text(value) if read.compare(threshold) != value.compare(threshold) else shown
    return shown


def minutes_long(count: int) -> str:
    """Return a number of minutes in words."""
    return "1 minute" if count == 1 else f"{count} minutes"


def utc(moment: datetime) -> str:
    """Return an aware UTC moment to the minute."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
