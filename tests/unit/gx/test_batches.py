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

from include.gx import checkpoints as gate
from include.gx.batches import (
    Candidate,
    check_batch,
    kline_columns,
    kline_table,
    refusal,
    verdict_line,
)
from include.gx.checkpoints import Checkpoints
from include.gx.levels import Level, expect
from include.gx.results import Subject
from include.gx.rows import RowExpectation, RowMetric
from include.pipeline.storing import load_batch
from include.records.klines import Interval, in_milliseconds
from include.records.windows import from_ms
from tests.fakes.builders import NOON, batch, exchange_minute, kline, second
from tests.fakes.memory_store import MemoryStore

OPEN_TIME, OPEN, HIGH, LOW, CLOSE, VOLUME, CLOSE_TIME, QUOTE_VOLUME, TRADES, TAKER = range(10)
SHRUNK = "expect_refetched_rows_not_to_shrink"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("gx")


@pytest.fixture(scope="module")
def checkpoints(results):
    return Checkpoints(str(results))


def judge(checkpoints, landed, *, symbol="BTCUSDT", stored=None):
    return check_batch(checkpoints, landed, symbol=symbol, stored=stored or {})


def seconds(**changes):
    """Sixty good seconds, those at the given numbers changed."""
    rows = [kline(NOON + timedelta(seconds=index)) for index in range(60)]
    for index, cells in changes.get("rows", {}).items():
        for column, value in cells.items():
            rows[index][column] = value
    return rows


def verdict_on(checkpoints, rows, **batch_changes):
    return judge(checkpoints, batch(seconds=rows, **batch_changes))


def test_lets_a_good_batch_pass_whole(checkpoints):
    verdict = judge(checkpoints, batch())

    assert verdict.bad_row_count == 0
    assert not verdict.is_refused
    assert verdict.failed == ()


@pytest.mark.slow
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
        ({QUOTE_VOLUME: "183207.00000000"}, "expect_vwap_to_be_within_prices"),
        ({VOLUME: "0.00000000"}, "expect_volumes_to_agree"),
        ({TRADES: 0}, "expect_volumes_to_agree"),
        ({TAKER: "3.00000000"}, "expect_volumes_to_agree"),
        ({CLOSE_TIME: 1515034814838}, "expect_close_time_to_end_interval"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else value,
)
def test_finds_the_bad_row_and_only_that(checkpoints, cells, expectation):
    verdict = verdict_on(checkpoints, seconds(rows={7: cells}))

    assert list(verdict.bad_rows[Interval.SECOND]) == [7]
    assert expectation in verdict.bad_rows[Interval.SECOND][7]
    assert not verdict.is_refused


@pytest.mark.parametrize("tick", ["0.01", "0.00000010", "0.00000001"])
def test_judges_the_average_whatever_the_tick(checkpoints, tick):
    """A tick of 1E-8 is written with an exponent by str(), which no row would be judged by."""
    landed = replace(
        batch(seconds=seconds(rows={7: {QUOTE_VOLUME: "183207.00000000"}})),
        tick_size=Decimal(tick),
    )

    verdict = judge(checkpoints, landed)

    assert "expect_vwap_to_be_within_prices" in verdict.bad_rows[Interval.SECOND][7]


def test_has_no_grid_to_keep_to_when_the_tick_is_zero(checkpoints):
    """Binance's way to switch the rule off; the other checks still judge."""
    landed = replace(
        batch(seconds=seconds(rows={3: {HIGH: "100.005"}, 7: {LOW: "101.00"}})),
        tick_size=Decimal("0.00"),
    )

    verdict = judge(checkpoints, landed)

    assert list(verdict.bad_rows[Interval.SECOND]) == [7]
    assert verdict.warnings == {}


def test_keeps_no_row_out_for_a_tick_that_became_coarser(checkpoints):
    """Half of the rows are of before the change, off the new grid."""
    landed = replace(
        batch(seconds=seconds(rows={index: {HIGH: "100.01"} for index in range(30)})),
        tick_size=Decimal("0.1"),
    )

    verdict = judge(checkpoints, landed)

    assert verdict.bad_row_count == 0
    assert verdict.warnings == {"expect_prices_to_be_on_tick_grid": 30}


