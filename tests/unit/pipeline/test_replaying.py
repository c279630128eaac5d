from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from include.gx.checkpoints import Checkpoints
from include.pipeline.publishing import Publisher
from include.pipeline.refused_rows import SEVERAL_ROWS
from include.pipeline.replaying import Selection, close, open_rows, replay
from include.pipeline.storing import load_batch, store_good_rows
from include.records.errors import RetryableError, SettingsError
from include.records.klines import Interval
from include.records.prices import Flag
from include.records.verdicts import WITHHELD, State
from include.records.windows import MINUTE, SECOND, Window
from tests.fakes.builders import (
    NOON,
    batch,
    exchange_minute,
    full_minute,
    kline,
    minute_of,
    quarantined_row,
    second,
    verdict,
)
from tests.fakes.memory_store import MemoryStore

LOW, CLOSE_TIME, QUOTE_VOLUME = 3, 6, 7
TODAY = Selection(NOON.date(), NOON.date())
LATER = NOON + timedelta(hours=2)
VWAP = "expect_vwap_to_be_within_prices"
OFF_GRID = "expect_prices_to_be_on_tick_grid"


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    return Checkpoints(str(tmp_path_factory.mktemp("gx")))


def send_again(store, checkpoints, choice=TODAY, *, accepted=()):
    return replay(
        Publisher(store, ["BTCUSDT"], lambda: LATER, lambda _averages, _asked_for: {}),
        checkpoints,
        "BTCUSDT",
        replace(choice, accepted=frozenset(accepted), note="looked at"),
    )


def store_with(*rows):
    store = MemoryStore()
    store.set_stored_from("BTCUSDT", NOON)
    store.set_stored_until("BTCUSDT", NOON + MINUTE)
    store.quarantine.keep(rows)
    return store


def states(store):
    return [row.state for row in store.quarantine.on_day("BTCUSDT", NOON.date())]


@pytest.mark.defect(30)
def test_lets_rows_in_that_were_off_the_tick_grid_alone_and_publishes_their_minutes(checkpoints):
    """Before, the tick cost a row its place: 3 of 900 rows wait since then."""
    rows = [kline(NOON + timedelta(seconds=index)) for index in range(900)]
    for index in (100, 400, 800):
        rows[index] = kline(NOON + timedelta(seconds=index), price="100.005")
    minutes = [
        kline(NOON + index * MINUTE, Interval.MINUTE, volume="120.00000000", trades=120)
        for index in range(15)
    ]
    landed, store = batch(seconds=rows, minutes=15, minute_rows=minutes), store_with()
    bad = {index: {OFF_GRID: "open 100.005"} for index in (100, 400, 800)}
    load_batch(store, landed, verdict(bad), "batch.json")
    assert states(store) == [State.OPEN] * 3

    settled = send_again(store, checkpoints)

    assert settled.counts() == {"REPLAYED": 3}
    assert states(store) == [State.REPLAYED] * 3
    assert len(store.second_prices.between("BTCUSDT", landed.window)) == 900
    revised = store.minute_prices.between("BTCUSDT", landed.window)
    assert [price.average.minute for price in revised] == [
        NOON + index * MINUTE for index in (1, 6, 13)
    ]
    assert settled.published_count == 3


def test_takes_rows_up_again_when_a_replay_ended_half_way(checkpoints):
    """The rows are stored, and Cassandra goes before their minute is published."""
    store = store_with(quarantined_row())
    append = store.minute_prices.append
    store.minute_prices.append = lambda *_: (_ for _ in ()).throw(RetryableError("gone"))
    with pytest.raises(RetryableError):
        send_again(store, checkpoints)
    store.minute_prices.append = append

    settled = send_again(store, checkpoints)

    assert states(store) == [State.REPLAYED]
    assert settled.published_count == 1


def test_leaves_a_row_open_that_still_fails_and_says_what(checkpoints):
    row = kline(NOON)
    row[LOW] = "101.00"
    store = store_with(quarantined_row(row))

    settled = send_again(store, checkpoints)

    assert states(store) == [State.OPEN]
    assert "expect_prices_to_be_in_order" in settled.rows[0].observed
    assert store.second_prices.between("BTCUSDT", Window(NOON, NOON + MINUTE)) == []


def test_closes_a_row_whose_moment_has_a_good_row_by_now(checkpoints):
    row = kline(NOON)
    row[QUOTE_VOLUME] = "183207.00000000"
    store = store_with(quarantined_row(row))
    store.second_prices.write([second(NOON)], NOON + 2 * MINUTE)

    send_again(store, checkpoints)

    assert states(store) == [State.SUPERSEDED]


def test_leaves_a_row_open_that_says_less_than_what_is_stored(checkpoints):
    """Which of the two is right is for a person to say."""
    store = store_with(quarantined_row(kline(NOON, volume="1.00000000")))
    store.second_prices.write([second(NOON)], NOON + MINUTE)

    settled = send_again(store, checkpoints)

    assert states(store) == [State.OPEN]
    assert "expect_refetched_rows_not_to_shrink" in settled.rows[0].observed


