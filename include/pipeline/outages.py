"""Find why a fetched minute of a symbol has no data: its halt, or the exchange's outage.

Derived from the trading statuses that the exchange stated and from the data of other symbols
(docs/method.md, levels 5 to 7).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from include.records.prices import Flag
from include.records.windows import DAY, MINUTE, Window, windows_of
from include.store.store import Store

TRADING = "TRADING"


def find_causes(
    store: Store, symbols: Sequence[str], symbol: str, minutes: Collection[datetime]
) -> dict[datetime, Flag]:
    """Find the cause of a symbol's minutes without a trade: a halt or an outage.

    The exchange's stated status comes first: if both its last status before the minute's end and
    its first one after it are other than TRADING, the symbol was halted. If only one of them is, a
    halt began or ended in between, and the other symbols are checked first: it is an outage if
    none of them has a row either. Only symbols with status TRADING count as evidence for that: a
    halted one has no rows while the exchange runs.

    Args:
        store: Holds the prices of all symbols.
        symbols: All fetched symbols; a single one never shows an outage.
        symbol: Whose minutes.
        minutes: Fetched, and without a trade.

    Returns:
        EXCHANGE_OUTAGE or HALTED by minute; no entry for a minute that neither explains.
    """
    said = _TradingStatus(store, symbol, minutes)
    unsaid = [minute for minute in minutes if not said.is_halted(minute)]
    silent = _without_rows(store, [name for name in symbols if name != symbol], unsaid)
    explained: dict[datetime, Flag] = {}
    for minute in minutes:
        if minute in silent and not _has_row(store, symbol, minute):
            explained[minute] = Flag.EXCHANGE_OUTAGE
        elif not said.is_trading(minute):
            explained[minute] = Flag.HALTED
    return explained


class _TradingStatus:
    """A symbol's trading statuses around given minutes.

    Args:
        store: Holds the statuses.
        symbol: Whose statuses.
        minutes: The minutes around which to look.
    """

    def __init__(self, store: Store, symbol: str, minutes: Iterable[datetime]) -> None:
        days = {minute.date() + step for minute in minutes for step in (-DAY, 0 * DAY, DAY)}
        self._said = [each for day in sorted(days) for each in store.statuses(symbol, day)]

    def is_trading(self, minute: datetime) -> bool:
        """Tell whether no status next to a minute is other than TRADING."""
        return self._beside(minute) <= {TRADING}

    def is_halted(self, minute: datetime) -> bool:
        """Tell whether there is a status next to a minute, and each one is other than TRADING."""
        beside = self._beside(minute)
        return bool(beside) and TRADING not in beside

    def _beside(self, minute: datetime) -> set[str]:
        """Return the last status before a minute's end and the first one after it."""
        end = minute + MINUTE
        before = [status for moment, status in self._said if moment < end]
        after = [status for moment, status in self._said if moment >= end]
        return {*before[-1:], *after[:1]}


def _without_rows(
    store: Store, others: Sequence[str], minutes: Collection[datetime]
) -> set[datetime]:
    """Return the minutes without a row of any other symbol, where at least one should have one.

    A minute not yet fetched for some symbol is not returned: its rows may still come.
    """
    silent, witnessed = set(minutes), set[datetime]()
    for other in others:
        said = _TradingStatus(store, other, silent)
        halted = {minute for minute in silent if said.is_halted(minute)}
        fetched = _fetched(store, other, silent - halted)
        witnessed |= fetched
        silent = halted | fetched
        for window in windows_of(silent):
            silent -= {held.start for held in store.exchange_minutes.between(other, window)}
            silent -= _published_with_rows(store, other, window)
        silent = {minute for minute in silent if not _has_second(store, other, minute)}
    return silent & witnessed


def _published_with_rows(store: Store, symbol: str, window: Window) -> set[datetime]:
    """Return the minutes that were published from rows, even if the rows have expired since."""
    return {
        price.average.minute
        for price in store.minute_prices.between(symbol, window)
        if price.average.volume is not None
    }


def _fetched(store: Store, symbol: str, minutes: Collection[datetime]) -> set[datetime]:
    """Return the minutes that were fetched: by regular runs or by a backfill."""
    mark = store.watermark(symbol)
    by_runs = {
        minute
        for minute in minutes
        if mark.stored_until
        and minute + MINUTE <= mark.stored_until
        and (mark.stored_from is None or mark.stored_from <= minute)
    }
    days = sorted({minute.date() for minute in minutes if minute not in by_runs})
    whole = (
        {each.day for each in store.days.backfilled(symbol, days[0], days[-1])} if days else set()
    )
    return by_runs | {minute for minute in minutes if minute.date() in whole}


def _has_row(store: Store, symbol: str, minute: datetime) -> bool:
    (window,) = windows_of([minute])
    return bool(store.exchange_minutes.between(symbol, window)) or _has_second(
        store, symbol, minute
    )


def _has_second(store: Store, symbol: str, minute: datetime) -> bool:
    (window,) = windows_of([minute])
    return bool(store.second_prices.between(symbol, window))
