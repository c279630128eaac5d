"""The store in Cassandra: extracted prices, published averages and watermarks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime

from include.records.batches import BatchRecord
from include.records.prices import ExchangeMinute, SecondPrice, SymbolInfo
from include.records.windows import Window
from include.store.candles import MinuteRowTable
from include.store.ledgers import DayTable, FiveMinutePriceTable, RestatementTable
from include.store.minutes import MinutePriceTable
from include.store.quarantine import QuarantineTable
from include.store.request_weight import ExchangeBudgetTable
from include.store.schema import check_version
from include.store.settings import CassandraSettings
from include.store.spans import SpanTable
from include.store.statements import Row, Statements

# Of tables with one short row for each symbol. More in one statement are refused by DataStax Astra
# (partition_keys_in_select_failure_threshold).
PARTITIONS_PER_READ = 20


@dataclass(frozen=True)
class Watermark:
    """How far one symbol is stored and averaged.

    Attributes:
        stored_from: Start of the first window stored; None before the first.
        stored_until: Exclusive end of the last window completely stored; None before the first.
        averaged_until: stored_until as the last averaging run saw it; None before the first.
    """

    stored_from: datetime | None
    stored_until: datetime | None
    averaged_until: datetime | None


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of one table on one node of Cassandra.

    Attributes:
        name: Its tag.
        table: Of which table.
        created_at: Aware UTC; None where it was made by an old version that did not note it.
        size_bytes: On disk.
    """

    name: str
    table: str
    created_at: datetime | None
    size_bytes: int


def connect(settings: CassandraSettings) -> Store:
    """Return the store of a keyspace, over this process's session.

    Raises:
        RetryableError: Cassandra does not answer within the settings' patience.
        SettingsError: It refuses the settings, or the keyspace is missing or of an older version.
    """
    statements = Statements(settings)
    check_version(statements)
    return Store(statements)


class Store:
    """The pipeline's tables in one keyspace.

    Args:
        statements: Over the keyspace.

    Attributes:
        second_prices: The extracted prices, by second.
        exchange_minutes: The exchange's own figures for each minute.
        minute_prices: The published averages, every revision.
        minute_rows: The same, reduced to the few values that a board draws.
        quarantine: Rows that the gate refused.
        restatements: Final minutes that were changed.
        days: Which days were backfilled and audited.
        five_minute_prices: The exchange's own five-minute averages.
    """

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self.second_prices = SpanTable(
            statements,
            SecondPrice,
            insert="insert_second_price",
            select="select_second_prices",
        )
        self.exchange_minutes = SpanTable(
            statements,
            ExchangeMinute,
            insert="insert_exchange_minute",
            select="select_exchange_minutes",
        )
        self.minute_prices = MinutePriceTable(statements)
        self.minute_rows = MinuteRowTable(statements)
        self.quarantine = QuarantineTable(statements)
        self.restatements = RestatementTable(statements)
        self.days = DayTable(statements)
        self.five_minute_prices = FiveMinutePriceTable(statements)

    def exchange_budget(self, egress: str) -> ExchangeBudgetTable:
        """Return the request budget shared by the workers behind one address, given its name."""
        return ExchangeBudgetTable(self._statements, egress)

    def watermark(self, symbol: str) -> Watermark:
        """Return how far a symbol is stored and averaged."""
        return self.watermarks([symbol])[symbol]

    def watermarks(self, symbols: Sequence[str]) -> dict[str, Watermark]:
        """Return how far each of some symbols is stored and averaged, in their order."""
        marks = dict.fromkeys(symbols, Watermark(None, None, None))
        for row in self._rows_of("select_watermarks", symbols):
            marks[row["symbol"]] = Watermark(
                row["stored_from"], row["stored_until"], row["averaged_until"]
            )
        return marks

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
        """Add a batch and its result to the batch log."""
        symbol, *others = astuple(record)
        self._statements.run("insert_batch_log", (symbol, record.fetched_at.date(), *others))

    def batch_log(self, symbol: str, day: date) -> list[BatchRecord]:
        """Return the batches of a symbol and UTC day, newest first."""
        return [
            _batch_record(row) for row in self._statements.run("select_batch_log", (symbol, day))
        ]

    def batches_between(self, symbol: str, window: Window) -> list[BatchRecord]:
        """Return the batches of a symbol that were fetched in a window, by day, newest first."""
        return [
            _batch_record(row)
            for day in window.days()
            for row in self._statements.run(
                "select_recent_batches", (symbol, day, window.start, window.end)
            )
        ]

    def remember_symbol(self, info: SymbolInfo) -> None:
        """Store the exchange's entry for a symbol and its trading status at that time."""
        self._statements.run("insert_symbol_info", astuple(info))
        day = info.checked_at.date()
        self._statements.run(
            "insert_symbol_status", (info.symbol, day, info.checked_at, info.status)
        )

    def statuses(self, symbol: str, day: date) -> list[tuple[datetime, str]]:
        """Return a symbol's trading statuses on a UTC day, each with its time, ascending."""
        rows = self._statements.run("select_symbol_statuses", (symbol, day))
        return [(row["observed_at"], row["status"]) for row in rows]

    def symbol_info(self, symbol: str) -> SymbolInfo | None:
        """Return the exchange's last entry for a symbol; None if there is none."""
        return self.symbol_infos([symbol]).get(symbol)

    def symbol_infos(self, symbols: Sequence[str]) -> dict[str, SymbolInfo]:
        """Return the exchange's last entry for each of some symbols that has one."""
        return {
            row["symbol"]: SymbolInfo(**row)
            for row in self._rows_of("select_symbol_infos", symbols)
        }

    def snapshots(self) -> list[Snapshot]:
        """Return the snapshots of the keyspace's tables on the node that answers.

        Raises:
            SettingsError: The server has no list of them, or the role may not read it.
        """
        rows = self._statements.run("select_snapshots", ())
        return [
            Snapshot(row["name"], row["table_name"], row["created_at"], row["size_on_disk"])
            for row in rows
            if row["keyspace_name"] == self._statements.settings.keyspace
        ]

    def _rows_of(self, name: str, symbols: Sequence[str]) -> Iterator[Row]:
        """Yield the rows of a statement for some symbols, a few of them at a time."""
        for start in range(0, len(symbols), PARTITIONS_PER_READ):
            some = [*symbols[start : start + PARTITIONS_PER_READ]]
            yield from self._statements.run(name, (some,))


def _batch_record(row: Row) -> BatchRecord:
    return BatchRecord(**{**row, "failed": tuple(row["failed"] or ())})