class CrashingMetric(RowMetric):
    condition_metric_name = "multicolumn_values.crashes"

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, *_, **__):  # noqa: N805 - GX makes a class method of it
        raise ZeroDivisionError("not to be judged")


class ExpectCheckToCrash(RowExpectation):
    """Expect a crash."""

    map_metric = CrashingMetric.condition_metric_name


def test_refuses_a_batch_when_an_expectation_could_not_be_judged(tmp_path, monkeypatch):
    def crashing(suite):
        crash = expect(ExpectCheckToCrash, Level.ROWS, "None.", column_list=["open", "close"])
        return ExpectationSuite(suite.value, expectations=[crash])

    monkeypatch.setattr(gate, "make_suite", crashing)

    verdict = judge(Checkpoints(str(tmp_path)), batch())

    assert verdict.is_refused
    assert "expect_check_to_crash on second_prices could not be validated" in verdict.reason
    assert "not to be judged" in verdict.reason


def test_refuses_a_batch_that_could_not_be_judged():
    verdict = refusal("the batch could not be checked")

    assert verdict_line(verdict, 61) == "refused: the batch could not be checked"


def test_describes_a_verdict_in_one_line(checkpoints):
    verdict = verdict_on(checkpoints, seconds(rows={7: {LOW: "0.00"}}))

    assert verdict_line(verdict, 61) == "60 of 61 rows good (expect_prices_to_be_in_order)"


def test_finds_a_row_off_the_grid(checkpoints):
    rows = seconds()
    rows[7] = kline(NOON + timedelta(seconds=7, milliseconds=789))

    verdict = verdict_on(checkpoints, rows)

    assert "expect_open_time_to_be_on_grid" in verdict.bad_rows[Interval.SECOND][7]


def test_finds_a_row_outside_the_span_asked_for(checkpoints):
    rows = seconds()
    rows[7] = kline(NOON + timedelta(seconds=67))

    verdict = verdict_on(checkpoints, rows)

    assert list(verdict.bad_rows[Interval.SECOND]) == [7]
    assert "expect_open_times_to_be_within_span" in verdict.bad_rows[Interval.SECOND][7]


def test_refuses_a_batch_whose_times_are_in_two_units(checkpoints):
    rows = seconds()
    rows[7][OPEN_TIME] *= 1000

    verdict = verdict_on(checkpoints, in_milliseconds(rows))

    assert verdict.is_refused
    assert "expect_times_to_be_milliseconds on second_prices, 1 rows" in verdict.reason


def test_takes_microseconds_for_what_they_are_where_all_are():
    """The last microsecond of a second is in its last millisecond."""
    rows = seconds()
    for row in rows:
        row[OPEN_TIME] *= 1000
        row[CLOSE_TIME] = row[CLOSE_TIME] * 1000 + 999

    assert in_milliseconds(rows) == seconds()


def test_refuses_the_batch_of_another_symbol(checkpoints):
    verdict = judge(checkpoints, batch(symbol="ETHUSDT"), symbol="BTCUSDT")

    assert verdict.is_refused
    assert "expect_rows_to_be_of_the_requested_symbol on second_prices" in verdict.reason
    assert "ETHUSDT" in verdict.reason


@pytest.mark.parametrize(
    ("cut", "named"), [(11, "missing unused"), (7, "missing quote_volume, ")], ids=["1", "5"]
)
def test_refuses_a_batch_without_some_column(checkpoints, cut, named):
    verdict = verdict_on(checkpoints, [row[:cut] for row in seconds()])

    assert verdict.is_refused
    assert "expect_table_columns_to_match_set on second_prices" in verdict.reason
    assert named in verdict.reason


def test_refuses_a_batch_with_a_column_too_many(checkpoints):
    verdict = verdict_on(checkpoints, [[*row, "0"] for row in seconds()])

    assert "unexpected column_13" in verdict.reason


def test_keeps_a_row_out_that_is_shorter_than_the_others(checkpoints):
    rows = seconds()
    rows[7] = rows[7][:5]

    verdict = verdict_on(checkpoints, rows)

    assert list(verdict.bad_rows[Interval.SECOND]) == [7]


