"""The expectation suites, each expectation with its reason."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite
from great_expectations.expectations.metadata_types import FailureSeverity

from include.gx.expectations import (
    ExpectCloseTimeToEndInterval,
    ExpectKlineToBeClosed,
    ExpectOpenTimeToBeOnGrid,
    ExpectPricesToBeInOrder,
    ExpectPricesToBeOnTickGrid,
    ExpectRowsToBeWellFormed,
    ExpectVolumesToAgree,
    ExpectVwapToBeWithinPrices,
)

KLINE_COLUMNS = [
    "open_time_ms",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time_ms",
    "quote_volume",
    "trade_count",
    "taker_volume",
    "taker_quote_volume",
]


def kline_suite(
    name: str, *, first_open_ms: int, end_ms: int, expected_rows: int
) -> ExpectationSuite:
    """Describe klines of one symbol and interval that may be stored.

    Args:
        name: second_prices or exchange_minutes.
        first_open_ms: Inclusive start of the span asked for, milliseconds since the epoch.
        end_ms: Exclusive end of that span.
        expected_rows: Rows that a running exchange returns for the span; fewer only warn,
            because an outage has no rows and a later fetch may bring them.
    """
    return ExpectationSuite(
        name=name,
        expectations=[
            ExpectRowsToBeWellFormed(
                column_list=KLINE_COLUMNS,
                notes="A price that is no plain decimal (empty, NaN, exponent, too many digits) "
                "cannot be averaged exactly.",
            ),
            gxe.ExpectColumnValuesToBeUnique(
                column="open_time_ms",
                notes="Two different rows for one moment: which is right cannot be told.",
            ),
            gxe.ExpectColumnValuesToBeBetween(
                column="open_time_ms",
                min_value=first_open_ms,
                max_value=end_ms - 1,
                notes="A row outside the span asked for, or times in another unit.",
            ),
            ExpectOpenTimeToBeOnGrid(
                notes="In February 2018 Binance's klines opened 28 min 14 s off the grid."
            ),
            ExpectCloseTimeToEndInterval(
                notes="A truncated close time marks a kline cut by an outage."
            ),
            ExpectKlineToBeClosed(
                notes="The last kline of an answer may still be running and will change."
            ),
            ExpectPricesToBeInOrder(notes="Follows from what open, high, low and close mean."),
            ExpectPricesToBeOnTickGrid(
                notes="The exchange matches only at multiples of the symbol's tick size."
            ),
            ExpectVwapToBeWithinPrices(
                notes="The average of trades lies between the lowest and the highest; a close "
                "merged from another row passes every other check but this one."
            ),
            ExpectVolumesToAgree(
                notes="Trades have a volume and a volume has trades; takers' share is a part."
            ),
            gxe.ExpectTableRowCountToBeBetween(
                min_value=expected_rows,
                severity=FailureSeverity.WARNING,
                notes="A running exchange returns a row for every second and minute, also "
                "without trades.",
            ),
        ],
    )
