"""Why a symbol has no data in a minute that was fetched: its halt, or the exchange's outage.

Told from what the exchange said of the symbol's trading and from the data of other symbols
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
    """Return what explains minutes without a trade of a symbol.

    What the exchange states of a symbol comes first: where its last word before the minute's end
    and its first one after it both are that the symbol does not trade, it was halted. Where one of
    them is, a halt began or ended in between, and the others are looked at first: it is an outage
    where none of them has a row either. Only those that the exchange calls trading bear witness to
    that: a halted one has no rows while the exchange runs.

    Args:
        store: Holds the prices of all symbols.
        symbols: All that are fetched; one alone never shows an outage.
        symbol: Whose minutes.
        minutes: Fetched, and without a trade.

    Returns:
        EXCHANGE_OUTAGE or HALTED by minute; nothing for a minute that neither explains.
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
    """What the exchange said of a symbol's trading beside minutes.

    Args:
        store: Holds what it said.
        symbol: Of which.
        minutes: Beside which.
    """

    def __init__(self, store: Store, symbol: str, minutes: Iterable[datetime]) -> None:
        days = {minute.date() + step for minute in minutes for step in (-DAY, 0 * DAY, DAY)}
        self._said = [each for day in sorted(days) for each in store.statuses(symbol, day)]

    def is_trading(self, minute: datetime) -> bool:
        """Tell whether no word beside a minute is another than TRADING."""
        return self._beside(minute) <= {TRADING}

    def is_halted(self, minute: datetime) -> bool:
        """Tell whether there is a word beside a minute, and each is another than TRADING."""
        beside = self._beside(minute)
        return bool(beside) and TRADING not in beside

    def _beside(self, minute: datetime) -> set[str]:
        """Return the last word before a minute's end and the first one after it."""
        end = minute + MINUTE
        before = [status for moment, status in self._said if moment < end]
        after = [status for moment, status in self._said if moment >= end]
        return {*before[-1:], *after[:1]}


def _without_rows(
    store: Store, others: Sequence[str], minutes: Collection[datetime]
) -> set[datetime]:
    """Return the minutes of which no other symbol has a row, and at least one should have.

    A symbol that was not fetched leaves it open: its rows may still come.
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
    """Return the minutes that were published from rows, which may have expired since."""
    return {
        price.average.minute
        for price in store.minute_prices.between(symbol, window)
        if price.average.volume is not None
    }


def _fetched(store: Store, symbol: str, minutes: Collection[datetime]) -> set[datetime]:
    """Return the minutes for which the exchange was asked: by the usual runs, or by a backfill."""
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
