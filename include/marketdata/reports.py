"""The report: one self-contained HTML page on the last day of published minutes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from include.marketdata.charts import (
    HEIGHT,
    NOT_PUBLISHED,
    PriceChart,
    Run,
    draw_causes,
    draw_prices,
    time_ticks,
)
from include.marketdata.prices import Flag, MinutePrice
from include.marketdata.windows import MINUTE, Window, floor_minute

SPAN = timedelta(days=1)
HOUR = timedelta(hours=1)
TABLE_MINUTES = 30
CAUSES = (*(flag.value for flag in Flag), NOT_PUBLISHED)
DAY_MINUTES = SPAN // MINUTE


@dataclass(frozen=True)
class SymbolFigures:
    """What the report says of one symbol.

    Attributes:
        symbol: Binance's pair id, upper case.
        latest: The last minute with a value; None when there is none.
        hour_change_ratio: Latest vwap / vwap exactly one hour earlier - 1; None when one of
            the two minutes has no value.
        window: The minutes expected: from the symbol's first one in the day reported, to its end.
        vwap: Sum of quote volume / sum of volume over the window; None without a value.
        causes: Number of minutes by flag, absent ones as NOT_PUBLISHED; adds up to the window.
        valued_count: Minutes with a value.
        coverage: Minutes with a value / minutes expected, 0 to 1.
        reconciled_count: Minutes on which our seconds and the exchange's minute agree.
        revised_count: Minutes published more than once.
        delay_seconds: Median time from a minute's end to its first publication, over the
            minutes never revised; None without one.
        chart: The prices; None without a value.
        runs: The causes along the time axis.
        last_minutes: The last minutes with a row, newest first.
    """

    symbol: str
    latest: MinutePrice | None
    hour_change_ratio: Decimal | None
    window: Window
    vwap: Decimal | None
    causes: Counter[str]
    valued_count: int
    coverage: Decimal
    reconciled_count: int
    revised_count: int
    delay_seconds: Decimal | None
    chart: PriceChart | None
    runs: list[Run]
    last_minutes: list[MinutePrice]


def report_window(prices: Iterable[MinutePrice], generated_at: datetime) -> Window:
    """Return what a report is about: at most a day, up to the last minute published.

    Without any price it is the empty window at the moment of the report.
    """
    minutes = [price.average.minute for price in prices]
    if not minutes:
        return Window(floor_minute(generated_at), floor_minute(generated_at))
    end = max(minutes) + MINUTE
    return Window(max(end - SPAN, min(minutes)), end)


def figures_of(symbol: str, prices: Iterable[MinutePrice], axis: Window) -> SymbolFigures:
    """Work out what the report says of one symbol.

    Args:
        symbol: Binance's pair id, upper case.
        prices: One revision a minute of any symbols, in any order.
        axis: The span that the report shows.
    """
    own = sorted(
        (p for p in prices if p.average.symbol == symbol and p.average.minute in axis),
        key=lambda price: price.average.minute,
    )
    window = Window(own[0].average.minute if own else axis.end, axis.end)
    valued = [price for price in own if price.average.vwap is not None]
    causes = Counter(price.average.flag.value for price in own)
    causes[NOT_PUBLISHED] = window.minute_count - len(own)
    return SymbolFigures(
        symbol=symbol,
        latest=valued[-1] if valued else None,
        hour_change_ratio=_hour_change(valued),
        window=window,
        vwap=_vwap(valued),
        causes=causes,
        valued_count=len(valued),
        coverage=Decimal(len(valued)) / (window.minute_count or 1),
        reconciled_count=sum(price.average.is_reconciled is True for price in own),
        revised_count=sum(price.revision > 1 for price in own),
        delay_seconds=_median_delay(own),
        chart=draw_prices(own, axis),
        runs=draw_causes(own, axis),
        last_minutes=own[: -TABLE_MINUTES - 1 : -1],
    )


def render_report(
    symbols: Sequence[str], prices: Sequence[MinutePrice], generated_at: datetime, source: str
) -> str:
    """Render the page: no script, no outside file, light and dark, screen and paper.

    Args:
        symbols: Those to show, in this order; one without a price says so.
        prices: The latest revision of each minute, in any order; a day of them is shown.
        generated_at: When the report is made, aware UTC.
        source: Where the prices come from, in words.
    """
    window = report_window(prices, generated_at)
    return _template().render(
        figures=[figures_of(symbol, prices, window) for symbol in symbols],
        window=window,
        generated_at=generated_at,
        source=source,
        causes=CAUSES,
        time_ticks=time_ticks(window),
        height=HEIGHT,
        day_minutes=DAY_MINUTES,
    )


def shown_price(value: Decimal) -> str:
    """Return a price rounded for reading: two decimals from 100 up, else six digits."""
    if value == 0:
        return "0"
    decimals = max(2, 5 - value.adjusted())
    return f"{value:,.{2 if value.adjusted() > 1 else decimals}f}"


def _hour_change(valued: Sequence[MinutePrice]) -> Decimal | None:
    vwaps = {price.average.minute: price.average.vwap for price in valued}
    latest = max(vwaps, default=None)
    if latest is None:
        return None
    now, before = vwaps[latest], vwaps.get(latest - HOUR)
    return now / before - 1 if now and before else None


def _vwap(valued: Sequence[MinutePrice]) -> Decimal | None:
    volume = sum((price.average.volume or Decimal(0) for price in valued), Decimal(0))
    turnover = sum((price.average.quote_volume or Decimal(0) for price in valued), Decimal(0))
    return turnover / volume if volume else None


def _median_delay(prices: Sequence[MinutePrice]) -> Decimal | None:
    delays = sorted(
        price.known_at - price.average.minute - MINUTE for price in prices if price.revision == 1
    )
    if not delays:
        return None
    return Decimal(delays[len(delays) // 2] // timedelta(milliseconds=1)) / 1000


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("include.marketdata", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["price"] = shown_price
    return environment.get_template("report.html.j2")
