from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from include.gx.checkpoints import Checkpoints
from include.marketdata.batches import WITHHELD, Interval, State
from include.marketdata.errors import RetryableError, SettingsError
from include.marketdata.prices import Flag
from include.marketdata.publication import Publisher
from include.marketdata.quality import check_batch
from include.marketdata.replay import Choice, close, open_rows, replay
from include.marketdata.storing import load_batch
from include.marketdata.windows import MINUTE, SECOND, Window
from tests.fakes.builders import (
    NOON,
    batch,
    exchange_minute,
    full_minute,
    kline,
    minute_of,
    quarantined_row,
    second,
    symbol_info,
)
from tests.fakes.memory_store import MemoryStore

LOW, CLOSE_TIME, QUOTE_VOLUME = 3, 6, 7
TODAY = Choice(NOON.date(), NOON.date())
LATER = NOON + timedelta(hours=2)
OFF_GRID = "expect_prices_to_be_on_tick_grid"


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    return Checkpoints(str(tmp_path_factory.mktemp("gx")))


def send_again(store, checkpoints, choice=TODAY, *, accepted=()):
    return replay(
        Publisher(store, ["BTCUSDT"], lambda: LATER, lambda _averages, _asked_for: {}),
        checkpoints,
        "BTCUSDT",
        replace(choice, accepted=frozenset(accepted), note="the tick was wrong"),
    )


def store_with(*rows, tick="0.01"):
    store = MemoryStore()
    store.remember_symbol(replace(symbol_info(), tick_size=Decimal(tick)))
    store.set_stored_from("BTCUSDT", NOON)
    store.set_stored_until("BTCUSDT", NOON + MINUTE)
    store.quarantine.keep(rows)
    return store


def states(store):
    return [row.state for row in store.quarantine.on_day("BTCUSDT", NOON.date())]


def test_stores_three_rows_after_the_fix_closes_them_and_publishes_their_minutes(checkpoints):
    """The exchange made its tick finer, and we went by the old one: 3 of 900 rows were refused."""
    rows = [kline(NOON + timedelta(seconds=index)) for index in range(900)]
    for index in (100, 400, 800):
        rows[index] = kline(NOON + timedelta(seconds=index), price="100.005")
    minutes = [
        kline(NOON + index * MINUTE, Interval.MINUTE, volume="120.00000000", trades=120)
        for index in range(15)
    ]
    landed, store = batch(seconds=rows, minutes=15, minute_rows=minutes), store_with()
    verdict = check_batch(checkpoints, landed, symbol="BTCUSDT", stored={})
    load_batch(store, landed, verdict, "batch.json")
    assert states(store) == [State.OPEN] * 3
    store.remember_symbol(replace(symbol_info(), tick_size=Decimal("0.001")))

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

    send_again(store, checkpoints, accepted=[OFF_GRID])

    (settled,) = store.quarantine.on_day("BTCUSDT", NOON.date())
    assert (settled.state, settled.note) == (State.ACCEPTED, "the tick was wrong")
    assert settled.settled_at == LATER
    (stored,) = store.second_prices.between("BTCUSDT", Window(NOON, NOON + MINUTE))
    assert stored.open == Decimal("100.005")


def test_refuses_to_accept_what_is_no_price(checkpoints):
    with pytest.raises(SettingsError, match="expect_rows_to_be_well_formed cannot be accepted"):
        send_again(store_with(), checkpoints, accepted=["expect_rows_to_be_well_formed"])


def test_never_overwrites_what_was_fetched_later(checkpoints):
    row = kline(NOON)
    row[1:5] = ["100.005"] * 4
    store = store_with(quarantined_row(row), tick="0.001")
    store.second_prices.write([second(NOON, price="90", volume="1")], NOON + 3 * MINUTE)

    send_again(store, checkpoints, accepted=["expect_refetched_rows_not_to_shrink"])

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

    send_again(store, checkpoints, Choice(NOON.date(), NOON.date(), frozenset({OFF_GRID})))

    assert states(store) == [State.OPEN, State.REPLAYED]


def test_looks_at_each_day_of_a_span():
    midnight = NOON + timedelta(hours=12)
    store = store_with(quarantined_row(), quarantined_row(detected_at=midnight))

    rows = open_rows(store, "BTCUSDT", Choice(NOON.date(), midnight.date()))

    assert [row.detected_at.day for row in rows] == [1, 2]


def test_closes_rows_for_good_and_keeps_why(checkpoints):
    store = store_with(quarantined_row())

    closed = close(store, "BTCUSDT", replace(TODAY, note="the edge of an outage"), lambda: LATER)
    again = send_again(store, checkpoints)

    assert closed.counts() == {"CLOSED": 1}
    assert again.rows == ()
    (row,) = store.quarantine.on_day("BTCUSDT", NOON.date())
    assert (row.state, row.note) == (State.CLOSED, "the edge of an outage")
