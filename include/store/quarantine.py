"""Refused rows in Cassandra: kept with their reasons until somebody settles them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from include.records.verdicts import QuarantinedRow, State
from include.store.loader import load
from include.store.statements import Statements


class QuarantineTable:
    """The refused rows of all symbols, by day of detection.

    Args:
        statements: Over the keyspace.
    """

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def keep(self, rows: Sequence[QuarantinedRow]) -> None:
        """Store refused rows; storing one again changes nothing, and it keeps its state."""
        load(
            self._statements,
            "insert_quarantined_row",
            (
                (
                    (row.symbol, row.detected_at.date()),
                    (*_key(row), row.payload, row.observed, row.detected_at, row.batch_url),
                )
                for row in rows
            ),
        )

    def on_day(self, symbol: str, day: date) -> list[QuarantinedRow]:
        """Return the rows refused on a UTC day, by interval and open time, whatever their state."""
        return [
            QuarantinedRow(
                **{
                    **row,
                    "observed": dict(row["observed"] or {}),
                    "state": State(row["state"] or State.OPEN),
                    "note": row["note"] or "",
                }
            )
            for row in self._statements.run("select_quarantined_rows", (symbol, day))
        ]

    def days(self) -> list[tuple[str, date]]:
        """Return the symbols and UTC days of detection with refused rows, in no order."""
        # The driver's own date is equal to Python's, but hashes differently.
        rows = self._statements.run("select_quarantined_days", ())
        return [(row["symbol"], row["detected_day"].date()) for row in rows]

    def remove(self, row: QuarantinedRow) -> None:
        """Delete a row; it is gone for good."""
        self._statements.run("delete_quarantined_row", _key(row))

    def settle(
        self, row: QuarantinedRow, state: State, settled_at: datetime, note: str
    ) -> QuarantinedRow:
        """Settle a row: store its new state; return the updated row."""
        self._statements.run("settle_quarantined_row", (state.value, settled_at, note, *_key(row)))
        return replace(row, state=state, settled_at=settled_at, note=note)


def _key(row: QuarantinedRow) -> tuple[object, ...]:
    return (row.symbol, row.detected_at.date(), row.interval, row.open_time, row.digest)
