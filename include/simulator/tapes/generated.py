"""Tapes of generated trades: a function of seed, symbol and minute, each minute independent."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from random import Random

from include.simulator.tapes.tapes import MINUTE_MS, ONE_E8, IdCycle, Tape, Trade, aggregate

# Trade counts repeat after an hour, so that an id is known without counting from the epoch.
COUNT_CYCLE_MINUTES = 60
# About 60 trades leave about a third of the seconds without one.
FEWEST_TRADES, MOST_TRADES = 20, 100
LARGEST_TRADE_E8 = 2_000 * ONE_E8
# Waves the price is made of: (minutes between two nodes, largest swing in parts per million).
# Together they stay within 3 % of the typical price, so it is always positive.
PRICE_WAVES = ((1440, 20_000), (60, 6_000), (7, 1_500), (1, 300))
KEPT_MINUTES = 64


def generated_tape(
    symbol: str, seed: int, *, typical_price_e8: int, tick_e8: int, step_e8: int
) -> Tape:
    """Return the endless generated trades of a symbol.

    Args:
        symbol: The exchange's pair id; two symbols of one seed move apart.
        seed: Chooses the history; the same seed gives the same trades in every process.
        typical_price_e8: What the price moves about, in 1e-8 quote asset.
        tick_e8: Smallest step of a price, in 1e-8.
        step_e8: Smallest step of a quantity, in 1e-8.
    """
    name = f"{seed}:{symbol}"
    ids = IdCycle(
        first_id=1,
        counts=tuple(
            FEWEST_TRADES + _draw(f"{name}:count:{place}", MOST_TRADES - FEWEST_TRADES + 1)
            for place in range(COUNT_CYCLE_MINUTES)
        ),
    )
    typical_ticks = typical_price_e8 // tick_e8
    most_steps = max(LARGEST_TRADE_E8 * ONE_E8 // typical_price_e8 // step_e8, 1)

    @lru_cache(maxsize=KEPT_MINUTES)
    def trades_in(minute: int) -> tuple[Trade, ...]:
        rng = Random(f"{name}:{minute}")  # noqa: S311 - market data, not secrets
        first, last = (_ticks_at(name, typical_ticks, edge) for edge in (minute, minute + 1))
        count = ids.counts[minute % COUNT_CYCLE_MINUTES]
        trades = []
        # No two trades share a millisecond: each is an order of its own, and aggregate ids are
        # trade ids.
        for offset_ms in sorted(rng.sample(range(MINUTE_MS), count)):
            is_buyer_maker = rng.getrandbits(1) == 1
            ticks = first + (last - first) * offset_ms // MINUTE_MS + rng.randint(-1, 1)
            ticks += 0 if is_buyer_maker else 1
            # Squared: many small trades, few large ones.
            steps = 1 + rng.randrange(most_steps) ** 2 // most_steps
            trades.append(Trade(offset_ms, ticks * tick_e8, steps * step_e8, is_buyer_maker))
        return tuple(trades)

    return Tape(
        origin=f"generated (seed {seed})",
        source="GENERATED",
        trades_in=trades_in,
        agg_trades_in=lambda minute: aggregate(trades_in(minute)),
        trade_ids=ids,
        agg_trade_ids=ids,
        period_minutes=None,
    )


def _draw(name: str, sides: int) -> int:
    digest = blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % sides


def _ticks_at(name: str, typical_ticks: int, minute: int) -> int:
    """Return the price at the start of a minute: straight lines between random nodes, added up."""
    moved_ppm = 0
    for spacing, swing_ppm in PRICE_WAVES:
        node, into = divmod(minute, spacing)
        before, after = (
            _draw(f"{name}:{spacing}:{at}", 2 * swing_ppm + 1) - swing_ppm
            for at in (node, node + 1)
        )
        moved_ppm += before + (after - before) * into // spacing
    return typical_ticks * (1_000_000 + moved_ppm) // 1_000_000
