"""Batches that are validated together get the verdicts that each would get alone."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from include.gx import checkpoints as gate
from include.gx.batches import check_batch, check_batches
from include.gx.checkpoints import Checkpoints
from include.gx.kline_tables import Candidate
from include.records.klines import Interval
from tests.fakes.builders import NOON, batch, exchange_minute, kline, second

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
PLACE = 7


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    return Checkpoints(str(tmp_path_factory.mktemp("gx")))


def seconds():
    return [kline(NOON + timedelta(seconds=index)) for index in range(60)]


def with_cells(**cells):
    """A batch in which one row has other cells, by column."""

    def change(landed):
        for column, cell in cells.items():
            landed.rows[Interval.SECOND][PLACE][int(column[1:])] = cell
        return landed

    return change


def with_rows(change):
    def changed(landed):
        rows = landed.rows[Interval.SECOND]
        return replace(landed, rows={**landed.rows, Interval.SECOND: change(rows)})

    return changed


def silent(index, price):
    return kline(NOON + timedelta(seconds=index), price=price, volume="0.00000000", trades=0)


# One of every kind: rows, tables, warnings, batches that are odd in shape.
FAULTS = {
    "no fault": lambda landed: landed,
    "prices out of order": with_cells(c3="0.00"),
    "not a number": with_cells(c1="NaN", c8="2"),
    "a list in a cell": with_cells(c0=[1]),
    "an average outside the prices": with_cells(c7="183207.00000000"),
    "no volume": with_cells(c5="0.00000000"),
    "out of the span": with_cells(c0=1515034800000),
    "microseconds": with_cells(c0=1772366407000000),
    "a close time cut short": with_cells(c6=1515034814838),
    "two rows for a second": with_rows(
        lambda rows: [*rows, kline(NOON + timedelta(seconds=PLACE), volume="5.00000000")]
    ),
    "a silent second elsewhere": with_rows(
        lambda rows: [*rows[:PLACE], silent(PLACE, "120.00"), *rows[PLACE + 1 :]]
    ),
    "a second missing": with_rows(lambda rows: rows[:PLACE] + rows[PLACE + 1 :]),
    "no rows": with_rows(lambda _rows: []),
    "a quarter bad": with_rows(
        lambda rows: [[*row[:3], "0.00", *row[4:]] if row[0] % 4000 == 0 else row for row in rows]
    ),
    "not its minute's sum": with_cells(c5="1.00000000", c7="100.00000000", c9="0.5", c10="50"),
    "a minute sixty times": with_rows(
        lambda rows: [
            kline(NOON + timedelta(seconds=i), volume="120.00000000", trades=120)
            for i in range(len(rows))
        ]
    ),
    "thirteen columns": with_rows(lambda rows: [[*row, "0"] for row in rows]),
    "eleven columns": with_rows(lambda rows: [row[:11] for row in rows]),
    "one short row": with_rows(lambda rows: [rows[0][:5], *rows[1:]]),
    "another symbol": lambda landed: replace(landed, symbol="DOGEUSDT"),
    "a bad minute": lambda landed: replace(
        landed,
        rows={
            **landed.rows,
            Interval.MINUTE: [
                [*kline(NOON, Interval.MINUTE)[:3], "0.00", *kline(NOON, Interval.MINUTE)[4:]]
            ],
        },
    ),
    "no minutes": lambda landed: replace(landed, rows={**landed.rows, Interval.MINUTE: []}),
}
# What a symbol has stored may make its rows shrink, or prove a silent one wrong.
STORED = {
    "nothing": {},
    "less": {Interval.SECOND: [second(NOON + timedelta(seconds=9), volume="1", trades=1)]},
    "more": {Interval.SECOND: [second(NOON + timedelta(seconds=9), volume="3", trades=3)]},
    "a minute": {Interval.MINUTE: [exchange_minute(NOON, volume="120", trades=120)]},
}


def candidates(faults, stored):
    return [
        Candidate(symbol, FAULTS[fault](batch(symbol=symbol, seconds=seconds())), STORED[before])
        for symbol, fault, before in zip(SYMBOLS, faults, stored, strict=True)
    ]


def decided(verdict):
    """A verdict without the time that it took."""
    return replace(verdict, check_ms=0)


def alone(checkpoints, candidate):
    return check_batch(
        checkpoints, candidate.batch, symbol=candidate.symbol, stored=candidate.stored
    )


@pytest.mark.slow
@settings(
    max_examples=4,
    # Shrinking would take minutes, as checkpoints take tenths of a second.
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
)
@given(
    faults=st.tuples(*[st.sampled_from([*FAULTS])] * len(SYMBOLS)),
    stored=st.tuples(*[st.sampled_from([*STORED])] * len(SYMBOLS)),
)
def test_decides_as_if_each_batch_were_alone(checkpoints, faults, stored):
    held = candidates(faults, stored)

    together = dict(check_batches(checkpoints, held))

    assert {name: decided(verdict) for name, verdict in together.items()} == {
        each.symbol: decided(alone(checkpoints, each)) for each in held
    }


@pytest.mark.slow
def test_a_fault_stays_its_own(checkpoints):
    """Every fault at once, each with a symbol of its own, among good ones."""
    held = [
        Candidate(f"S{place}USDT", change(batch(symbol=f"S{place}USDT", seconds=seconds())), {})
        for place, change in enumerate(FAULTS.values())
    ]
    good = candidates(["no fault"] * 4, ["nothing"] * 4)

    together = dict(check_batches(checkpoints, [*good[:2], *held, *good[2:]]))

    for each in held:
        assert decided(together[each.symbol]) == decided(alone(checkpoints, each))
    for symbol in SYMBOLS:
        assert (together[symbol].failed, together[symbol].is_refused) == ((), False)


@pytest.mark.slow
def test_runs_two_checkpoints_for_good_batches_however_many(checkpoints, monkeypatch):
    counted = []
    run = gate.gx.Checkpoint.run

    def counting(checkpoint, *arguments, **named):
        counted.append(checkpoint.name)
        return run(checkpoint, *arguments, **named)

    monkeypatch.setattr(gate.gx.Checkpoint, "run", counting)

    dict(check_batches(checkpoints, candidates(["no fault"] * 4, ["nothing"] * 4)))
    assert counted == ["second_prices_judged", "exchange_minutes_judged"]

    counted.clear()
    verdicts = check_batches(
        checkpoints,
        candidates(["no fault", "prices out of order", *["no fault"] * 2], ["nothing"] * 4),
    )
    together = ["second_prices_judged", "second_prices_named", "exchange_minutes_judged"]
    passing = [symbol for symbol, _ in itertools.islice(verdicts, 3)]
    assert (passing, counted) == ([SYMBOLS[0], *SYMBOLS[2:]], together)
    assert [symbol for symbol, _ in verdicts] == [SYMBOLS[1]]
    assert counted == [*together, "second_prices_named"]


def test_shares_the_time_among_the_batches(checkpoints):
    """Added up, the times of the batches are the time that all took."""
    verdicts = dict(check_batches(checkpoints, candidates(["no fault"] * 4, ["nothing"] * 4)))

    assert len({verdict.check_ms for verdict in verdicts.values()}) == 1
    assert all(verdict.check_ms > 0 for verdict in verdicts.values())
