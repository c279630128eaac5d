"""Cassandra tables of restatements, backfilled and audited days, and five-minute prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple
from datetime import UTC, date, datetime
from decimal import Decimal

from include.records.revisions import AuditedDay, BackfilledDay, Restatement
from include.records.windows import Window, month_of
from include.store.loader import load
from include.store.statements import Row, Statements


class RestatementTable:
    """The ledger of restatements, by symbol and UTC month of the minute.

    Args:
        statements: Over the keyspace.
    """

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def note(self, restatements: Iterable[Restatement]) -> None:
        """Record restatements; recording one again changes nothing."""
        load(
            self._statements,
            "insert_restatement",
            (
                ((each.symbol, month), (symbol, month, *others))
                for each in restatements
                for symbol, *others in [astuple(each)]
                for month in [month_of(each.minute)]
            ),
        )

    def between(self, symbol: str, window: Window) -> list[Restatement]:
        """Return the restatements of a symbol's minutes, by minute and revision."""
        return [
            Restatement(**row)
            for month in window.months()
            for row in self._statements.run(
                "select_restatements", (symbol, month, window.start, window.end)
            )
        ]


class DayTable:
    """Which days of a symbol were backfilled, and which were audited and with what result.

    Args:
        statements: Over the keyspace.
    """

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def note_backfill(self, backfilled: BackfilledDay) -> None:
        """Record that a day was fetched completely; a later backfill replaces the record."""
        self._statements.run("insert_backfilled_day", astuple(backfilled))

    def backfilled(self, symbol: str, first: date, last: date) -> list[BackfilledDay]:
        """Return the days from first to last that were fetched completely, ascending."""
        rows = self._statements.run("select_backfilled_days", (symbol, first, last))
        return [BackfilledDay(**_with_day(row)) for row in rows]

    def note_audit(self, audited: AuditedDay) -> None:
        """Record an audit's findings; previous audits are kept."""
        *others, unconfirmed = astuple(audited)
        self._statements.run("insert_audited_day", (*others, sorted(unconfirmed)))

    def audited(self, symbol: str, first: date, last: date) -> list[AuditedDay]:
        """Return the audits of the days from first to last, by day and time, ascending."""
        rows = self._statements.run("select_audited_days", (symbol, first, last))
        return [
            AuditedDay(
                **_with_day(row)
                | {
                    # The driver returns times in a list as naive UTC.
                    "unconfirmed": frozenset(
                        moment.replace(tzinfo=UTC) for moment in row["unconfirmed"] or ()
                    )
                }
            )
            for row in reversed(rows)
        ]


def _with_day(row: Row) -> Row:
    """Return a row with Python's own date: the driver's is equal, but hashes differently.

    Counts that did not exist yet when the row was written are zero.
    """
    counts = {name: value or 0 for name, value in row.items() if name.endswith("_count")}
    return {**row, **counts, "day": row["day"].date()}


class FiveMinutePriceTable:
    """The exchange's own averages of five minutes, by symbol and day.

    Args:
        statements: Over the keyspace.
    """

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def keep(self, symbol: str, minute: datetime, price: Decimal) -> None:
        """Store the average of the five minutes that end with a minute."""
        values = (symbol, minute.date(), minute, price)
        self._statements.run("insert_five_minute_price", values)

    def between(self, symbol: str, window: Window) -> dict[datetime, Decimal]:
        """Return a symbol's five-minute averages by minute, where they were requested."""
        return {
            row["minute"]: row["price"]
            for day in window.days()
            for row in self._statements.run(
                "select_five_minute_prices", (symbol, day, window.start, window.end)
            )
        }
