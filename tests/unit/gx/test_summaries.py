import json
from datetime import timedelta

import pytest
from upath import UPath

from include.gx.summaries import (
    Judged,
    ResultSummary,
    find_result,
    page_of,
    read_summary,
    window_name,
    window_of,
)
from include.records.windows import MINUTE, SECOND, Window
from tests.fakes.builders import NOON

WINDOW = Window(NOON, NOON + MINUTE)
SUITE = "second_prices"


def summary(*, symbols=("BTCUSDT",), window=WINDOW, at=NOON, suite=SUITE):
    name = f"{symbols[0]}-{window_name(window)}"
    return {
        "key": [suite, name, f"{at:%Y%m%dT%H%M%S.%fZ}", "batch"],
        "suite": suite,
        "symbols": [*symbols],
        "name": name,
        "checked_at": at.isoformat(),
        "row_count": 300,
        "bad_row_count": 0,
        "failed": [],
        "warnings": [],
    }


@pytest.fixture
def keep(tmp_path):
    """Write the index of a day, as a build of Data Docs does."""

    def write(*summaries, day=NOON):
        file = tmp_path / "index" / f"{day:%Y-%m-%d}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"kept": summaries, "dropped": {}}))
        return str(tmp_path)

    return write


def find(folder, *, suite=SUITE, symbol="BTCUSDT", window=WINDOW, at=NOON):
    return find_result(folder, Judged(suite, symbol, window, at))


def test_finds_the_result_of_a_batch_among_several_symbols(keep):
    """It is named after the newest of them, fetched half a second later."""
    other = summary(symbols=("ETHUSDT", "BTCUSDT"), at=NOON + SECOND / 2)

    found = find(keep(summary(symbols=("SOLUSDT",)), other))

    assert found is not None
    assert found.symbols == ("ETHUSDT", "BTCUSDT")


def test_finds_the_first_one_where_rows_were_fetched_again(keep):
    again = summary(at=NOON + 30 * SECOND, window=Window(NOON, NOON + 2 * MINUTE))

    found = find(keep(again, summary(at=NOON)))

    assert found is not None
    assert found.checked_at == NOON.isoformat()


@pytest.mark.parametrize(
    "kept",
    [
        {"symbols": ("ETHUSDT",)},
        {"suite": "exchange_minutes"},
        {"at": NOON - SECOND},
        {"at": NOON + MINUTE + SECOND},
        {"window": Window(NOON + MINUTE, NOON + 2 * MINUTE)},
    ],
    ids=["of another symbol", "of another suite", "of before", "of later", "of another minute"],
)
def test_finds_no_result_of_something_else(keep, kept):
    assert find(keep(summary(**kept))) is None


def test_finds_the_minutes_of_several_symbols(keep):
    folder = keep(summary(suite="minute_prices", symbols=("all",), window=WINDOW))

    assert find(folder, suite="minute_prices", symbol="SOLUSDT") is not None


def test_finds_a_result_of_after_midnight(keep):
    """The batch was fetched in the last second of the day, another of its group in the next one."""
    midnight = NOON.replace(hour=0) + timedelta(days=1)
    folder = keep(summary(at=midnight + SECOND / 2), day=midnight)

    assert find(folder, at=midnight - SECOND / 2) is not None


def test_finds_nothing_where_nothing_was_built(tmp_path):
    assert find(str(tmp_path)) is None


def test_reads_a_summary_of_before_runs_and_times_were_noted():
    read = read_summary(summary())

    assert (read.fetched_count, read.first, read.run_id) == (0, "", "")
    assert page_of(read) == (
        "results/second_prices/BTCUSDT-20260301T1200-20260301T1201~20260301T120000.000000Z.html"
    )


def test_reads_the_window_of_a_symbol_with_a_minus():
    content = summary(symbols=("BTC-USD",))

    assert window_of(ResultSummary(**content)) == WINDOW


def test_keeps_its_index_in_any_folder():
    root = UPath("memory://found/gx")
    (root / "index").mkdir(parents=True)
    (root / "index" / f"{NOON:%Y-%m-%d}.json").write_text(
        json.dumps({"kept": [summary()], "dropped": {}})
    )

    assert find("memory://found/gx") is not None
