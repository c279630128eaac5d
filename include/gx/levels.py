"""Consequences of an unmet expectation, and how an expectation describes them."""

from enum import StrEnum
from typing import Any

from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity

# Columns that identify a row: its number in the table, and the symbol it was requested for.
ROW = "row"
REQUESTED = "requested_symbol"
LEVEL = "level"
# In the result of an expectation on whole batches: the symbols that do not meet it.
FAILING = "failing_symbols"


class Level(StrEnum):
    """The consequence of an unmet expectation."""

    TABLE = "table"
    ROWS = "rows"
    WARNING = "warning"


CONSEQUENCES = {
    Level.TABLE: "If not met, the whole table is refused.",
    Level.ROWS: "Rows that fail are refused; the others pass.",
    Level.WARNING: "Warning only: all rows pass.",
}


def expect(
    kind: type[Expectation],
    level: Level,
    reason: str,
    *,
    what: str = "",
    **arguments: Any,  # noqa: ANN401 - those of the kind
) -> Expectation:
    """Create an expectation whose description states what it expects, why, and the consequence.

    Args:
        kind: Its class; the first line of its docstring says what it expects.
        level: The consequence when it is not met.
        reason: Why, in a sentence or two.
        what: What it expects, for one of Great Expectations' own classes.
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
    """Return a placeholder for a value that each run supplies."""
    return {"$PARAMETER": name}