def test_stores_a_row_that_a_person_accepts(checkpoints):
    row = kline(NOON)
    row[1:5] = ["100.005"] * 4
    store = store_with(quarantined_row(row))

    send_again(store, checkpoints, accepted=[VWAP])

    (settled,) = store.quarantine.on_day("BTCUSDT", NOON.date())
    assert (settled.state, settled.note) == (State.ACCEPTED, "looked at")
    assert settled.settled_at == LATER
    (stored,) = store.second_prices.between("BTCUSDT", Window(NOON, NOON + MINUTE))
    assert stored.open == Decimal("100.005")


def test_refuses_to_accept_what_is_no_price(checkpoints):
    with pytest.raises(SettingsError, match="expect_rows_to_be_well_formed cannot be accepted"):
        send_again(store_with(), checkpoints, accepted=["expect_rows_to_be_well_formed"])


def test_never_overwrites_what_was_fetched_later(checkpoints):
    row = kline(NOON)
    row[1:5] = ["100.005"] * 4
    store = store_with(quarantined_row(row))
    store.second_prices.write([second(NOON, price="90", volume="1")], NOON + 3 * MINUTE)

    send_again(store, checkpoints, accepted=["expect_refetched_rows_not_to_shrink", VWAP])

    (stored,) = store.second_prices.between("BTCUSDT", Window(NOON, NOON + MINUTE))
    assert stored.open == Decimal(90)


def test_a_kline_that_still_ran_when_it_was_fetched_never_passes_later(checkpoints):
    running = kline(NOON + 2 * MINUTE, Interval.MINUTE)
    store = store_with(
        quarantined_row(
            running, interval=Interval.MINUTE, detected_at=NOON + timedelta(seconds=125)
        )
    )

    send_again(store, checkpoints)

    assert states(store) == [State.OPEN]


def test_judges_two_rows_of_one_moment_together(checkpoints):
    store = store_with(quarantined_row(), quarantined_row(kline(NOON, volume="5.00000000")))

    send_again(store, checkpoints)

    assert states(store) == [State.OPEN, State.OPEN]


def test_knows_the_minute_that_a_second_belongs_to(checkpoints):
    """Two seconds that are each the whole minute of the store are still copies of it."""
    rows = [kline(NOON + index * SECOND, volume="120.00000000", trades=120) for index in range(2)]
    store = store_with(*map(quarantined_row, rows))
    store.exchange_minutes.write([exchange_minute(NOON, volume="120", trades=120)], NOON + MINUTE)

    send_again(store, checkpoints)

    assert states(store) == [State.OPEN, State.OPEN]


def test_leaves_a_row_that_makes_no_sense_at_all_open(checkpoints):
    store = store_with(quarantined_row(["soon", None]), quarantined_row([10**18, "1"]))

    send_again(store, checkpoints)

    assert states(store) == [State.OPEN, State.OPEN]


def test_averages_a_withheld_minute_anew(checkpoints):
    seconds = full_minute(NOON)
    store = store_with(
        replace(quarantined_row(interval=WITHHELD), open_time=NOON.isoformat(), payload="{}")
    )
    store.second_prices.write(seconds, NOON + MINUTE)
    store.exchange_minutes.write([minute_of(seconds)], NOON + MINUTE)

    settled = send_again(store, checkpoints)

    assert states(store) == [State.REPLAYED]
    assert settled.published_count == 1
    assert store.minute_prices.latest("BTCUSDT").average.flag is Flag.OK


def test_takes_only_the_rows_that_are_meant(checkpoints):
    store = store_with(quarantined_row(), quarantined_row(kline(NOON + SECOND), failed=OFF_GRID))

    send_again(store, checkpoints, Selection(NOON.date(), NOON.date(), frozenset({OFF_GRID})))

    assert states(store) == [State.OPEN, State.REPLAYED]


def test_looks_at_each_day_of_a_span():
    midnight = NOON + timedelta(hours=12)
    store = store_with(quarantined_row(), quarantined_row(detected_at=midnight))

    rows = open_rows(store, "BTCUSDT", Selection(NOON.date(), midnight.date()))

    assert [row.detected_at.day for row in rows] == [1, 2]


def test_closes_rows_for_good_and_keeps_why(checkpoints):
    store = store_with(quarantined_row())

    closed = close(store, "BTCUSDT", replace(TODAY, note="the edge of an outage"), lambda: LATER)
    again = send_again(store, checkpoints)

    assert closed.counts() == {"CLOSED": 1}
    assert again.rows == ()
    (row,) = store.quarantine.on_day("BTCUSDT", NOON.date())
    assert (row.state, row.note) == (State.CLOSED, "the edge of an outage")


