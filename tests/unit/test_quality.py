import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from great_expectations.core import ExpectationSuite
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (  # noqa: E501 - GX's path
    multicolumn_condition_partial,
)
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from include.gx.checkpoints import build_data_docs, open_context, run_checkpoint
from include.gx.expectations import RowExpectation, RowMetric
from include.marketdata.batches import Interval
from include.marketdata.ingestion import good_rows
from include.marketdata.prices import SecondPrice
from include.marketdata.quality import check_batch, describe, kline_table, refusal
from tests.fakes.builders import NOON, batch, kline

OPEN, HIGH, LOW, CLOSE, VOLUME, CLOSE_TIME, QUOTE_VOLUME, TRADES, TAKER = range(1, 10)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("gx")


@pytest.fixture(scope="module")
def context(results):
    return open_context(str(results))


def seconds(**changes):
    """Sixty good seconds, those at the given numbers changed."""
    rows = [kline(NOON + timedelta(seconds=index)) for index in range(60)]
    for index, cells in changes.get("rows", {}).items():
        for column, value in cells.items():
            rows[index][column] = value
    return rows


def verdict_on(context, rows):
    return check_batch(context, batch(seconds=rows))


def test_lets_a_good_batch_pass_whole(context):
    verdict = check_batch(context, batch())

    assert verdict.bad_row_count == 0
    assert not verdict.is_refused
    assert verdict.failed == ()


