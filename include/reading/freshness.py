"""How fresh and complete each symbol is, read from the store for a verdict on its health."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from include.reading.first_values import first_values
from include.reading.health import SymbolFacts, due_until
from include.reading.tiles import WITHOUT_MARKET
from include.records.errors import RetryableError
from include.records.isolation import run_each
from include.records.prices import VALUED_FLAGS, Flag
from include.records.windows import (
    DAY,
    HOUR,
    MINUTE,
    Window,
    floor_minute,
    from_ms,
)
from include.store.candles import CauseRow
from include.store.store import Store, Watermark

# Each mostly waits for Cassandra.
AT_A_TIME = 4


class Freshness:
    """Reads the last hour of each symbol; one that has no value in it is looked up once in a day.

    Not for several threads at a time.

    Attributes:
        freshest: Start of each symbol's newest minute with a value, as far as it was looked up.
    """

    def __init__(self) -> None:
        self.freshest: dict[str, datetime | None] = {}

    def read(self, store: Store, symbols: Sequence[str], now: datetime) -> tuple[SymbolFacts, ...]:
        """Return how fresh and complete some symbols are.

        Args:
            store: Holds what is published.
            symbols: Of the Variable.
            now: Aware UTC.

        Raises:
            RetryableError: Cassandra does not answer.
            Exception: Of a symbol that cannot be read.
        """
        marks = store.watermarks(symbols)
        read = run_each(
            symbols,
            lambda symbol: self._read(store, symbol, marks[symbol], now),
            at_a_time=AT_A_TIME,
            stop_on=RetryableError,
        )
        for error in read.failed.values():
            raise error
        return tuple(read.done.values())

    def _read(self, store: Store, symbol: str, mark: Watermark, now: datetime) -> SymbolFacts:
        due = due_until(now)
        hour = Window(due - HOUR, due)
        newest_end = floor_minute(now) + MINUTE
        rows = store.minute_rows.causes(symbol, Window(hour.start, newest_end))
        flags = _flags(rows)
        firsts = first_values(rows)
        if valued := _valued(flags):
            self.freshest[symbol] = max(valued)
        elif symbol not in self.freshest:
            day = Window(newest_end - DAY, hour.start)
            self.freshest[symbol] = max(
                _valued(_flags(store.minute_rows.causes(symbol, day))), default=None
            )
        accounted = [minute for minute, flag in flags.items() if flag != Flag.INGEST_GAP]
        counted = {minute: flag for minute, flag in flags.items() if minute in hour}
        begun = [floor_minute(mark.stored_from)] if mark.stored_from else []
        # Nothing is missing from before the symbol was first fetched.
        first = max(hour.start, min([*begun, *counted], default=hour.end))
        silent = sum(1 for flag in counted.values() if flag in WITHOUT_MARKET)
        ends = [end for end in (mark.stored_until, mark.averaged_until) if end]
        return SymbolFacts(
            symbol=symbol,
            freshest_minute=self.freshest[symbol],
            accounted_until=max(accounted) + MINUTE if accounted else None,
            done_until=min(ends) if len(ends) == 2 else None,  # noqa: PLR2004 - both of them
            wanted_minutes=max(0, (hour.end - first) // MINUTE - silent),
            valued_minutes=len(_valued(counted)),
            publish_delay_ms=firsts.delays_ms[max(firsts.delays_ms)] if firsts.delays_ms else None,
            gap_first_count=first_values(
                row for row in rows if from_ms(row.minute_ms) in hour
            ).gap_first_count,
            revision_count=sum(
                1 for row in rows if row.revision > 1 and from_ms(row.minute_ms) in hour
            ),
        )


def _flags(rows: Iterable[CauseRow]) -> dict[datetime, str]:
    """Return the flag of each minute's latest revision."""
    return {from_ms(row.minute_ms): row.flag for row in rows}


def _valued(flags: dict[datetime, str]) -> list[datetime]:
    return [minute for minute, flag in flags.items() if flag in VALUED_FLAGS]
