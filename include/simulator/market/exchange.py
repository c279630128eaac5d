"""The simulated exchange: what is listed, with its trades and klines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from include.simulator.market.markets import MARKETS, Market, made_up_markets
from include.simulator.market.spans import SpanSums
from include.simulator.requests import errors
from include.simulator.tapes.klines import KlineHistory
from include.simulator.tapes.tapes import Tape

# The exchange does not tell its own number.
REQUESTS_UNTIL_BAN = 10
# Of its change log of 2026-04-02.
REQUESTS_LIMIT = 300_000


@dataclass(frozen=True)
class Listing:
    """A symbol that trades: its grid, its trades, and the klines and sums made of them."""

    market: Market
    tape: Tape
    klines: KlineHistory
    sums: SpanSums


@dataclass(frozen=True)
class Exchange:
    """Everything that an answer depends on, except the request and the clock.

    Attributes:
        listings: What is traded, by symbol.
        weight_limit: Request weight a client address may use in a clock minute.
        requests_until_ban: Refused requests of a clock minute before the next brings a ban.
        requests_limit: Requests of a client address in five minutes of the clock.
    """

    listings: dict[str, Listing]
    weight_limit: int
    requests_until_ban: int
    requests_limit: int = REQUESTS_LIMIT

    def listing(self, symbol: str) -> Listing:
        """Return what is known of a symbol.

        Raises:
            ApiError: If it is not listed.
        """
        if symbol not in self.listings:
            raise errors.invalid_symbol()
        return self.listings[symbol]


def open_exchange(
    symbols: Iterable[str],
    seed: int,
    weight_limit: int,
    requests_until_ban: int = REQUESTS_UNTIL_BAN,
    *,
    made_up_count: int = 0,
) -> Exchange:
    """Load or generate the tapes of symbols.

    Args:
        symbols: What to list; keys of MARKETS.
        seed: Chooses the history of the generated ones.
        weight_limit: Request weight a client address may use in a clock minute.
        requests_until_ban: Refused requests of a clock minute before the next brings a ban.
        made_up_count: How many made-up symbols to list as well.
    """
    listings = {}
    for market in [*(MARKETS[symbol] for symbol in symbols), *made_up_markets(made_up_count)]:
        tape = market.tape(seed)
        listings[market.symbol] = Listing(market, tape, KlineHistory(tape), SpanSums(tape))
    return Exchange(listings, weight_limit, requests_until_ban)