@pytest.mark.parametrize(
    ("cells", "expectation"),
    [
        ({OPEN: "NaN"}, "expect_rows_to_be_well_formed"),
        ({OPEN: "Infinity"}, "expect_rows_to_be_well_formed"),
        ({OPEN: ""}, "expect_rows_to_be_well_formed"),
        ({OPEN: "1e2"}, "expect_rows_to_be_well_formed"),
        ({OPEN: "-100.00"}, "expect_rows_to_be_well_formed"),
        ({OPEN: "1" * 30}, "expect_rows_to_be_well_formed"),
        ({OPEN: 100}, "expect_rows_to_be_well_formed"),
        ({TRADES: "2"}, "expect_rows_to_be_well_formed"),
        ({LOW: "0.00"}, "expect_prices_to_be_in_order"),
        ({HIGH: "99.00"}, "expect_prices_to_be_in_order"),
        ({LOW: "101.00"}, "expect_prices_to_be_in_order"),
        ({HIGH: "100.005"}, "expect_prices_to_be_on_tick_grid"),
        ({QUOTE_VOLUME: "183207.00000000"}, "expect_vwap_to_be_within_prices"),
        ({VOLUME: "0.00000000"}, "expect_volumes_to_agree"),
        ({TRADES: 0}, "expect_volumes_to_agree"),
        ({TAKER: "3.00000000"}, "expect_volumes_to_agree"),
        ({CLOSE_TIME: 1515034814838}, "expect_close_time_to_end_interval"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else value,
)
def test_finds_the_bad_row_and_only_that(context, cells, expectation):
    verdict = verdict_on(context, seconds(rows={7: cells}))

    assert list(verdict.bad_rows[Interval.SECOND]) == [7]
    assert expectation in verdict.bad_rows[Interval.SECOND][7]
    assert not verdict.is_refused


@pytest.mark.parametrize("tick", ["0.01", "0.00000010", "0.00000001"])
def test_judges_the_average_whatever_the_tick(context, tick):
    """A tick of 1E-8 is written with an exponent by str(), which no row would be judged by."""
    landed = replace(
        batch(seconds=seconds(rows={7: {QUOTE_VOLUME: "183207.00000000"}})),
        tick_size=Decimal(tick),
    )

    verdict = check_batch(context, landed)

    assert "expect_vwap_to_be_within_prices" in verdict.bad_rows[Interval.SECOND][7]


def test_has_no_grid_to_keep_to_when_the_tick_is_zero(context):
    """Binance's way to switch the rule off; the other checks still judge."""
    landed = replace(
        batch(seconds=seconds(rows={3: {HIGH: "100.005"}, 7: {LOW: "101.00"}})),
        tick_size=Decimal("0.00"),
    )

    verdict = check_batch(context, landed)

    assert list(verdict.bad_rows[Interval.SECOND]) == [7]


def test_does_not_refuse_a_batch_for_a_tick_that_became_coarser(context):
    """All rows of before the change are off the new grid: they are kept out, nothing else."""
    landed = replace(
        batch(seconds=seconds(rows={index: {HIGH: "100.01"} for index in range(30)})),
        tick_size=Decimal("0.1"),
    )

    verdict = check_batch(context, landed)

    assert len(verdict.bad_rows[Interval.SECOND]) == 30
    assert not verdict.is_refused


class CrashingMetric(RowMetric):
    condition_metric_name = "multicolumn_values.crashes"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, *_, **__):  # noqa: N805 - GX makes a class method of it
        raise ZeroDivisionError("not to be judged")


class ExpectCheckToCrash(RowExpectation):
    map_metric = CrashingMetric.condition_metric_name


def test_says_so_when_an_expectation_could_not_be_judged(context):
    suite = ExpectationSuite(
        name="crashing", expectations=[ExpectCheckToCrash(column_list=["open", "close"])]
    )

    (failure,) = run_checkpoint(
        context,
        suite,
        kline_table(batch(), Interval.SECOND),
        symbol="BTCUSDT",
        checked_at=NOON,
    )

    assert "not to be judged" in failure.error


def test_refuses_a_batch_that_could_not_be_judged():
    verdict = refusal("the batch could not be checked")

    assert describe(verdict, 61) == "refused: the batch could not be checked"


def test_describes_a_verdict_in_one_line(context):
    verdict = verdict_on(context, seconds(rows={7: {LOW: "0.00"}}))

    assert describe(verdict, 61) == "60 of 61 rows good (expect_prices_to_be_in_order)"


def test_finds_a_row_off_the_grid(context):
    rows = seconds()
    rows[7] = kline(NOON + timedelta(seconds=7, milliseconds=789))

    verdict = verdict_on(context, rows)

    assert "expect_open_time_to_be_on_grid" in verdict.bad_rows[Interval.SECOND][7]


def test_finds_a_row_in_another_unit(context):
    """Microseconds lie a thousand times behind the span that was asked for."""
    rows = seconds()
    rows[7][0] *= 1000

    verdict = verdict_on(context, rows)

    assert "expect_column_values_to_be_between" in verdict.bad_rows[Interval.SECOND][7]


def test_keeps_both_of_two_rows_for_one_second_out(context):
    rows = [*seconds(), kline(NOON + timedelta(seconds=7), volume="5.00000000")]

    verdict = verdict_on(context, rows)

    assert sorted(verdict.bad_rows[Interval.SECOND]) == [7, 60]


def test_keeps_a_row_that_still_runs_out(context):
    """Fetched five seconds after noon plus one minute, that minute's kline is not over."""
    late = batch(minutes=2, minute_rows=[kline(NOON + timedelta(minutes=1), Interval.MINUTE)])
    running = late.__class__(**{**late.__dict__, "fetched_at": NOON + timedelta(seconds=65)})

    verdict = check_batch(context, running)

    assert "expect_kline_to_be_closed" in verdict.bad_rows[Interval.MINUTE][0]


def test_warns_of_missing_rows_and_lets_the_others_pass(context):
    verdict = verdict_on(context, seconds()[:50])

    assert verdict.bad_row_count == 0
    assert verdict.warnings == ("expect_table_row_count_to_be_between",)
    assert not verdict.is_refused


def test_refuses_a_batch_with_more_than_a_fifth_bad(context):
    """13 of 60 are 21.7 %."""
    verdict = verdict_on(context, seconds(rows={index: {LOW: "0.00"} for index in range(13)}))

    assert verdict.is_refused
    assert "13 of 60" in verdict.reason


def test_lays_out_what_the_exchange_sent():
    """A result shows the text itself, where a float would show another number."""
    table = kline_table(batch(), Interval.SECOND)

    assert table["open"][0] == "100.00"
    assert table["open_time_ms"][0] == 1772366400000


def test_keeps_each_result_under_its_suite_and_symbol(context, results):
    check_batch(context, batch(symbol="SOLUSDT"))

    names = [path.as_posix() for path in Path(results).rglob("*.json")]
    assert any("second_prices/SOLUSDT-20260301T1201" in name for name in names)


def test_builds_data_docs_that_name_the_symbol(context, results):
    check_batch(context, batch(symbol="ETHUSDT"))

    index = Path(build_data_docs(str(results)))

    assert "ETHUSDT-20260301T1201" in index.read_text(encoding="utf-8")
    (page,) = index.parent.rglob("second_prices/ETHUSDT-20260301T1201*/**/*.html")
    assert "expect_vwap_to_be_within_prices" in page.read_text(encoding="utf-8")


CELLS = st.sampled_from(["100.00", "0.00", "-1", "NaN", "", "1e5", "99.995", "183207.0"])


@settings(
    max_examples=25,
    # A checkpoint takes a tenth of a second: shrinking a failure would take minutes.
    phases=[Phase.explicit, Phase.generate],
)
@given(st.dictionaries(st.tuples(st.integers(0, 59), st.integers(1, 5)), CELLS, max_size=12))
def test_stores_or_quarantines_every_row_and_none_twice(context, changes):
    rows = seconds()
    for (index, column), value in changes.items():
        rows[index][column] = value
    # Without minutes: judging them, too, would take twice the time and show nothing of seconds.
    landed = batch(seconds=rows, minute_rows=[])

    verdict = check_batch(context, landed)

    stored = {price.start for price in good_rows(landed, verdict, Interval.SECOND, SecondPrice)}
    refused = {NOON + timedelta(seconds=index) for index in verdict.bad_rows[Interval.SECOND]}
    assert stored | refused == {NOON + timedelta(seconds=index) for index in range(60)}
    assert not stored & refused
