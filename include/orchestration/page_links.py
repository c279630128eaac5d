"""Addresses of the pages, for logs and results of tasks."""

from datetime import date, timedelta
from urllib.parse import urlencode

from airflow.sdk.configuration import conf

from include.records.windows import DAY

# The most that the page Prices shows at a time.
LONGEST_SHOWN = timedelta(days=7)


def days_on_prices(symbol: str, first: date, last: date) -> str:
    """Return the address of a symbol's UTC days on the page Prices.

    Args:
        symbol: Binance's pair id.
        first: The first day; of more days than the page shows, the last ones are shown.
        last: The last day, inclusive.

    Returns:
        Absolute where Airflow's setting `api.base_url` says what with, else only the path.
    """
    first = max(first, last + DAY - LONGEST_SHOWN)
    span = {"from": f"{first}T00:00Z", "to": f"{last + DAY}T00:00Z"}
    base: str = conf.get("api", "base_url", fallback="") or ""
    return f"{base.rstrip('/')}/prices/?{urlencode({'symbol': symbol} | span, safe=':')}"
