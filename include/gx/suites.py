"""The expectation suites by name."""

from enum import StrEnum

from great_expectations.core import ExpectationSuite

from include.gx.kline_suites import kline_suite
from include.gx.levels import REQUESTED, ROW
from include.gx.minute_suites import minute_price_suite, report_mart_suite


class Suite(StrEnum):
    """A suite, by its name in Data Docs."""

    SECOND_PRICES = "second_prices"
    EXCHANGE_MINUTES = "exchange_minutes"
    MINUTE_PRICES = "minute_prices"
    REPORT_MART = "report_mart"


# The columns that identify a row in a result.
ROW_NAMES = {
    Suite.SECOND_PRICES: (REQUESTED, ROW),
    Suite.EXCHANGE_MINUTES: (REQUESTED, ROW),
    Suite.MINUTE_PRICES: (ROW,),
    Suite.REPORT_MART: (ROW,),
}


OPEN_TIME_MS = "open_time_ms"
# The column with a row's time: of minutes it is ISO 8601.
ROW_TIMES = {
    Suite.SECOND_PRICES: OPEN_TIME_MS,
    Suite.EXCHANGE_MINUTES: OPEN_TIME_MS,
    Suite.MINUTE_PRICES: "minute",
    Suite.REPORT_MART: "minute",
}


def make_suite(suite: Suite) -> ExpectationSuite:
    """Create the expectations of a suite."""
    match suite:
        case Suite.SECOND_PRICES | Suite.EXCHANGE_MINUTES:
            return kline_suite(suite.value, has_minutes=suite is Suite.SECOND_PRICES)
        case Suite.MINUTE_PRICES:
            return minute_price_suite(suite.value)
        case Suite.REPORT_MART:
            return report_mart_suite(suite.value)
