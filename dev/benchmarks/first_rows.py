"""Read the first row published of each minute, with the time at which Cassandra stored it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from include.records.prices import Flag
from include.records.windows import EPOCH, MINUTE, Window
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings

SELECT = """
SELECT minute, revision, known_at, flag, WRITETIME(flag) AS stored_us
FROM {keyspace}.minute_price
WHERE symbol = %s AND month = %s AND minute >= %s AND minute < %s
"""


@dataclass(frozen=True)
class FirstRow:
    """Revision 1 of a symbol's minute; times are aware UTC.

    Attributes:
        symbol: Upper case.
        minute: Start of the minute.
        known_at: When its sources were read.
        stored_at: When Cassandra began the transaction that stored it: some 10 to 50 ms before
            its answer.
        flag: The flag it had.
    """

    symbol: str
    minute: datetime
    known_at: datetime
    stored_at: datetime
    flag: Flag

    @property
    def known_delay(self) -> timedelta:
        """From the minute's end to the reading of its sources."""
        return self.known_at - self.minute - MINUTE

    @property
    def stored_delay(self) -> timedelta:
        """From the minute's end to the stored row."""
        return self.stored_at - self.minute - MINUTE


def first_rows(
    settings: CassandraSettings, symbols: Sequence[str], window: Window
) -> list[FirstRow]:
    """Return the first published row of each symbol and minute that has one."""
    session = SESSIONS.get(settings)
    statement = SELECT.format(keyspace=settings.keyspace)
    return [
        FirstRow(
            symbol=symbol,
            minute=row["minute"],
            known_at=row["known_at"],
            stored_at=EPOCH + timedelta(microseconds=row["stored_us"]),
            flag=Flag(row["flag"]),
        )
        for symbol in symbols
        for month in window.months()
        for row in session.execute(statement, (symbol, month, window.start, window.end))
        if row["revision"] == 1
    ]