def test_only_warns_of_an_empty_batch(checkpoints):
    """An exchange in an outage has no rows; there is nothing to store, or to fetch again."""
    verdict = verdict_on(checkpoints, [], minute_rows=[])

    assert verdict.warnings == {"expect_every_symbol_to_have_its_rows": 2}
    assert not verdict.is_refused


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ({"volume": "2"}, None),
        ({"volume": "1.5"}, None),
        ({"volume": "2.5"}, SHRUNK),
        ({"volume": "2", "trades": 3}, SHRUNK),
        ({"volume": "0", "trades": 0, "price": "120"}, None),
    ],
    ids=["the same", "more now", "less volume now", "fewer trades now", "nothing before"],
)
def test_lets_a_row_that_is_stored_already_only_grow(checkpoints, stored, expected):
    before = second(NOON + timedelta(seconds=7), **{"trades": 2} | stored)

    verdict = judge(checkpoints, batch(), stored={Interval.SECOND: [before]})

    failed = verdict.bad_rows[Interval.SECOND].get(7, {})
    assert [*failed] == ([expected] if expected else [])


def test_refuses_a_minute_that_is_repeated_sixty_times_as_seconds(checkpoints):
    """Sixty seconds of 120 trades each, in a minute of which the exchange says 120."""
    rows = [
        kline(NOON + timedelta(seconds=index), volume="120.00000000", trades=120)
        for index in range(60)
    ]

    verdict = verdict_on(checkpoints, rows)

    assert verdict.is_refused
    assert "expect_seconds_to_be_parts_of_their_minute" in verdict.failed


def test_lets_all_trades_of_a_minute_fall_into_one_second(checkpoints):
    rows = [
        kline(NOON + timedelta(seconds=index), volume="0.00000000", trades=0) for index in range(60)
    ]
    rows[7] = kline(NOON + timedelta(seconds=7), volume="120.00000000", trades=120)

    assert verdict_on(checkpoints, rows).failed == ()


def test_warns_when_seconds_do_not_come_to_their_minute(checkpoints):
    rows = seconds()
    rows[7] = kline(NOON + timedelta(seconds=7), volume="1.00000000", trades=1)

    verdict = verdict_on(checkpoints, rows)

    assert verdict.warnings == {"expect_seconds_to_add_up_to_their_minute": 60}
    assert verdict.bad_row_count == 0


def test_knows_a_minute_from_the_store_when_the_batch_has_none(checkpoints):
    rows = [
        kline(NOON + timedelta(seconds=index), volume="120.00000000", trades=120)
        for index in range(60)
    ]
    said = exchange_minute(NOON, volume="120", trades=120)

    verdict = judge(
        checkpoints, batch(seconds=rows, minute_rows=[]), stored={Interval.MINUTE: [said]}
    )

    assert verdict.is_refused


def test_keeps_both_of_two_rows_for_one_second_out(checkpoints):
    rows = [*seconds(), kline(NOON + timedelta(seconds=7), volume="5.00000000")]

    verdict = verdict_on(checkpoints, rows)

    assert sorted(verdict.bad_rows[Interval.SECOND]) == [7, 60]


def test_keeps_a_row_that_still_runs_out(checkpoints):
    """Fetched five seconds after noon plus one minute, that minute's kline is not over."""
    late = batch(minutes=2, minute_rows=[kline(NOON + timedelta(minutes=1), Interval.MINUTE)])

    verdict = judge(checkpoints, replace(late, fetched_at=NOON + timedelta(seconds=65)))

    assert "expect_kline_to_be_closed" in verdict.bad_rows[Interval.MINUTE][0]


def test_warns_of_missing_rows_and_lets_the_others_pass(checkpoints):
    verdict = verdict_on(checkpoints, seconds()[:50])

    assert verdict.bad_row_count == 0
    assert verdict.warnings == {"expect_every_symbol_to_have_its_rows": 1}
    assert not verdict.is_refused


def test_refuses_a_batch_with_more_than_a_fifth_bad(checkpoints):
    """13 of 60 are 21.7 %."""
    verdict = verdict_on(checkpoints, seconds(rows={index: {LOW: "0.00"} for index in range(13)}))

    assert verdict.is_refused
    assert "13 of 60" in verdict.reason


def test_lays_out_what_the_exchange_sent():
    """A result shows the text itself, where a float would show another number."""
    table = kline_table([kline_columns(Candidate("BTCUSDT", batch(), {}), Interval.SECOND)])

    assert table["open"][0] == "100.00"
    assert table["open_time_ms"][0] == 1772366400000


