"""Listings of a folder of tapes: which files, on which minutes of the server's clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from include.simulator.market.exchange import Listing
from include.simulator.market.markets import market_of
from include.simulator.market.spans import SpanSums
from include.simulator.tapes.files import AGG_TRADES, KINDS, MINUTES, SECONDS, TRADES, tape_files
from include.simulator.tapes.klines import KlineHistory
from include.simulator.tapes.store import StoredTape, store_tape
from include.simulator.tapes.tapes import (
    IdCycle,
    IdRange,
    Tape,
    Trade,
    aggregate,
    as_aggregates,
    replay_of,
)

KEPT_MINUTES = 256
WORDS = {
    TRADES: "trades",
    AGG_TRADES: "aggregate trades",
    SECONDS: "one-second klines",
    MINUTES: "one-minute klines, split into made-up seconds that add up to them",
}


@dataclass(frozen=True)
class Placement:
    """When a tape is played.

    Attributes:
        starts_at: Epoch minute at which its first minute comes, once; None for its own time.
        loops: Whether it is played over and over instead: epoch minute k plays minute k modulo
            its length.
    """

    starts_at: int | None
    loops: bool


def tape_listings(folder: Path, work_folder: Path, placement: Placement) -> dict[str, Listing]:
    """Read a folder of tapes and return what is listed, by symbol.

    Args:
        folder: Holds files in Binance's archive formats.
        work_folder: Where the tapes are kept while they are played.
        placement: When they are played.

    Raises:
        TapeError: There is nothing to play, or a file is damaged.
    """
    listings = {}
    files = sorted(tape_files(folder), key=lambda file: (file.symbol, KINDS.index(file.kind)))
    for symbol, of_symbol in groupby(files, key=lambda file: file.symbol):
        # The finest kind alone: kinds that meet in one symbol would disagree at their seams.
        _, finest = next(groupby(of_symbol, key=lambda file: file.kind))
        stored = store_tape(list(finest), work_folder)
        tape = placed_tape(stored, placement)
        market = market_of(symbol, stored.tick_e8, stored.step_e8)
        listings[symbol] = Listing(market, tape, KlineHistory(tape), SpanSums(tape))
    return listings


def placed_tape(stored: StoredTape, placement: Placement) -> Tape:
    """Return a stored tape on the minutes of the server's clock."""
    length, has_agg = len(stored.covered), stored.kind in {TRADES, AGG_TRADES}
    first_minute = stored.first_minute if placement.starts_at is None else placement.starts_at

    def own_minute(minute: int) -> int:
        place = minute % length if placement.loops else minute - first_minute
        return stored.first_minute + place

    @lru_cache(maxsize=KEPT_MINUTES)
    def trades_in(minute: int) -> tuple[Trade, ...]:
        return stored.trades(own_minute(minute))

    def ids(counts: Sequence[int]) -> IdCycle | IdRange:
        if placement.loops:
            return IdCycle(stored.first_id, tuple(counts))
        return IdRange(stored.first_id, first_minute, tuple(counts))

    added_up = aggregate if stored.kind == TRADES else as_aggregates
    agg_counts = stored.aggregate_counts() if stored.kind == TRADES else stored.counts()
    tape = Tape(
        origin=_origin(stored, placement),
        source=replay_of(stored.first_minute, stored.end_minute),
        trades_in=trades_in,
        agg_trades_in=lambda minute: added_up(trades_in(minute)) if has_agg else (),
        trade_ids=ids(stored.trade_counts()),
        agg_trade_ids=ids(agg_counts),
        period_minutes=length if placement.loops else None,
        is_running=lambda minute: stored.covers(own_minute(minute)),
        has_trades=stored.kind == TRADES,
        has_agg_trades=has_agg,
    )
    if placement.loops:
        return tape
    return replace(tape, first_minute=first_minute, end_minute=first_minute + length)


def _origin(stored: StoredTape, placement: Placement) -> str:
    start, end = (
        datetime.fromtimestamp(minute * 60, tz=UTC)
        for minute in (stored.first_minute, stored.end_minute)
    )
    how = "in a loop" if placement.loops else "once"
    span = f"[{start:%Y-%m-%dT%H:%MZ}, {end:%Y-%m-%dT%H:%MZ})"
    return f"tape of {WORDS[stored.kind]}, {span}, played {how}"
