"""Prices in Cassandra: what is extracted, what is published, and how far both have come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Self, TypeVar

from cassandra.cluster import Session

from include.marketdata.batches import BatchRecord, QuarantinedRow
from include.marketdata.errors import SettingsError
from include.marketdata.exchange_budget import ExchangeBudgetTable
from include.marketdata.prices import (
    ExchangeMinute,
    Flag,
    MinuteAverage,
    MinutePrice,
    SecondPrice,
    SymbolInfo,
)
from include.marketdata.session import CassandraSettings, open_session
from include.marketdata.statements import Row, Statements
from include.marketdata.windows import MINUTE, Window, month_of

__all__ = ["CassandraSettings", "Store", "Watermark", "connect"]

Span = TypeVar("Span", SecondPrice, ExchangeMinute)


@dataclass(frozen=True)
class Watermark:
    """How far one symbol has come.

    Attributes:
        stored_from: Start of the first window stored; None before the first.
        stored_until: Exclusive end of the last window wholly stored; None before the first.
        averaged_until: stored_until as the last averaging run saw it; None before the first.
    """

    stored_from: datetime | None
    stored_until: datetime | None
    averaged_until: datetime | None


def connect(settings: CassandraSettings) -> Store:
    """Connect to the keyspace.

    Raises:
        RetryableError: Cassandra does not answer within the settings' patience.
        SettingsError: The keyspace does not exist yet.
    """
    session = open_session(settings)
    if settings.keyspace not in session.cluster.metadata.keyspaces:
        session.cluster.shutdown()
        raise SettingsError(
            f"Cassandra at {settings.address} has no keyspace {settings.keyspace!r}; "
            "run the DAG initialize_store first"
        )
    return Store(settings, session)


class Store:
    """The pipeline's tables in one keyspace; a context manager that closes its session."""

    def __init__(self, settings: CassandraSettings, session: Session) -> None:
        self._cluster = session.cluster
        self._statements = Statements(settings, session)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster.shutdown()

    def exchange_budget(self, egress: str) -> ExchangeBudgetTable:
        """Return what the workers share that reach the exchange from one address, by its name."""
        return ExchangeBudgetTable(self._statements, egress)

    def write_second_prices(self, prices: Iterable[SecondPrice]) -> None:
        """Store seconds of any symbols and order; a second that is there already is replaced."""
        self._write_spans("insert_second_price", prices)

    def write_exchange_minutes(self, minutes: Iterable[ExchangeMinute]) -> None:
        """Store the exchange's minutes; a minute that is there already is replaced."""
        self._write_spans("insert_exchange_minute", minutes)

    def second_prices(self, symbol: str, window: Window) -> list[SecondPrice]:
        """Return the seconds held of a symbol in a window, ascending."""
        return self._spans("select_second_prices", SecondPrice, symbol, window)

    def exchange_minutes(self, symbol: str, window: Window) -> list[ExchangeMinute]:
        """Return the exchange's minutes held of a symbol in a window, ascending."""
        return self._spans("select_exchange_minutes", ExchangeMinute, symbol, window)

    def publish(self, prices: Sequence[MinutePrice]) -> list[MinutePrice]:
        """Append revisions of minutes.

        A change is noted before the minute is written: a reader of changes that comes in
        between finds the minute as it was, and meets the same note again through its overlap.

        Returns:
            Those written; a revision whose number another worker took first is left out.
        """
        self._statements.run_all(
            "insert_minute_change",
            [
                (price.average.symbol, price.known_at.date(), price.known_at, price.average.minute)
                for price in prices
            ],
        )
        return [price for price in prices if self._append(price)]

    def minute_prices(self, symbol: str, window: Window) -> list[MinutePrice]:
        """Return the latest revision of each published minute of a symbol, ascending."""
        history = self.minute_history(symbol, window)
        return list({price.average.minute: price for price in history}.values())

    def minute_history(self, symbol: str, window: Window) -> list[MinutePrice]:
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

    def changed_minutes(self, symbols: Iterable[str], since: datetime) -> list[MinutePrice]:
        """Return the latest revision of every minute published or revised at or after a moment.

        Ordered by symbol as given, then minute. Changes older than their table keeps are not seen.
        """
        return [
            price
            for symbol in symbols
            for window in _runs(self._changed(symbol, since))
            for price in self.minute_prices(symbol, window)
        ]

    def watermark(self, symbol: str) -> Watermark:
        """Return how far a symbol has come."""
        rows = self._statements.run("select_watermark", (symbol,))
        return Watermark(**rows[0]) if rows else Watermark(None, None, None)

    def set_stored_from(self, symbol: str, moment: datetime) -> None:
        """Record where the stored prices of a symbol begin."""
        self._statements.run("update_stored_from", (moment, symbol))

    def set_stored_until(self, symbol: str, moment: datetime) -> None:
        """Record that every window before a moment is stored."""
        self._statements.run("update_stored_until", (moment, symbol))

    def set_averaged_until(self, symbol: str, moment: datetime) -> None:
        """Record that averages before a moment are published from stored prices."""
        self._statements.run("update_averaged_until", (moment, symbol))

    def log_batch(self, record: BatchRecord) -> None:
        """Keep what a batch was and how it fared."""
        symbol, *others = astuple(record)
        self._statements.run("insert_batch_log", (symbol, record.fetched_at.date(), *others))

    def batch_log(self, symbol: str, day: date) -> list[BatchRecord]:
        """Return the batches of a symbol and UTC day, newest first."""
        return [
            BatchRecord(**{**row, "failed": tuple(row["failed"] or ())})
            for row in self._statements.run("select_batch_log", (symbol, day))
        ]

    def quarantine(self, rows: Sequence[QuarantinedRow]) -> None:
        """Keep refused rows with their reasons; a row kept already is the same entry."""
        self._statements.run_all(
            "insert_quarantined_price",
            [
                (symbol, row.detected_at.date(), *others)
                for row in rows
                for symbol, *others in [astuple(row)]
            ],
        )

    def quarantined(self, symbol: str, day: date) -> list[QuarantinedRow]:
        """Return the refused rows of a symbol by UTC day of detection."""
        return [
            QuarantinedRow(**{**row, "expectations": tuple(row["expectations"] or ())})
            for row in self._statements.run("select_quarantined_prices", (symbol, day))
        ]

    def remember_symbol(self, info: SymbolInfo) -> None:
        """Keep what the exchange says of a symbol."""
        self._statements.run("insert_symbol_info", astuple(info))

    def symbol_info(self, symbol: str) -> SymbolInfo | None:
        """Return what the exchange last said of a symbol; None if it was never asked."""
        rows = self._statements.run("select_symbol_info", (symbol,))
        return SymbolInfo(**rows[0]) if rows else None

    def _append(self, price: MinutePrice) -> bool:
        row = self._statements.run("insert_minute_price", _minute_values(price))[0]
        # After a timeout the repeated insert meets the row that the first one wrote.
        return bool(row["[applied]"] or row["known_at"] == price.known_at)

    def _write_spans(self, name: str, spans: Iterable[Span]) -> None:
        self._statements.write(
            name,
            (
                ((symbol, start.date()), (symbol, start.date(), start, *others))
                for symbol, start, *others in map(astuple, spans)
            ),
        )

    def _spans(self, name: str, record: type[Span], symbol: str, window: Window) -> list[Span]:
        return [
            record(**row)
            for day in window.days()
            for row in self._statements.run(name, (symbol, day, window.start, window.end))
        ]

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


def _runs(minutes: Sequence[datetime]) -> list[Window]:
    """Join ascending minutes that follow one another into windows."""
    windows: list[Window] = []
    for minute in minutes:
        if windows and windows[-1].end == minute:
            windows[-1] = Window(windows[-1].start, minute + MINUTE)
        else:
            windows.append(Window(minute, minute + MINUTE))
    return windows


def _minute_values(price: MinutePrice) -> tuple[object, ...]:
    symbol, minute, *others = astuple(price.average)
    return (symbol, month_of(minute), minute, price.revision, price.known_at, *others)


def _minute_price(row: Row) -> MinutePrice:
    average = {field.name: row[field.name] for field in fields(MinuteAverage)}
    average["flag"] = Flag(average["flag"])
    return MinutePrice(MinuteAverage(**average), row["revision"], row["known_at"])
