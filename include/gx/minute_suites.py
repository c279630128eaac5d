"""What minutes have to meet before they are published, and again before they are reported."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite
from great_expectations.expectations.expectation import Expectation

from include.gx import batch_expectations as in_batch
from include.gx import minute_expectations as in_minute
from include.gx.levels import Level, expect, parameter
from include.records.limits import METHOD_VERSION
from include.records.prices import Flag


def published_minutes() -> list[Expectation]:
    """Return what every published minute meets."""
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
            "A flag that the method does not know explains nothing.",
            what="A flag of the method.",
            column="flag",
            value_set=[flag.value for flag in Flag],
        ),
        expect(
            gxe.ExpectColumnValuesToBeBetween,
            Level.ROWS,
            "The version says by which rules the value was made.",
            what="A version of the method.",
            column="method_version",
            min_value=1,
            max_value=METHOD_VERSION,
        ),
        expect(
            in_minute.ExpectLevelToAgreeWithFlag,
            Level.ROWS,
            "The flag says in a word what the source level says in a number; the best level "
            "asks for sixty seconds that come to the exchange's own minute.",
        ),
        expect(
            in_minute.ExpectValueToAgreeWithFlag,
            Level.ROWS,
            "A value is strict: it is there under OK and PARTIAL, and never invented under "
            "any other flag.",
        ),
        expect(
            in_minute.ExpectSilentMinutesToHoldNothing,
            Level.ROWS,
            "A minute without a value has no price, volume or trade.",
        ),
        expect(
            in_minute.ExpectMinuteVwapToBeWithinPrices,
            Level.ROWS,
            "The average of trades lies between the lowest and the highest.",
        ),
        expect(
            in_minute.ExpectVwapToBeQuoteVolumeOverVolume,
            Level.ROWS,
            "The definition of the average, checked anew from what is published.",
        ),
        expect(
            in_minute.ExpectMinutePricesToBeInOrder,
            Level.ROWS,
            "Follows from what open, high, low and close mean.",
        ),
    ]


def minute_price_suite(name: str) -> ExpectationSuite:
    """Describe averages that may be published.

    Parameters of a run: symbols, and expected_rows, one for each symbol and minute.
    """
    return ExpectationSuite(
        name=name,
        expectations=[
            expect(
                in_batch.ExpectSymbolsToBeThoseAskedFor,
                Level.TABLE,
                "Minutes of a symbol that nobody asked for.",
                value_set=parameter("symbols"),
            ),
            expect(
                gxe.ExpectTableRowCountToEqual,
                Level.TABLE,
                "Every symbol and minute has a row, also where it has no value.",
                what="As many rows as minutes asked for.",
                value=parameter("expected_rows"),
            ),
            *published_minutes(),
        ],
    )


def report_mart_suite(name: str) -> ExpectationSuite:
    """Describe the mart's minutes that may be exported and reported."""
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
