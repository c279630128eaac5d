"""Each minute carries the right flag and cause, and later the right revision."""

from datetime import timedelta
from decimal import Decimal

import pytest

from include.gx.checkpoints import Checkpoints
from include.reading.queries import as_of
from include.records.prices import Flag
from include.records.revisions import MinuteState
from include.records.windows import MINUTE, Window, to_ms
from tests.faults.simulated_world import START, World, rows, write_tape

A, B, C = SYMBOLS = ("AAAUSDT", "BBBUSDT", "CCCUSDT")
MINUTES = 24
OUTAGE, SILENT, GAP, HALT, LATE, DOWN, REVISED, DISAGREEING = 3, 5, 6, 8, 12, 15, 17, 19


def until(minute, seconds):
    """The server's clock before which a fault is in force."""
    return to_ms(START + minute * MINUTE + timedelta(seconds=seconds))


FAULTS = [
    rows("missing", OUTAGE),
    rows("missing", GAP, symbol=A),
    rows("missing", HALT, symbol=B),
    # Said once, at 12:12: statuses are asked every ten minutes.
    {
        "endpoint": "exchangeInfo",
        "effect": {"kind": "status", "symbol": B, "status": "HALT"},
        "from_ms": until(9, 0),
        "until_ms": until(13, 0),
    },
    rows("missing", LATE, symbol=A, until_ms=until(LATE + 2, 0)),
    {
        "endpoint": "klines",
        "symbol": B,
        "effect": {"kind": "answer", "status": 503},
        "from_ms": until(DOWN + 1, 0),
        "until_ms": until(DOWN + 2, 0),
    },
    # A late trade, in the minute and in each of its seconds: sixty more and one.
    rows("revised", REVISED, symbol=C, interval="1m", from_ms=until(REVISED + 2, 0)),
    rows("revised", DISAGREEING, symbol=A, interval="1m"),
]

# symbol, minute: flag, level and reconciled at last, revisions, flag at first
TABLE = [
    (A, 2, Flag.OK, 1, True, 1, Flag.OK),
    (A, OUTAGE, Flag.EXCHANGE_OUTAGE, 6, None, 1, Flag.EXCHANGE_OUTAGE),
    (B, OUTAGE, Flag.EXCHANGE_OUTAGE, 6, None, 1, Flag.EXCHANGE_OUTAGE),
    (C, OUTAGE, Flag.EXCHANGE_OUTAGE, 6, None, 1, Flag.EXCHANGE_OUTAGE),
    (C, SILENT, Flag.NO_TRADES, 4, True, 1, Flag.NO_TRADES),
    (B, SILENT, Flag.OK, 1, True, 1, Flag.OK),
    (A, GAP, Flag.SOURCE_GAP, 7, None, 1, Flag.SOURCE_GAP),
    (C, GAP, Flag.OK, 1, True, 1, Flag.OK),
    (B, HALT, Flag.HALTED, 5, None, 2, Flag.SOURCE_GAP),
    (A, HALT, Flag.OK, 1, True, 1, Flag.OK),
    (A, LATE, Flag.OK, 1, True, 2, Flag.SOURCE_GAP),
    (B, DOWN, Flag.OK, 1, True, 2, Flag.INGEST_GAP),
    (C, REVISED, Flag.OK, 2, False, 2, Flag.OK),
    (A, DISAGREEING, Flag.OK, 2, False, 1, Flag.OK),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    write_tape(folder, A, minutes=MINUTES)
    write_tape(folder, B, minutes=MINUTES)
    write_tape(folder, C, minutes=MINUTES, silent=frozenset({SILENT}))
    world = World(folder, SYMBOLS, Checkpoints(str(folder / "gx")))
    world.faults(*FAULTS)
    with world.open:
        for number in range(MINUTES - 1):
            world.run_minute(number)
        yield world


def history(world, symbol, number):
    start = START + number * MINUTE
    return world.store.minute_prices.history(symbol, Window(start, start + MINUTE))


@pytest.mark.parametrize(
    ("symbol", "number", "flag", "level", "is_reconciled", "revisions", "first_flag"),
    TABLE,
    ids=[f"{row[0]} {row[1]} {row[2]}" for row in TABLE],
)
def test_says_of_each_minute_what_became_of_it(  # noqa: PLR0913, PLR0917 - columns of the table
    world, symbol, number, flag, level, is_reconciled, revisions, first_flag
):
    found = history(world, symbol, number)
    last = found[-1].average

    assert (last.flag, last.source_level, last.is_reconciled) == (flag, level, is_reconciled)
    assert [price.revision for price in found] == [*range(1, revisions + 1)]
    assert found[0].average.flag is first_flag
    assert (last.vwap is None) == (flag not in {Flag.OK, Flag.PARTIAL})


def test_publishes_every_symbol_and_minute(world):
    window = Window(START, START + (MINUTES - 1) * MINUTE)

    for symbol in SYMBOLS:
        minutes = [each.average.minute for each in as_of(world.store, symbol, window, world.now())]
        assert minutes == [*window.minutes()]


@pytest.mark.parametrize(("symbol", "number"), [(A, LATE), (B, DOWN), (B, HALT), (C, REVISED)])
def test_still_gives_the_old_answer_as_of_before_the_repair(world, symbol, number):
    start = START + number * MINUTE
    window = Window(start, start + MINUTE)
    first, second = history(world, symbol, number)
    before = second.known_at - timedelta(milliseconds=1)

    (then,) = as_of(world.store, symbol, window, before)
    (now,) = as_of(world.store, symbol, window, second.known_at)

    assert (then.average, then.revision) == (first.average, 1)
    assert (now.average, now.revision) == (second.average, 2)
    assert then.average != now.average


def test_shows_which_side_disagrees_and_by_how_much(world):
    """The exchange's minute has a trade of 0.1 at its close, 100.02, that the seconds lack."""
    average = history(world, A, DISAGREEING)[-1].average

    assert average.volume_difference == Decimal("-0.1")
    assert average.quote_volume_difference == Decimal("-10.002")
    assert average.trade_difference == -1
    assert average.quality == 70


def test_fills_beside_a_gap_and_not_across_an_outage(world):
    gap = history(world, A, GAP)[-1].average
    outage = history(world, A, OUTAGE)[-1].average

    assert gap.filled_vwap == history(world, A, GAP - 1)[-1].average.vwap
    assert (gap.fill_age_seconds, gap.fill_method) == (60, "LAST_VWAP")
    assert outage.filled_vwap is None


def test_becomes_final_after_the_overlap(world):
    window = Window(START, START + (MINUTES - 1) * MINUTE)
    states = {
        each.average.minute: each.state for each in as_of(world.store, A, window, world.now())
    }

    assert states[START] is MinuteState.FINAL
    assert states[window.end - MINUTE] is MinuteState.PROVISIONAL


def test_checks_against_the_exchanges_own_five_minutes(world):
    """It was asked each minute, and agrees."""
    window = Window(START, START + (MINUTES - 1) * MINUTE)
    kept = world.store.five_minute_prices.between(A, window)

    assert len(kept) >= MINUTES - 4
    assert not any(
        "CROSS_SOURCE" in price.average.soft_flags
        for price in world.store.minute_prices.between(A, window)
    )
