"""Announcements and saved state of the price watch, for each rule and symbol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel

from include.watch.rules import AnyRule


class Change(StrEnum):
    """What is announced."""

    FIRED = "fired"
    OVER = "over"
    PASSED = "passed"
    """Fired and was over again before anybody looked."""
    LASTS = "lasts"
    TEST = "test"
    """Nothing happened; somebody is testing the channels."""


class Announcement(BaseModel, frozen=True):
    """One message about one rule and symbol.

    Attributes:
        rule: Its name.
        symbol: Binance's pair id.
        change: What happened to the rule.
        judged_at: When that was found, aware UTC.
        text: The whole message in one line.
    """

    rule: str
    symbol: str
    change: Change
    judged_at: AwareDatetime
    text: str


class RuleState(BaseModel, frozen=True):
    """The saved state of one rule and symbol.

    Attributes:
        definition: The rule's; a state of another definition is ignored.
        judged_until: Last minute that was judged; of a rule about age, the newest with a value,
            None before there was one.
        is_active: Whether it has fired and is not over.
        since: Minute that made it fire, or moment at which data was found too old; None while it
            is not active.
        streak: Minutes in a row that call for a change of is_active.
        said_at: When it was last announced.
    """

    definition: str
    judged_until: AwareDatetime | None
    is_active: bool = False
    since: AwareDatetime | None = None
    streak: int = 0
    said_at: AwareDatetime | None = None


@dataclass(frozen=True)
class Watched:
    """One rule and one of its symbols."""

    rule: AnyRule
    symbol: str

    @property
    def key(self) -> str:
        """Key of its state; a symbol has no space, so keys are unique."""
        return f"{self.rule.name} {self.symbol}"

    def known(self, states: Mapping[str, RuleState]) -> RuleState | None:
        """Return its state; None if it has none or the rule has changed."""
        state = states.get(self.key)
        return state if state and state.definition == self.rule.definition else None


def watched_symbols(rules: Iterable[AnyRule], symbols: Sequence[str]) -> list[Watched]:
    """Return every rule with each of its symbols, or with all where it names none."""
    return [Watched(rule, symbol) for rule in rules for symbol in rule.symbols or symbols]
