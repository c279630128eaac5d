"""Published averages: every revision, newest first, with the time it became known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, fields
from datetime import UTC, datetime, timedelta

from include.records.errors import RetryableError
from include.records.prices import Flag, Grade, MinuteAverage, MinutePrice
from include.records.windows import MINUTE, Window, month_of, months_back, windows_of
from include.store.loader import ROWS_PER_BATCH, load
from include.store.statements import Row, Statements

# Each lost race means that another worker appended something; this many in a row do not happen.
ATTEMPTS = 50
MONTHS_BACK = 13

AVERAGE_FIELDS = tuple(field.name for field in fields(MinuteAverage))


class MinutePriceTable:
    """Published minutes, kept by symbol and UTC month.

    Args:
        statements: Over the keyspace.
    """

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def append(self, averages: Iterable[MinuteAverage], known_at: datetime) -> list[MinutePrice]:
        """Publish averages that changed as the next revision of their minutes.

        Up to sixty minutes of a symbol and month go into one lightweight transaction, which
        Cassandra applies completely or not at all. If another worker took one of the revision
        numbers first, its rows are read, and averages that still differ are appended after them:
        no number is used twice or skipped, and no revision is lost or overwritten.

        Args:
            averages: Of any symbols and minutes, each minute once.
            known_at: When their sources were read, aware UTC, whole milliseconds. An average that
                was known before the latest revision is out of date and skipped.

        Returns:
            The revisions written, by symbol and month as given, then minute.

        Raises:
            RetryableError: Cassandra does not answer; repeating the call is safe.
        """
        by_partition: dict[tuple[str, str], list[MinuteAverage]] = defaultdict(list)
        for average in averages:
            by_partition[average.symbol, month_of(average.minute)].append(average)
        return [
            price
            for partition in by_partition.values()
            for price in self._append(
                sorted(partition, key=lambda average: average.minute), known_at
            )
        ]

    def latest(self, symbol: str) -> MinutePrice | None:
        """Return the latest revision of a symbol's newest minute; None if a year has none."""
        for month in months_back(datetime.now(UTC).date(), MONTHS_BACK):
            if rows := self._statements.run("select_latest_minute_price", (symbol, month)):
                return _minute_price(rows[0])
        return None

    def between(self, symbol: str, window: Window) -> list[MinutePrice]:
        """Return the latest revision of each published minute of a symbol, ascending."""
        return list(
            {price.average.minute: price for price in self.history(symbol, window)}.values()
        )

    def history(self, symbol: str, window: Window) -> list[MinutePrice]:
        """Return every revision of a symbol's minutes, by minute and then revision, ascending."""
        return [
            _minute_price(row)
            for month in window.months()
            for row in reversed(
                self._statements.run(
                    "select_minute_prices", (symbol, month, window.start, window.end)
                )
            )
        ]

    def changed(self, symbols: Iterable[str], since: datetime) -> list[MinutePrice]:
        """Return every revision of each minute published or revised at or after a moment.

        Ordered by symbol as given, then minute, then revision. Changes that have expired from
        their table are not found.
        """
        return [
            price
            for symbol in symbols
            for window in windows_of(self._changed(symbol, since))
            for price in self.history(symbol, window)
        ]

    def _append(self, averages: Sequence[MinuteAverage], known_at: datetime) -> list[MinutePrice]:
        """Publish averages of one partition, by minute ascending."""
        written: list[MinutePrice] = []
        waiting = list(averages)
        for attempt in range(ATTEMPTS):
            if not waiting:
                return sorted(written, key=lambda price: price.average.minute)
            latest = self._latest(waiting)
            if attempt:
                # A transaction that timed out may have been applied all the same.
                written += [
                    latest[average.minute]
                    for average in waiting
                    if average.minute in latest
                    and latest[average.minute].average == average
                    and latest[average.minute].known_at == known_at
                ]
            due = _due(waiting, latest, known_at)
            self._note(due)
            waiting = []
            for start in range(0, len(due), ROWS_PER_BATCH):
                batch = due[start : start + ROWS_PER_BATCH]
                if self._is_applied(batch):
                    written += batch
                else:
                    waiting += [price.average for price in batch]
        raise RetryableError(
            f"{self._statements.settings}: other workers published minutes of "
            f"{averages[0].symbol} first, {ATTEMPTS} times in a row; the next run publishes the "
            "rest"
        )

    def _latest(self, averages: Sequence[MinuteAverage]) -> dict[datetime, MinutePrice]:
        window = Window(averages[0].minute, averages[-1].minute + MINUTE)
        return {price.average.minute: price for price in self.between(averages[0].symbol, window)}

    def _note(self, prices: Sequence[MinutePrice]) -> None:
        """Log that minutes change, for readers that follow changes.

        Logged before the change: a reader in between finds the old values, and reads the same
        entry again through its overlap.
        """
        load(
            self._statements,
            "insert_minute_change",
            [
                (
                    price.average.symbol,
                    (
                        price.average.symbol,
                        price.known_at.date(),
                        price.known_at,
                        price.average.minute,
                    ),
                )
                for price in prices
            ],
        )

    def _is_applied(self, prices: Sequence[MinutePrice]) -> bool:
        answer = self._statements.run_together(
            "insert_minute_price", [_minute_values(price) for price in prices]
        )
        return bool(answer[0]["[applied]"])

    def _changed(self, symbol: str, since: datetime) -> list[datetime]:
        today = datetime.now(UTC).date()
        days = (today - since.date()).days
        return sorted(
            {
                row["minute"]
                for back in range(days, -1, -1)
                for row in self._statements.run(
                    "select_minute_changes", (symbol, today - timedelta(days=back), since)
                )
            }
        )


def _due(
    averages: Sequence[MinuteAverage],
    latest: Mapping[datetime, MinutePrice],
    known_at: datetime,
) -> list[MinutePrice]:
    """Return the next revision of each minute whose average is different and newer."""
    due = []
    for average in averages:
        before = latest.get(average.minute)
        if before is None:
            due.append(MinutePrice(average, 1, known_at))
        elif before.average != average and before.known_at <= known_at:
            due.append(MinutePrice(average, before.revision + 1, known_at))
    return due


def _minute_values(price: MinutePrice) -> tuple[object, ...]:
    symbol, minute, *others = astuple(price.average)
    return (symbol, month_of(minute), minute, price.revision, price.known_at, *others)


def _minute_price(row: Row) -> MinutePrice:
    average = {name: row[name] for name in AVERAGE_FIELDS}
    average["flag"] = Flag(average["flag"])
    # Rows from before these columns existed have neither.
    average["soft_flags"] = average["soft_flags"] or ""
    average["grade"] = Grade(average["grade"]) if average["grade"] else None
    return MinutePrice(MinuteAverage(**average), row["revision"], row["known_at"])
