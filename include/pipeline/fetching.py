"""Plan what to request from the exchange, and fetch it as a batch."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from include.exchange.client import AVERAGE_WEIGHT, KLINES_WEIGHT, BinanceClient
from include.exchange.replies import RejectedRequestError
from include.exchange.request_budget import Leave, RequestBudget
from include.pipeline.settling import lagging, seconds_of
from include.records.batches import Batch
from include.records.errors import (
    InvalidAnswerError,
    MarketDataError,
    RetryableError,
    UnknownSymbolError,
    UnreadableSymbolError,
)
from include.records.klines import OPEN_TIME, Interval, RawRow, deduplicate, in_milliseconds
from include.records.prices import SymbolInfo
from include.records.windows import LEAD, MINUTE, Window, nearest_end, plan_window, to_ms
from include.store.store import Store

# A kline that has just closed may still change for a moment: Binance's own stream was seen to
# close a minute 1.8 s late, and its REST answers come from a slower replica. By then it does not.
SETTLE = timedelta(seconds=5)
# When a minute's rows are requested, after its end: again only while they show that it has not
# settled, and only what lags. Four requests have a weight of 8; the five-minute price is the third
# where nothing lags: those three are reserved at once.
LOOKS = (timedelta(seconds=1.5), timedelta(seconds=3), SETTLE)
# Until then a server's rows may add up, and all of them lack the minute's last trades.
LONGEST_LAG = timedelta(seconds=3)
MOST_REQUESTS = 4
USUAL_WEIGHT = 2 * KLINES_WEIGHT + AVERAGE_WEIGHT
# How far before the window to request rows again: what changed late is found.
OVERLAP = timedelta(minutes=5)
OVERLAP_OF_MINUTES = timedelta(minutes=15)
FIRST_LOOK_BACK = timedelta(minutes=15)
LONGEST_WINDOW = timedelta(minutes=60)
# Of all symbols together, what one run fetches, so that a busy machine, too, validates them within
# the task's time limit. A hundred symbols have as many each minute, with their overlap.
MOST_SYMBOL_MINUTES = 600
# Of each symbol, however many there are: two new minutes where it is behind, or it would stay so,
# and one of overlap, in case the last one stored had not settled.
LEAST_BACKLOG = 2 * MINUTE
LEAST_OVERLAP = MINUTE
SYMBOL_INFO_AGE = timedelta(minutes=10)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FetchPlan:
    """The request of one mapped fetch.

    Attributes:
        symbol: As the settings name it.
        window: New minutes, from the watermark to the one that closes now.
        tick_size: Smallest step of a price; None when the exchange does not list the symbol.
        clock_offset: The exchange's clock minus ours.
        unreadable: What is wrong with the symbol's entry in exchangeInfo; empty where nothing is.
        overlap: How far before the window its seconds are requested again.
    """

    symbol: str
    window: Window
    tick_size: Decimal | None
    clock_offset: timedelta
    unreadable: str = ""
    overlap: timedelta = OVERLAP


def plan_fetches(
    store: Store,
    client: BinanceClient,
    symbols: Sequence[str],
    clock: Callable[[], datetime],
    lead: timedelta = LEAD,
) -> list[FetchPlan]:
    """Plan one fetch per symbol, from its watermark to the minute that closes now.

    By the exchange's clock. A minute that is not over yet is planned when it ends within the lead:
    its fetch waits for it. A run that is behind takes no more than it can finish, the oldest
    minutes first, and does with less overlap before it does with fewer minutes.

    Args:
        store: Holds the watermarks.
        client: Of the exchange.
        symbols: As the settings name them.
        clock: Ours, aware UTC.
        lead: How long before its end a minute is taken up, less than one.

    Returns:
        A plan for each symbol, in order; also for one that the exchange does not list, or whose
        entry cannot be read, so that its fetch can report it without stopping the others.
    """
    offset = client.clock_offset()
    server_now = clock() + offset
    infos = known_symbols(store, client, symbols, server_now)
    most = MOST_SYMBOL_MINUTES // max(1, len(symbols)) * MINUTE
    longest = max(LEAST_BACKLOG, most - LEAST_OVERLAP)
    plans = []
    for symbol, mark in store.watermarks(symbols).items():
        info = infos.get(symbol)
        window = plan_window(
            mark.stored_until,
            nearest_end(server_now, lead),
            overlap=timedelta(0),
            first_look_back=min(FIRST_LOOK_BACK, longest),
            longest=min(LONGEST_WINDOW, longest),
        )
        plans.append(
            FetchPlan(
                symbol=symbol,
                window=window,
                tick_size=info.tick_size if isinstance(info, SymbolInfo) else None,
                clock_offset=offset,
                unreadable=info.reason if isinstance(info, UnreadableSymbolError) else "",
                overlap=min(OVERLAP, max(LEAST_OVERLAP, most - window.minute_count * MINUTE)),
            )
        )
    return plans


def known_symbols(
    store: Store, client: BinanceClient, symbols: Sequence[str], now: datetime
) -> dict[str, SymbolInfo | UnreadableSymbolError]:
    """Return the entries of symbols, requesting missing and stale ones from the exchange.

    While the exchange does not answer, or not readably, its previous entries remain valid; a
    symbol without one gets an error.

    Raises:
        MarketDataError: It does not answer, and no symbol has a previous entry.
    """
    known = store.symbol_infos(symbols)
    ask_for = [
        symbol
        for symbol in symbols
        if symbol not in known or now - known[symbol].checked_at > SYMBOL_INFO_AGE
    ]
    if not ask_for:
        return {**known}
    try:
        fresh = client.symbol_infos(ask_for)
    except (RetryableError, InvalidAnswerError, RejectedRequestError) as error:
        if not known:
            raise
        log.warning("using the exchange's previous symbol information: %s", error)
        never = [symbol for symbol in symbols if symbol not in known]
        return known | {symbol: UnreadableSymbolError(symbol, str(error)) for symbol in never}
    for said in fresh.values():
        if isinstance(said, SymbolInfo):
            store.remember_symbol(said)
    return fresh | {symbol: info for symbol, info in known.items() if symbol not in ask_for}


def usual_leaves(
    budget: RequestBudget, plans: Sequence[FetchPlan], clock: Callable[[], datetime]
) -> dict[str, Leave]:
    """Reserve what fetches usually take in one step, before their minute ends.

    Returns:
        By symbol; nothing for one that the exchange does not list, nor for any where the minute
        has no room for all.
    """
    moments = {
        plan.symbol: max(clock() + plan.clock_offset, plan.window.end + LOOKS[0])
        for plan in plans
        if plan.tick_size is not None
    }
    if not moments:
        return {}
    leaves = budget.reserve_several(USUAL_WEIGHT, len(moments), max(moments.values()))
    return dict(zip(moments, leaves, strict=False))


def fetch_batch(
    client: BinanceClient,
    plan: FetchPlan,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
) -> Batch:
    """Fetch one symbol's seconds and minutes, once its last minute has settled.

    Raises:
        UnknownSymbolError: The exchange does not list the symbol; nothing was requested.
        UnreadableSymbolError: Its entry for the symbol cannot be read; nothing was requested.
        RetryableError: The exchange does not answer, or asks for a pause longer than the
            client's patience; the next run requests the same window.
    """
    if plan.unreadable:
        raise UnreadableSymbolError(plan.symbol, plan.unreadable)
    if plan.tick_size is None:
        raise UnknownSymbolError(plan.symbol)
    rows, look_count, fetch_ms = _settled_rows(client, plan, clock, sleep)
    # For the weight that further looks, or pages of an outage, have not taken.
    is_light = look_count == 1 and seconds_of(rows, plan.window.end - MINUTE)
    five_minute_price = _five_minute_price(client, plan, clock) if is_light else None
    return Batch(
        symbol=plan.symbol,
        window=plan.window,
        fetched_at=clock() + plan.clock_offset,
        rows=rows,
        spans=_spans(plan),
        tick_size=plan.tick_size,
        used_weight=client.transport.used_weight,
        fetch_ms=fetch_ms,
        five_minute_price=five_minute_price,
        source=client.transport.source,
    )


def _spans(plan: FetchPlan) -> dict[Interval, Window]:
    return {
        Interval.SECOND: Window(plan.window.start - plan.overlap, plan.window.end),
        Interval.MINUTE: Window(plan.window.start - OVERLAP_OF_MINUTES, plan.window.end),
    }


def _settled_rows(
    client: BinanceClient,
    plan: FetchPlan,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> tuple[dict[Interval, list[RawRow]], int, int]:
    """Fetch the rows of a plan until its last minute has settled.

    Returns:
        The rows, how many times they were requested, and the time that took in ms.

    Raises:
        RetryableError: The exchange did not answer the first time; later, what it had answered
            before counts.
    """
    rows: dict[Interval, list[RawRow]] = {}
    is_passed: dict[Interval, bool] = {}
    lags = [*Interval]
    fetch_ms, count, requests = 0.0, 0, 0
    for count, after in enumerate(LOOKS, 1):
        looks_at = plan.window.end + after - plan.clock_offset
        wait_seconds = max(0.0, (looks_at - clock()).total_seconds())
        if count == 1:
            client.transport.reserve(USUAL_WEIGHT, wait_seconds)
        sleep(wait_seconds)
        client.transport.restart_patience()
        started = time.monotonic()
        try:
            for interval in lags:
                rows[interval], is_passed[interval] = _rows(client, plan, interval)
        except MarketDataError as error:
            if count == 1:
                raise
            log.warning("%s %s: not requested again: %s", plan.symbol, plan.window, error)
            break
        finally:
            fetch_ms += (time.monotonic() - started) * 1000
        requests += len(lags)
        lags = lagging(rows, plan.window.end - MINUTE)
        age = clock() + plan.clock_offset - plan.window.end
        if not lags and not is_passed[Interval.SECOND] and age < LONGEST_LAG:
            lags = [Interval.SECOND]
        if not lags or age >= SETTLE or requests + len(lags) > MOST_REQUESTS:
            break
    return rows, count, round(fetch_ms)


def _rows(client: BinanceClient, plan: FetchPlan, interval: Interval) -> tuple[list[RawRow], bool]:
    """Fetch the rows of a plan; tell also whether the exchange knows what came after them.

    It answers with the row that is running, too: where one opens at the window's end or later,
    nothing of the window is still missing.
    """
    span = _spans(plan)[interval]
    asked = Window(span.start, span.end + MINUTE)
    page = client.klines(plan.symbol, interval, asked, open_end=2 * MINUTE)
    rows = deduplicate(in_milliseconds(page))
    later = range(to_ms(span.end), to_ms(asked.end))
    inside = [row for row in rows if row[OPEN_TIME] not in later]
    return inside, len(inside) < len(rows)


def _five_minute_price(
    client: BinanceClient, plan: FetchPlan, clock: Callable[[], datetime]
) -> Decimal | None:
    """Fetch the price to check the last minutes against; a failure must not lose the batch."""
    if clock() + plan.clock_offset >= plan.window.end + MINUTE:
        return None
    try:
        return client.five_minute_price(plan.symbol, plan.window.end - MINUTE)
    except MarketDataError as error:
        log.warning(
            "%s %s: no five-minute price to check against: %s", plan.symbol, plan.window, error
        )
        return None
