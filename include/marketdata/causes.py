"""Why a symbol has no data in a minute that was fetched: its halt, or the exchange's outage.

Told from what the exchange said of the symbol's trading and from the data of other symbols
(docs/method.md, levels 5 to 7).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from include.marketdata.prices import Flag
from include.marketdata.store import Store
from include.marketdata.windows import MINUTE, Window, windows_of

TRADING = "TRADING"
A_DAY = timedelta(days=1)


def causes(
    store: Store, symbols: Sequence[str], symbol: str, minutes: Collection[datetime]
) -> dict[datetime, Flag]:
    """Return what explains minutes without a trade of a symbol.

    Where no other symbol has a row either, the exchange had an outage, whatever it says of the
    symbol: in maintenance it says BREAK of all. Else the symbol was halted where the exchange
    last said before the minute's end, or first said after it, that it does not trade.

    Args:
        store: Holds the prices of all symbols.
        symbols: All that are fetched; one alone never shows an outage.
        symbol: Whose minutes.
        minutes: Fetched, and without a trade.

    Returns:
        EXCHANGE_OUTAGE or HALTED by minute; nothing for a minute that neither explains.
    """
    silent = _without_rows(store, [name for name in symbols if name != symbol], minutes)
    said = _statuses(store, symbol, minutes)
    explained: dict[datetime, Flag] = {}
    for minute in minutes:
        if minute in silent and not _has_row(store, symbol, minute):
            explained[minute] = Flag.EXCHANGE_OUTAGE
        elif not _is_trading(said, minute + MINUTE):
            explained[minute] = Flag.HALTED
    return explained


def _without_rows(
    store: Store, others: Sequence[str], minutes: Collection[datetime]
) -> set[datetime]:
    """Return the minutes in which every other symbol was fetched and none has a row."""
    silent = set(minutes) if others else set()
    for other in others:
        silent = _fetched(store, other, silent)
        for window in windows_of(silent):
            silent -= {held.start for held in store.exchange_minutes.between(other, window)}
            silent -= _published_with_rows(store, other, window)
        silent = {minute for minute in silent if not _has_second(store, other, minute)}
    return silent


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


def _statuses(store: Store, symbol: str, minutes: Iterable[datetime]) -> list[tuple[datetime, str]]:
    days = {minute.date() + step for minute in minutes for step in (-A_DAY, 0 * A_DAY, A_DAY)}
    return [said for day in sorted(days) for said in store.statuses(symbol, day)]


def _is_trading(said: Sequence[tuple[datetime, str]], end: datetime) -> bool:
    """Tell whether the exchange said TRADING last before a minute's end and first after it."""
    before = [status for moment, status in said if moment < end]
    after = [status for moment, status in said if moment >= end]
    return set(before[-1:] + after[:1]) <= {TRADING}
