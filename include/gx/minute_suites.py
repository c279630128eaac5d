"""The expectations that minutes must meet to be published, and again to be reported."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite
from great_expectations.expectations.expectation import Expectation

from include.gx import minute_expectations as in_minute
from include.gx.levels import Level, expect, parameter
from include.records.limits import METHOD_VERSION
from include.records.prices import Flag


def published_minutes() -> list[Expectation]:
    """Return the expectations that every published minute must meet."""
    return [
        expect(
            gxe.ExpectCompoundColumnsToBeUnique,
            Level.ROWS,
            "A minute of a symbol has one value at a time.",
            what="One row for each symbol and minute.",
            column_list=["symbol", "minute"],
            ignore_row_if="never",
        ),
        expect(
            gxe.ExpectColumnValuesToBeInSet,
            Level.ROWS,
            "An unknown flag explains nothing.",
            what="A flag of the method.",
            column="flag",
            value_set=[flag.value for flag in Flag],
        ),
        expect(
            gxe.ExpectColumnValuesToBeBetween,
            Level.ROWS,
            "The version identifies the rules that made the value.",
            what="A version of the method.",
            column="method_version",
            min_value=1,
            max_value=METHOD_VERSION,
        ),
        expect(
            in_minute.ExpectLevelToAgreeWithFlag,
            Level.ROWS,
            "The flag is a name for the numeric source level; the best level requires sixty "
            "seconds that add up to the exchange's own minute.",
        ),
        expect(
            in_minute.ExpectValueToAgreeWithFlag,
            Level.ROWS,
            "A minute has a value under OK and PARTIAL; under any other flag none is ever "
            "invented.",
        ),
        expect(
            in_minute.ExpectSilentMinutesToHoldNothing,
            Level.ROWS,
            "A minute without a value has no price, volume or trade.",
        ),
        expect(
            in_minute.ExpectMinuteVwapToBeWithinPrices,
            Level.ROWS,
            "The average of trades is between the lowest and the highest.",
        ),
        expect(
            in_minute.ExpectVwapToBeQuoteVolumeOverVolume,
            Level.ROWS,
            "The definition of the average, checked again on the published numbers.",
        ),
        expect(
            in_minute.ExpectMinutePricesToBeInOrder,
            Level.ROWS,
            "Follows from what open, high, low and close mean.",
        ),
    ]


def minute_price_suite(name: str) -> ExpectationSuite:
    """Return the suite that averages must pass to be published.

    Parameters of a run: symbols, and expected_rows, one for each symbol and minute.
    """
    return ExpectationSuite(
        name=name,
        expectations=[
            expect(
                gxe.ExpectColumnValuesToBeInSet,
                Level.TABLE,
                "Minutes of other symbols are not part of this run.",
                what="Only the requested symbols.",
                column="symbol",
                value_set=parameter("symbols"),
            ),
            expect(
                gxe.ExpectTableRowCountToEqual,
                Level.TABLE,
                "Every symbol and minute has a row, even without a value.",
                what="One row for each requested symbol and minute.",
                value=parameter("expected_rows"),
            ),
            *published_minutes(),
        ],
    )


def report_mart_suite(name: str) -> ExpectationSuite:
    """Return the suite that the mart's minutes must pass to be exported and reported."""
    return ExpectationSuite(
        name=name,
        expectations=[
            expect(
                gxe.ExpectColumnValuesToBeBetween,
                Level.ROWS,
                "The first publication of a minute is revision 1.",
                what="Revisions from 1.",
                column="revision",
                min_value=1,
            ),
            *published_minutes(),
        ],
    )
