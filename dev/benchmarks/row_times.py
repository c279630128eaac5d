"""Read the published revisions of minutes with the time at which Cassandra stored each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from include.records.prices import Flag
from include.records.windows import EPOCH, MINUTE, Window
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings

SELECT = """
SELECT minute, revision, known_at, flag, vwap, WRITETIME(flag) AS stored_us
FROM {keyspace}.minute_price
WHERE symbol = %s AND month = %s AND minute >= %s AND minute < %s
"""


@dataclass(frozen=True)
class RowTime:
    """A revision of a symbol's minute; times are aware UTC.

    Attributes:
        symbol: Upper case.
        minute: Start of the minute.
        revision: From 1 on.
        known_at: When its sources were read.
        stored_at: When Cassandra began the transaction that stored it: some 10 to 50 ms before
            its answer.
        flag: The flag it has.
        vwap: Its value, if any.
    """

    symbol: str
    minute: datetime
    revision: int
    known_at: datetime
    stored_at: datetime
    flag: Flag
    vwap: Decimal | None

    @property
    def known_delay(self) -> timedelta:
        """From the minute's end to the reading of its sources."""
        return self.known_at - self.minute - MINUTE

    @property
    def stored_delay(self) -> timedelta:
        """From the minute's end to the stored row."""
        return self.stored_at - self.minute - MINUTE


def row_times(settings: CassandraSettings, symbols: Sequence[str], window: Window) -> list[RowTime]:
    """Return the revisions of a window's minutes, by symbol, minute and revision."""
    session = SESSIONS.get(settings)
    statement = SELECT.format(keyspace=settings.keyspace)
    rows = [
        RowTime(
            symbol=symbol,
            minute=row["minute"],
            revision=row["revision"],
            known_at=row["known_at"],
            stored_at=EPOCH + timedelta(microseconds=row["stored_us"]),
            flag=Flag(row["flag"]),
            vwap=row["vwap"],
        )
        for symbol in symbols
        for month in window.months()
        for row in session.execute(statement, (symbol, month, window.start, window.end))
    ]
    return sorted(rows, key=lambda row: (row.symbol, row.minute, row.revision))