def test_keeps_each_result_under_its_suite_symbol_and_window(checkpoints, results):
    judge(checkpoints, batch(symbol="SOLUSDT"), symbol="SOLUSDT")

    names = [path.as_posix() for path in Path(results).rglob("*.json")]
    assert any("second_prices/SOLUSDT-20260301T1200-20260301T1201" in name for name in names)


def test_stores_897_of_900_rows_and_says_what_is_wrong_with_each_of_the_three(checkpoints):
    rows = [kline(NOON + timedelta(seconds=index)) for index in range(900)]
    rows[100][LOW] = "101.00"
    rows[400][CLOSE_TIME] = 1515034814838
    rows[800][QUOTE_VOLUME] = "183207.00000000"
    landed, store = batch(seconds=rows, minutes=15), MemoryStore()

    verdict = judge(checkpoints, landed)
    record = load_batch(store, landed, verdict, "batch.json")

    assert len(store.second_prices.between("BTCUSDT", landed.window)) == 897
    refused = store.quarantine.on_day("BTCUSDT", NOON.date())
    assert {row.open_time: [*row.observed] for row in refused} == {
        str(rows[100][OPEN_TIME]): [
            "expect_prices_to_be_in_order",
            "expect_vwap_to_be_within_prices",
        ],
        str(rows[400][OPEN_TIME]): ["expect_close_time_to_end_interval"],
        str(rows[800][OPEN_TIME]): ["expect_vwap_to_be_within_prices"],
    }
    assert "quote_volume 183207.00000000" in refused[2].observed["expect_vwap_to_be_within_prices"]
    assert (record.quarantined_count, record.is_refused) == (3, False)


def test_names_a_result_by_the_time_it_was_checked(checkpoints, results):
    """A window that is fetched again has a result of its own."""
    for late in range(2):
        landed = batch(symbol="XRPUSDT")
        judge(
            checkpoints,
            replace(landed, fetched_at=landed.fetched_at + timedelta(minutes=late)),
            symbol="XRPUSDT",
        )

    assert len([*results.rglob("second_prices/XRPUSDT*/*/*.json")]) == 2


def test_calls_a_subject_by_symbol_and_window():
    assert Subject(("BTCUSDT",), "20260301T1200-20260301T1201", NOON).name.startswith(
        "BTCUSDT-2026"
    )


CELLS = st.sampled_from(
    ["100.00", "0.00", "-1", "NaN", "", "1e5", "99.995", "183207.0", 7, 10**15, None]
)


@pytest.mark.slow
@settings(
    max_examples=15,
    # A checkpoint takes a tenth of a second: shrinking a failure would take minutes.
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
)
@given(
    changes=st.dictionaries(st.tuples(st.integers(0, 59), st.integers(0, 9)), CELLS, max_size=12),
    absent=st.sets(st.integers(0, 59), max_size=5),
    doubled=st.sets(st.integers(0, 59), max_size=3),
)
def test_stores_or_quarantines_every_row_and_none_twice(checkpoints, changes, absent, doubled):
    """Or refuses the whole, which is fetched again; whatever the exchange may send."""
    rows = seconds()
    for (index, column), value in changes.items():
        rows[index][column] = value
    rows = [row for index, row in enumerate(rows) if index not in absent]
    rows += [kline(NOON + timedelta(seconds=index), volume="9.00000000") for index in doubled]
    # Without minutes: judging them, too, would take twice the time and show nothing of seconds.
    landed, store = batch(seconds=rows, minute_rows=[]), MemoryStore()

    verdict = judge(checkpoints, landed)
    load_batch(store, landed, verdict, "batch.json")

    stored = [price.start for price in store.second_prices.between("BTCUSDT", landed.window)]
    refused = [json.loads(row.payload) for row in store.quarantine.on_day("BTCUSDT", NOON.date())]
    good = [row for index, row in enumerate(rows) if index not in verdict.bad_rows[Interval.SECOND]]
    bad = [rows[index] for index in verdict.bad_rows[Interval.SECOND]]
    assert sorted(map(json.dumps, refused)) == sorted({json.dumps(row) for row in bad})
    assert len(good) + len(bad) == len(rows)
    if verdict.is_refused:
        assert stored == []
        assert store.watermark("BTCUSDT").stored_until is None
    else:
        assert stored == sorted(from_ms(row[OPEN_TIME]) for row in good)