UNIQUE = "expect_one_row_for_each_open_time"
ONE_MINUTE = Window(NOON, NOON + MINUTE)


def two_for_one_moment(**changes):
    """A second twice, with another volume, out of one fetch."""
    rows = [kline(NOON), kline(NOON, volume="3.00000000", price="101.00", **changes)]
    return [quarantined_row(row, failed=UNIQUE) for row in rows]


def stored_rows(store):
    return [
        (row.close, row.volume, row.quote_volume)
        for row in store.second_prices.between("BTCUSDT", ONE_MINUTE)
    ]


@pytest.mark.defect(42)
def test_accepts_none_of_two_rows_for_one_moment_and_says_how_to_name_one(checkpoints):
    store = store_with(*two_for_one_moment())

    settled = send_again(store, checkpoints, accepted=[UNIQUE])

    assert states(store) == [State.OPEN] * 2
    assert stored_rows(store) == []
    assert {row.observed["not accepted"] for row in settled.rows} == {SEVERAL_ROWS}


@pytest.mark.defect(42)
@pytest.mark.parametrize("named", [0, 1])
def test_accepts_the_row_that_is_named_as_it_was_sent(checkpoints, named):
    rows = two_for_one_moment()
    store = store_with(*rows)

    send_again(
        store, checkpoints, replace(TODAY, rows=(rows[named].digest[:12],)), accepted=[UNIQUE]
    )

    assert stored_rows(store) == [[(100, 2, 200), (101, 3, 303)][named]]
    by_digest = {row.digest: row.state for row in store.quarantine.on_day("BTCUSDT", NOON.date())}
    assert by_digest[rows[named].digest] is State.ACCEPTED
    assert by_digest[rows[1 - named].digest] is State.OPEN


@pytest.mark.defect(42)
@pytest.mark.parametrize("accepted", [[UNIQUE], []], ids=["accepted", "replayed"])
def test_lets_no_second_row_of_a_moment_in_later(checkpoints, accepted):
    first, second_row = two_for_one_moment()
    store = store_with(first, second_row)
    send_again(store, checkpoints, replace(TODAY, rows=(first.digest,)), accepted=[UNIQUE])

    send_again(store, checkpoints, accepted=accepted)

    assert stored_rows(store) == [(100, 2, 200)]
    by_digest = {row.digest: row.state for row in store.quarantine.on_day("BTCUSDT", NOON.date())}
    assert by_digest[second_row.digest] is State.OPEN


@pytest.mark.defect(42)
def test_does_not_let_a_row_in_because_the_other_was_not_chosen(checkpoints):
    """Alone it would pass: what came beside it for the same moment still counts."""
    first, second_row = two_for_one_moment()
    store = store_with(first, second_row)

    settled = send_again(store, checkpoints, replace(TODAY, rows=(first.digest,)))

    assert settled.counts() == {"OPEN": 1}
    assert stored_rows(store) == []


@pytest.mark.defect(42)
def test_lets_a_row_in_when_a_person_has_closed_the_other(checkpoints):
    first, second_row = two_for_one_moment()
    store = store_with(first, second_row)
    close(store, "BTCUSDT", replace(TODAY, rows=(second_row.digest,), note="merged"), lambda: LATER)

    settled = send_again(store, checkpoints)

    assert settled.counts() == {"REPLAYED": 1}
    assert stored_rows(store) == [(100, 2, 200)]


@pytest.mark.defect(42)
def test_accepts_one_row_of_a_moment_out_of_several_fetches(checkpoints):
    """Each fetch has a timestamp of its own; still only one can be right."""
    first, second_row = two_for_one_moment()
    later = replace(second_row, detected_at=second_row.detected_at + MINUTE)
    store = store_with(
        replace(first, observed={"expect_table_row": "x"}),
        later,
    )
    bad = [quarantined_row([*kline(NOON)[:3], "101.50", *kline(NOON)[4:]])]
    store.quarantine.keep(bad)

    settled = send_again(
        store, checkpoints, accepted=["expect_prices_to_be_in_order", UNIQUE, VWAP]
    )

    assert State.ACCEPTED not in {row.state for row in settled.rows}


@pytest.mark.defect(33)
def test_counts_the_same_row_written_in_two_ways_once(checkpoints):
    row = kline(NOON)
    rows = [quarantined_row(row, failed=UNIQUE), quarantined_row([*row[:11], "1"], failed=UNIQUE)]
    store = store_with(*rows)

    settled = send_again(store, checkpoints)

    assert settled.counts() == {"REPLAYED": 2}
    assert stored_rows(store) == [(100, 2, 200)]


@pytest.mark.defect(42)
def test_refuses_to_write_two_rows_of_one_moment():
    landed = batch(seconds=[kline(NOON), kline(NOON, volume="3.00000000")])

    with pytest.raises(ValueError, match="two rows have the same moment"):
        store_good_rows(MemoryStore(), landed, verdict())
