"""Which tables of the keyspace a backup copies, in which order, and into which files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FileSpan(StrEnum):
    """What one file of a table holds."""

    DAY = "day"  # a symbol's partitions of one UTC day
    MONTH = "month"  # a symbol's partitions of one UTC month
    WHOLE = "whole"  # the whole table


@dataclass(frozen=True)
class CopiedTable:
    """How one table is copied.

    Attributes:
        name: Of the table. Its partition key begins with the symbol; a day or month may follow.
        span: What one of its files holds: at most some dozen megabytes.
        written_by: Columns of which each row has at least one, and one for each statement that
            writes the table: their write time and expiry are those of the row.
        written_at: For a table of keys alone, the timestamp column that tells when a row was
            written.
    """

    name: str
    span: FileSpan
    written_by: tuple[str, ...] = ()
    written_at: str | None = None


# The order makes a backup of a running pipeline safe to restore: whatever states that something
# is done is read before what it speaks of, and whoever follows a table finds at least what was in
# it before. So marks come first (an older one only repeats work), published minutes before the
# ledger and the log that point to them (docs/backup.md).
COPIED_TABLES = (
    CopiedTable(
        "watermark", FileSpan.WHOLE, written_by=("stored_from", "stored_until", "averaged_until")
    ),
    CopiedTable("backfilled_day", FileSpan.WHOLE, written_by=("finished_at",)),
    CopiedTable("audited_day", FileSpan.WHOLE, written_by=("checksum",)),
    CopiedTable("symbol_info", FileSpan.WHOLE, written_by=("checked_at",)),
    CopiedTable("price_by_second", FileSpan.DAY, written_by=("open",)),
    CopiedTable("exchange_minute", FileSpan.MONTH, written_by=("open",)),
    CopiedTable("five_minute_price", FileSpan.MONTH, written_by=("price",)),
    CopiedTable("quarantined_price", FileSpan.DAY, written_by=("detected_at",)),
    CopiedTable("quarantined_row", FileSpan.DAY, written_by=("payload", "state")),
    CopiedTable("minute_price", FileSpan.MONTH, written_by=("known_at",)),
    CopiedTable("restatement", FileSpan.MONTH, written_by=("known_at",)),
    CopiedTable("minute_change", FileSpan.MONTH, written_at="known_at"),
    CopiedTable("batch_log", FileSpan.MONTH, written_by=("window_start",)),
    CopiedTable("symbol_status", FileSpan.MONTH, written_by=("status",)),
)
# Not copied, and why.
LEFT_OUT = {
    "schema_migration": "a restore makes the tables itself; the manifest lists the versions",
    "exchange_budget": "request weight of the last hour",
    "exchange_block": "blocks by the exchange, which it repeats",
}
# Meaningless in a copy of some days only: they speak of all days.
MARKS = frozenset({"watermark"})
# Whole tables whose rows carry a day.
BY_ROW_DAY = frozenset({"backfilled_day", "audited_day"})
