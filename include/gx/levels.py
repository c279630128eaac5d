"""What follows when an expectation is not met, and how an expectation says so."""

from enum import StrEnum
from typing import Any

from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity

ROW = "row"
LEVEL = "level"


class Level(StrEnum):
    """What follows when an expectation is not met."""

    TABLE = "table"
    ROWS = "rows"
    WARNING = "warning"


CONSEQUENCES = {
    Level.TABLE: "Nothing of the table is let through.",
    Level.ROWS: "The rows that fail are kept out; the others go on.",
    Level.WARNING: "A warning: every row goes on.",
}


def expect(
    kind: type[Expectation],
    level: Level,
    reason: str,
    *,
    what: str = "",
    **arguments: Any,  # noqa: ANN401 - those of the kind
) -> Expectation:
    """Return an expectation that says of itself what it expects, why, and what follows.

    Args:
        kind: Its class; the first line of its docstring says what it expects.
        level: What follows when it is not met.
        reason: Why, in a sentence or two.
        what: Says what it expects for a class of Great Expectations' own.
        arguments: Of the class.
    """
    expected = what or (kind.__doc__ or "").partition("\n")[0]
    is_warning = level is Level.WARNING
    return kind(
        description=f"{expected} {reason} {CONSEQUENCES[level]}",
        notes=reason,
        meta={LEVEL: level.value},
        severity=FailureSeverity.WARNING if is_warning else FailureSeverity.CRITICAL,
        **arguments,
    )


def parameter(name: str) -> Any:  # noqa: ANN401 - GX's own way to name a value of the run
    """Return the place of a value that every run brings."""
    return {"$PARAMETER": name}
