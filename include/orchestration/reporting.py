"""The bodies of the tasks of report_prices."""

from datetime import UTC, datetime, timedelta

from upath import UPath

from include.marketdata.binance import describe_source
from include.marketdata.exports import minute_prices, write_whole
from include.marketdata.publication_gate import check_mart
from include.marketdata.reports import SPAN, render_report
from include.marketdata.windows import MINUTE, Window, floor_minute
from include.orchestration import mart
from include.orchestration.checks import open_checkpoints
from include.orchestration.connections import (
    binance_settings,
    open_store,
    storage_url,
    symbols,
)
from include.orchestration.failures import no_retry_in_vain

# So that a whole day is left to show when the last minutes are published late.
SLACK = timedelta(hours=1)


def refresh_mart() -> list[str]:
    """Bring what was published since the mart's watermark into the mart.

    Raises:
        AirflowFailException: The mart's minutes fail their suite: nothing is exported, old files
            stay.

    Returns:
        The UTC days with news, YYYY-MM-DD.
    """
    with no_retry_in_vain():
        mart.create_tables()
        changed = open_store().minute_prices.changed(symbols(), mart.watermark())
        days = mart.refresh(changed)
        if changed:
            minutes = [price.average.minute for price in changed]
            window = Window(min(minutes), max(minutes) + MINUTE)
            checkpoints = open_checkpoints()
            check_mart(checkpoints, mart.minutes_in(window), window, datetime.now(UTC))
        return days


def publish_report(days: list[str]) -> None:
    """Write the files of the days with news and the report, then move the watermark."""
    with no_retry_in_vain():
        folder = UPath(storage_url())
        mart.export_days(days, folder / "exports" / "minute_prices")
        generated_at = datetime.now(UTC)
        shown = Window(floor_minute(generated_at - SPAN - SLACK), floor_minute(generated_at))
        page = render_report(
            symbols(),
            minute_prices(mart.minutes_in(shown)),
            generated_at,
            describe_source(binance_settings().base_urls[0]),
        )
        write_whole(folder / "reports" / "latest.html", page.encode())
        mart.advance_watermark()
