"""The expectations that klines must meet before they are stored, each with its reason."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite
from great_expectations.expectations.expectation import Expectation

from include.gx import batch_expectations as in_batch
from include.gx import kline_expectations as in_kline
from include.gx import request_expectations as in_request
from include.gx.levels import REQUESTED, ROW, Level, expect, parameter

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
    "unused",
]
CONTEXT_COLUMNS = [
    ROW,
    REQUESTED,
    "symbol",
    "first_open_ms",
    "last_open_ms",
    "interval_ms",
    "tick_size",
    "fetched_at_ms",
    *in_batch.STORED,
    *in_batch.OF_MINUTE,
    in_batch.PRICE_BEFORE,
]

COLUMNS = [*KLINE_COLUMNS, *CONTEXT_COLUMNS]


def kline_suite(name: str, *, has_minutes: bool) -> ExpectationSuite:
    """Return the suite that klines of one interval must pass to be stored, of any symbols.

    Parameter of a run: least_rows, the number of rows by requested symbol that a running exchange
    returns.

    Args:
        name: Of the suite.
        has_minutes: The rows are seconds and include the exchange's figures for their minute.
    """
    expectations: list[Expectation] = [
        expect(
            gxe.ExpectTableColumnsToMatchSet,
            Level.TABLE,
            "A kline has twelve columns; with one more or fewer, the meaning of every column is "
            "uncertain.",
            what="Twelve columns.",
            column_set=COLUMNS,
            exact_match=True,
        ),
        expect(
            in_request.ExpectRowsToBeOfTheRequestedSymbol,
            Level.TABLE,
            "Prices of another symbol would be stored under this one.",
        ),
        expect(
            in_kline.ExpectTimesToBeMilliseconds,
            Level.TABLE,
            "Archives have microseconds since 2025 and the API milliseconds; a mixture of "
            "both puts rows centuries apart (binance-public-data#386).",
        ),
        expect(
            in_kline.ExpectRowsToBeWellFormed,
            Level.ROWS,
            "A price that is not a plain decimal (empty, NaN, exponent, too many digits) cannot "
            "be averaged exactly.",
            column_list=KLINE_COLUMNS[:-1],
        ),
        expect(
            in_request.ExpectOneRowForEachOpenTime,
            Level.ROWS,
            "With two different rows for one moment, it is unclear which is right "
            "(crypto-lake/lake-api#16).",
        ),
        expect(
            in_request.ExpectOpenTimesToBeWithinSpan,
            Level.ROWS,
            "A row outside it was not requested.",
        ),
        expect(
            in_kline.ExpectOpenTimeToBeOnGrid,
            Level.ROWS,
            "In February 2018 klines opened 28 min 14 s off the grid (binance-public-data#14).",
        ),
        expect(
            in_kline.ExpectCloseTimeToEndInterval,
            Level.ROWS,
            "A truncated close time marks a kline cut by an outage (binance-public-data#77).",
        ),
        expect(
            in_kline.ExpectKlineToBeClosed,
            Level.ROWS,
            "The last kline of an answer may still be running and will change (freqtrade#8678).",
        ),
        expect(
            in_kline.ExpectPricesToBeInOrder,
            Level.ROWS,
            "Follows from what open, high, low and close mean.",
        ),
        expect(
            in_kline.ExpectPricesToBeOnTickGrid,
            Level.WARNING,
            "New orders keep to the tick; orders placed before it changed still match off it "
            "(freqtrade#5481).",
        ),
        expect(
            in_kline.ExpectVwapToBeWithinPrices,
            Level.ROWS,
            "The average of trades is between the lowest and the highest, apart from the "
            "truncation of each trade's amount (ccxt#7330); a close merged from another row passes "
            "every check but this one (freqtrade#13397).",
        ),
        expect(
            in_kline.ExpectVolumesToAgree,
            Level.ROWS,
            "Trades have a volume and a volume has trades; the takers' share is part of it "
            "(binance-public-data#395).",
        ),
        expect(
            in_batch.ExpectSilentRowsToRepeatTheLastPrice,
            Level.ROWS,
            "A kline without trades has no price of its own; any price but the last trade's would "
            "distort the time-weighted average (freqtrade#7597).",
        ),
        expect(
            in_batch.ExpectRefetchedRowsNotToShrink,
            Level.ROWS,
            "A closed row only gains late trades; one with less than the stored row was merged or "
            "cut, and must not replace it.",
        ),
    ]
    if has_minutes:
        expectations += [
            expect(
                in_batch.ExpectSecondsToBePartsOfTheirMinute,
                Level.ROWS,
                "Two seconds cannot each be the whole minute: otherwise a one-minute candle "
                "repeated sixty times passes for seconds (freqtrade#7381).",
            ),
            expect(
                in_batch.ExpectSecondsToAddUpToTheirMinute,
                Level.WARNING,
                "Both cover the same trades; where they differ, one has not settled yet.",
            ),
        ]
    expectations.append(
        expect(
            in_request.ExpectEverySymbolToHaveItsRows,
            Level.WARNING,
            "A running exchange returns a row for every second and minute, even without "
            "trades; during an outage it returns none, and a later fetch may bring them "
            "(binance-public-data#153).",
            least_rows=parameter("least_rows"),
        )
    )
    return ExpectationSuite(name=name, expectations=expectations)
