import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from include.gx.checkpoints import build_data_docs, open_context
from include.marketdata.batches import Interval
from include.marketdata.ingestion import good_rows
from include.marketdata.prices import SecondPrice
from include.marketdata.quality import check_batch, kline_table
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
    deadline=None,
    # A checkpoint takes a tenth of a second: shrinking a failure would take minutes.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.dictionaries(st.tuples(st.integers(0, 59), st.integers(1, 5)), CELLS, max_size=12))
def test_stores_or_quarantines_every_row_and_none_twice(context, changes):
    rows = seconds()
    for (index, column), value in changes.items():
        rows[index][column] = value
    landed = batch(seconds=rows)

    verdict = check_batch(context, landed)

    stored = {price.start for price in good_rows(landed, verdict, Interval.SECOND, SecondPrice)}
    refused = {NOON + timedelta(seconds=index) for index in verdict.bad_rows[Interval.SECOND]}
    assert stored | refused == {NOON + timedelta(seconds=index) for index in range(60)}
    assert not stored & refused
