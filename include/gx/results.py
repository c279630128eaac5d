"""Checkpoint results as plain records."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from great_expectations.checkpoint.checkpoint import CheckpointResult
from great_expectations.core import ExpectationValidationResult

from include.gx.levels import FAILING, LEVEL, REQUESTED, ROW, Level

LONGEST_ERROR = 500


@dataclass(frozen=True)
class Failure:
    """One expectation that a table did not meet.

    Attributes:
        expectation: Its type, like expect_prices_to_be_in_order.
        level: The consequence for the rows or the table.
        rows: By number, the rows that fail it and what was observed there; empty for an
            expectation on the whole table.
        error: What went wrong when it could not be validated at all; empty otherwise.
        observed: What was observed in the whole table; empty for an expectation on rows.
        symbols: The requested symbols that do not meet it, where it is on rows or says so of
            whole batches; empty where it concerns the whole table.
    """

    expectation: str
    level: Level
    rows: dict[int, str]
    error: str
    observed: str
    symbols: frozenset[str]


@dataclass(frozen=True)
class Subject:
    """The symbols and window that a table covers.

    Attributes:
        symbols: Whose rows, at least one.
        window: Their window, as written in file names.
        checked_at: Aware UTC; two results of one suite, first symbol and window differ by it.
    """

    symbols: tuple[str, ...]
    window: str
    checked_at: datetime

    @property
    def name(self) -> str:
        """Name of the run."""
        first, *others = self.symbols
        more = f"_and_{len(others)}" if others else ""
        return f"{first}{more}-{self.window}"


@dataclass(frozen=True)
class Outcome:
    """A checkpoint's result for one table.

    Attributes:
        failures: The expectations that it did not meet.
        evaluated_count: Expectations evaluated.
    """

    failures: tuple[Failure, ...]
    evaluated_count: int

    def failing(self, symbols: Iterable[str]) -> frozenset[str]:
        """Return those of some requested symbols that did not meet an expectation.

        All of them where an expectation was not met that does not say by which.
        """
        if all(failure.symbols for failure in self.failures):
            return frozenset().union(*(failure.symbols for failure in self.failures))
        return frozenset(symbols)


def unmet(result: CheckpointResult) -> Iterator[ExpectationValidationResult]:
    """Yield the unmet expectations of a run."""
    for run in result.run_results.values():
        yield from (outcome for outcome in run.results if not outcome.success)


def failure_of(outcome: ExpectationValidationResult) -> Failure:
    """Convert an unmet expectation to a record with the rows that fail it."""
    config = outcome.expectation_config
    if config is None:
        raise TypeError("Great Expectations returned a result without its expectation")
    entries = outcome.result.get("unexpected_index_list") or ()
    rows = {int(entry[ROW]): _observed(entry) for entry in entries}
    symbols = [entry[REQUESTED] for entry in entries if REQUESTED in entry]
    meta = config.meta or {}
    return Failure(
        expectation=config.type,
        level=Level(meta[LEVEL]),
        rows=rows,
        error=_error(outcome.exception_info or {}),
        observed="" if rows else _observed_of_table(outcome.result),
        symbols=frozenset(symbols or outcome.result.get(FAILING) or ()),
    )


def mismatches(result: Mapping[str, Any]) -> str:
    """Return which columns of a table are missing or not expected; empty where there are none."""
    mismatched = (result.get("details") or {}).get("mismatched", {})
    return "; ".join(f"{kind} {', '.join(names)}" for kind, names in mismatched.items())


def _observed_of_table(result: Mapping[str, Any]) -> str:
    if found := mismatches(result):
        return found
    unexpected = result.get("partial_unexpected_list")
    return ", ".join(map(str, unexpected)) if unexpected else str(result.get("observed_value", ""))


def _observed(entry: Mapping[str, object]) -> str:
    cells = {name: entry[name] for name in entry if name not in {ROW, REQUESTED}}
    return ", ".join(f"{name} {value}" for name, value in cells.items())


def _error(info: dict[str, Any]) -> str:
    """Return the message of the exception; GX groups it by metric when a metric raised it."""
    by_metric = [info] if "raised_exception" in info else list(info.values())
    messages = [entry["exception_message"] for entry in by_metric if entry["raised_exception"]]
    return "; ".join(map(str, messages))[:LONGEST_ERROR]
