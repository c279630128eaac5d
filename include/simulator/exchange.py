"""The simulated exchange: what is listed, with its trades and klines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from include.simulator import errors
from include.simulator.klines import KlineHistory
from include.simulator.markets import MARKETS, Market
from include.simulator.spans import SpanSums
from include.simulator.tapes import Tape


@dataclass(frozen=True)
class Listing:
    """A symbol that trades: its grid, its trades, and the klines and sums made of them."""

    market: Market
    tape: Tape
    klines: KlineHistory
    sums: SpanSums


@dataclass(frozen=True)
class Exchange:
    """Everything that an answer depends on beside the request and the clock.

    Attributes:
        listings: What is traded, by symbol.
        weight_limit: Request weight a client address may use in a clock minute.
    """

    listings: dict[str, Listing]
    weight_limit: int

    def listing(self, symbol: str) -> Listing:
        """Return what is known of a symbol.

        Raises:
            ApiError: If it is not listed.
        """
        if symbol not in self.listings:
            raise errors.invalid_symbol()
        return self.listings[symbol]


def open_exchange(symbols: Iterable[str], seed: int, weight_limit: int) -> Exchange:
    """Load or generate the tapes of symbols.

    Args:
        symbols: What to list; keys of MARKETS.
        seed: Chooses the history of the generated ones.
        weight_limit: Request weight a client address may use in a clock minute.
    """
    listings = {}
    for symbol in symbols:
        tape = MARKETS[symbol].tape(seed)
        listings[symbol] = Listing(MARKETS[symbol], tape, KlineHistory(tape), SpanSums(tape))
    return Exchange(listings, weight_limit)
