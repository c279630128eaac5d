"""The symbols the simulator lists, and where the trades of each come from."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from include.simulator.tapes.generated import generated_tape
from include.simulator.tapes.recorded import TAPE_FOLDER, recorded_tape
from include.simulator.tapes.tapes import ONE_E8, Tape

QUOTE_ASSET = "USDT"
# Of symbols that only a tape names; the longest that fits is taken.
QUOTE_ASSETS = ("FDUSD", "USDT", "USDC", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY")


@dataclass(frozen=True)
class Market:
    """One symbol and its grid.

    Attributes:
        base_asset: What is bought and sold, like BTC.
        tick_size: Smallest step of a price, quote asset per base asset.
        step_size: Smallest step of a quantity, base asset.
        recording: File of recorded trades; None where they are generated.
        typical_price: Where generated prices move about, USDT per base asset.
        quote_asset: What is paid.
    """

    base_asset: str
    tick_size: Decimal
    step_size: Decimal
    recording: str | None = None
    typical_price: Decimal = Decimal(0)
    quote_asset: str = QUOTE_ASSET

    @property
    def symbol(self) -> str:
        """The exchange's pair id, like BTCUSDT."""
        return self.base_asset + self.quote_asset

    def tape(self, seed: int) -> Tape:
        """Return the trades of this symbol; the seed chooses among generated ones."""
        if self.recording:
            return recorded_tape(TAPE_FOLDER / self.recording)
        return generated_tape(
            self.symbol,
            seed,
            typical_price_e8=int(self.typical_price * ONE_E8),
            tick_e8=int(self.tick_size * ONE_E8),
            step_e8=int(self.step_size * ONE_E8),
        )


def _recorded(base_asset: str, tick: str, step: str, recording: str) -> Market:
    return Market(base_asset, Decimal(tick), Decimal(step), recording=recording)


def _generated(base_asset: str, tick: str, step: str, typical_price: str) -> Market:
    return Market(base_asset, Decimal(tick), Decimal(step), typical_price=Decimal(typical_price))


MARKETS = {
    market.symbol: market
    for market in (
        _recorded("BTC", "0.01", "0.00001", "BTCUSDT_trades_20240808_2354_20240809_0005.csv.gz"),
        _recorded("ETH", "0.01", "0.0001", "ETHUSDT_trades_20240808_2354_20240809_0005.csv.gz"),
        _recorded("SOL", "0.01", "0.001", "SOLUSDT_trades_20250325_2307_2310.csv.gz"),
        _generated("BNB", "0.01", "0.001", "520"),
        _generated("XRP", "0.0001", "0.1", "0.61"),
        _generated("ADA", "0.0001", "0.1", "0.35"),
        _generated("DOGE", "0.00001", "1", "0.105"),
        _generated("TRX", "0.0001", "0.1", "0.127"),
        _generated("AVAX", "0.01", "0.01", "22.5"),
        _generated("LINK", "0.01", "0.01", "10.4"),
        _generated("DOT", "0.001", "0.01", "4.55"),
        _generated("LTC", "0.01", "0.001", "61.2"),
        _generated("BCH", "0.1", "0.001", "341"),
        _generated("UNI", "0.001", "0.01", "6.1"),
        _generated("ATOM", "0.001", "0.01", "4.6"),
        _generated("ETC", "0.01", "0.01", "18.7"),
        _generated("XLM", "0.0001", "1", "0.099"),
        _generated("FIL", "0.001", "0.01", "3.6"),
        _generated("NEAR", "0.001", "0.1", "3.9"),
        _generated("AAVE", "0.01", "0.001", "96.5"),
        # Listed in 2025: a symbol need not be ASCII.
        _generated("币安人生", "0.0001", "0.1", "0.15"),
    )
}


MOST_MADE_UP = 999


def made_up_markets(count: int) -> list[Market]:
    """Return markets that no exchange lists, M001USDT and on, with prices of all sizes.

    Args:
        count: How many, at most MOST_MADE_UP.
    """
    if not 0 <= count <= MOST_MADE_UP:
        raise ValueError(f"{count} made-up symbols; there are 0 to {MOST_MADE_UP}")
    return [_made_up(number) for number in range(1, count + 1)]


def _made_up(number: int) -> Market:
    # From thousandths to ten thousands of USDT, of five digits before the tick.
    exponent = number % 8 - 3
    return Market(
        f"M{number:03}",
        tick_size=Decimal(1).scaleb(exponent - 4),
        step_size=Decimal(1).scaleb(min(0, -exponent - 1)),
        typical_price=Decimal(1 + number % 9).scaleb(exponent),
    )


def market_of(symbol: str, tick_e8: int, step_e8: int) -> Market:
    """Return the market of a symbol: the listed one, or what its name and its tape tell.

    Args:
        symbol: The exchange's pair id.
        tick_e8: Smallest step seen of a price, in 1e-8.
        step_e8: Smallest step seen of a quantity, in 1e-8.
    """
    if symbol in MARKETS:
        return MARKETS[symbol]
    known = [name for name in QUOTE_ASSETS if symbol.endswith(name) and symbol != name]
    quote_asset = max(known, key=len, default=symbol[-3:])
    return Market(
        base_asset=symbol.removesuffix(quote_asset),
        tick_size=Decimal(tick_e8) / ONE_E8,
        step_size=Decimal(step_e8) / ONE_E8,
        quote_asset=quote_asset,
    )
