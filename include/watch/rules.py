"""The rules of the price watch: what each kind looks for, and when it is over."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints

from include.records.prices import Grade
from include.records.symbols import read_symbol

# No value at all is worse than any grade.
RANKS = {grade: Decimal(rank) for rank, grade in enumerate(reversed(Grade), start=1)}


def listed(value: object) -> object:
    """Split a text at its commas; return anything else unchanged."""
    return [each.strip() for each in value.split(",")] if isinstance(value, str) else value


def _each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


# Notifiers render messages as templates: a name cannot have a brace.
Name = Annotated[str, StringConstraints(pattern=r"^\w[\w .,%+-]{0,59}$")]
Symbols = Annotated[
    tuple[Annotated[str, AfterValidator(read_symbol)], ...],
    BeforeValidator(listed),
    AfterValidator(_each_once),
]
HoldMinutes = Annotated[
    int,
    Field(ge=1, le=60, description="a whole number of minutes from 1 to 60"),
]
Ratio = Annotated[Decimal, Field(ge=0, lt=1)]
Price = Annotated[
    Decimal,
    Field(
        gt=0,
        lt=Decimal("1e15"),
        decimal_places=24,
        description="a price above 0 in the quote asset, such as 61250.1",
    ),
]


class Rule(BaseModel, extra="forbid", frozen=True):
    """The fields of every rule.

    Attributes:
        name: Its name for people, in each message.
        symbols: Binance's pair ids; empty means all that are extracted.
        repeat_minutes: How often to repeat that it still lasts; None for never.
    """

    name: Name = Field(
        description="up to 60 letters, digits, spaces and . , % + - _, in quotes if it is a number"
    )
    symbols: Symbols = Field(
        default=(), description="a symbol such as BTCUSDT, or a list; without it, all symbols"
    )
    repeat_minutes: int | None = Field(
        default=None, ge=5, le=10080, description="minutes from 5 to 10080; without it, never"
    )

    @property
    def definition(self) -> str:
        """Hash of what it looks for, twelve hexadecimal digits: another hash is another rule."""
        told = self.model_dump_json(exclude={"name", "symbols", "repeat_minutes"})
        return hashlib.sha256(told.encode()).hexdigest()[:12]


class MinuteRule(Rule, frozen=True):
    """A rule that judges one published minute after another.

    Attributes:
        for_minutes: How many minutes in a row must meet it before it fires.
    """

    for_minutes: HoldMinutes = 1

    @property
    def back_minutes(self) -> int:
        """How many minutes in a row must be back before it is over."""
        return 1


class PriceRule(MinuteRule, frozen=True):
    """A rule about the average price of a minute.

    Attributes:
        symbols: As for any rule, but required: a price belongs to one symbol.
        threshold: Quote asset per base asset.
        hysteresis_ratio: How far the price must come back, as a share of the threshold, before
            the rule is over.
    """

    symbols: Symbols = Field(min_length=1, description="a symbol such as BTCUSDT, or a list")
    threshold: Price
    hysteresis_ratio: Ratio = Field(
        default=Decimal("0.001"),
        description="a share of the threshold from 0 to below 1, such as 0.001 for 0.1 %",
    )


class PriceAbove(PriceRule, frozen=True):
    """Fires when a minute's vwap is above the threshold."""

    kind: Literal["price_above"]

    @property
    def back(self) -> Decimal:
        """At or below this price it is over."""
        return self.threshold * (1 - self.hysteresis_ratio)

    def is_met(self, vwap: Decimal) -> bool:
        """Tell whether a price is above the threshold."""
        return vwap > self.threshold

    def is_back(self, vwap: Decimal) -> bool:
        """Tell whether a price has come back far enough."""
        return vwap <= self.back


class PriceBelow(PriceRule, frozen=True):
    """Fires when a minute's vwap is below the threshold."""

    kind: Literal["price_below"]

    @property
    def back(self) -> Decimal:
        """At or above this price it is over."""
        return self.threshold * (1 + self.hysteresis_ratio)

    def is_met(self, vwap: Decimal) -> bool:
        """Tell whether a price is below the threshold."""
        return vwap < self.threshold

    def is_back(self, vwap: Decimal) -> bool:
        """Tell whether a price has come back far enough."""
        return vwap >= self.back


class Move(MinuteRule, frozen=True):
    """Fires when the vwap has moved by the threshold or more from that of some minutes before.

    Attributes:
        minutes: How far back the earlier minute is.
        threshold_ratio: Share of the earlier price, in either direction.
        hysteresis_ratio: How far the move must shrink, as a share of the threshold, before the
            rule is over.
    """

    kind: Literal["move"]
    minutes: int = Field(ge=1, le=1440, description="a whole number of minutes from 1 to 1440")
    threshold_ratio: Decimal = Field(
        ge=Decimal("0.0001"),
        le=1,
        description="a share of the price from 0.0001 to 1, such as 0.02 for 2 %",
    )
    hysteresis_ratio: Ratio = Field(
        default=Decimal("0.5"),
        description="a share of the threshold from 0 to below 1, such as 0.5",
    )

    @property
    def back(self) -> Decimal:
        """Below this share of the price, in either direction, it is over."""
        return self.threshold_ratio * (1 - self.hysteresis_ratio)

    def is_met(self, change: Decimal) -> bool:
        """Tell whether a change, as a signed share of the earlier price, reaches the threshold."""
        return abs(change) >= self.threshold_ratio

    def is_back(self, change: Decimal) -> bool:
        """Tell whether a change has become small enough."""
        return abs(change) < self.back


class QualityBelow(MinuteRule, frozen=True):
    """Fires when a minute's grade is worse than the one given, or its data is missing.

    Attributes:
        grade: The worst grade that is still good.
        hysteresis_minutes: How many minutes in a row must be good before the rule is over.
    """

    kind: Literal["quality_below"]
    grade: Grade = Field(description="one of A, B, C, D, E")
    hysteresis_minutes: HoldMinutes = 5

    @property
    def back_minutes(self) -> int:
        """How many minutes in a row must be good before it is over."""
        return self.hysteresis_minutes

    def is_met(self, rank: Decimal) -> bool:
        """Tell whether a rank, one of RANKS or 0 where data is missing, is below the grade."""
        return rank < RANKS[self.grade]

    def is_back(self, rank: Decimal) -> bool:
        """Tell whether a rank is good."""
        return not self.is_met(rank)


class OlderThan(Rule, frozen=True):
    """Fires when the newest minute with a value of its own ended more than `minutes` ago.

    Attributes:
        minutes: The greatest age allowed.
        hysteresis_ratio: How much younger than that the data must be before the rule is over.
    """

    kind: Literal["older_than"]
    minutes: int = Field(ge=2, le=240, description="a whole number of minutes from 2 to 240")
    hysteresis_ratio: Ratio = Field(
        default=Decimal("0.5"), description="a share of the minutes from 0 to below 1, such as 0.5"
    )

    @property
    def back(self) -> Decimal:
        """At this age in minutes, or younger, it is over."""
        return self.minutes * (1 - self.hysteresis_ratio)


AnyMinuteRule = PriceAbove | PriceBelow | Move | QualityBelow
AnyRule = AnyMinuteRule | OlderThan
