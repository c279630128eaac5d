from datetime import timedelta

from include.pipeline.fetching import LOOKS
from include.pipeline.publishing import (
    GRACE,
    LONGEST_GATHERING,
    LOOKS_FOR,
    SEEN_WITHIN,
    Publisher,
)
from include.records.prices import Flag
from include.records.windows import MINUTE, Window
from tests.fakes.builders import NOON, full_minute, minute_of
from tests.fakes.clock import Clock
from tests.fakes.memory_store import MemoryStore

HOUR = Window(NOON - 30 * MINUTE, NOON + 30 * MINUTE)


def store_minute(store, minute, *, symbol="BTCUSDT", price="100"):
    seconds = full_minute(minute, symbol=symbol, price=price)
    store.second_prices.write(seconds, minute + MINUTE)
    store.exchange_minutes.write([minute_of(seconds)], minute + MINUTE)
    if store.watermark(symbol).stored_from is None:
        store.set_stored_from(symbol, minute)
    store.set_stored_until(symbol, minute + MINUTE)


def published(store, symbol="BTCUSDT"):
    return {p.average.minute: p for p in store.minute_prices.between(symbol, HOUR)}


def passes(_averages, _asked_for):
    """A second gate that has nothing to say."""
    return {}


def publish(store, clock, symbols=("BTCUSDT",)):
    return Publisher(store, symbols, clock, passes).publish_closed_minutes(clock.sleep)


def test_publishes_a_closed_minute_as_soon_as_it_is_stored():
    """The prices arrive seven seconds after the minute; nothing waits for the grace to end."""
    store, clock = MemoryStore(), Clock()
    store_minute(store, NOON - 2 * MINUTE)

    def arrive():
        if clock.now == NOON + timedelta(seconds=7):
            store_minute(store, NOON - MINUTE)

    clock.on_tick = arrive
    publish(store, clock)

    price = published(store)[NOON - MINUTE]
    assert price.average.flag is Flag.OK
    assert price.known_at == NOON + timedelta(seconds=7)


def test_publishes_a_gap_when_the_grace_is_over_and_revises_it_later():
    store, clock = MemoryStore(), Clock()
    store_minute(store, NOON - 2 * MINUTE)
    publish(store, clock)
    gap = published(store)[NOON - MINUTE]

    store_minute(store, NOON - MINUTE)
    publish(store, clock)

    assert gap.average.flag is Flag.INGEST_GAP
    assert gap.known_at == NOON + GRACE
    repaired = published(store)[NOON - MINUTE]
    assert (repaired.revision, repaired.average.flag) == (2, Flag.OK)


def test_revises_a_gap_in_the_same_run_as_soon_as_its_prices_arrive():
    """Thirty seconds after the minute: the next run would see them thirty seconds later."""
    store, clock = MemoryStore(), Clock()
    store_minute(store, NOON - 2 * MINUTE)
    store_minute(store, NOON - 2 * MINUTE, symbol="ETHUSDT")
    arrived = NOON + timedelta(seconds=30)

    def arrive():
        if clock.now == arrived:
            store_minute(store, NOON - MINUTE)

    clock.on_tick = arrive
    publication = publish(store, clock, ("BTCUSDT", "ETHUSDT"))

    gap, value = store.minute_prices.history("BTCUSDT", Window(NOON - MINUTE, NOON))
    assert (gap.average.flag, gap.known_at) == (Flag.INGEST_GAP, NOON + GRACE)
    assert (value.average.flag, value.known_at, value.revision) == (Flag.OK, arrived, 2)
    assert published(store, "ETHUSDT")[NOON - MINUTE].average.flag is Flag.INGEST_GAP
    assert len(publication.prices) == 5


def test_waits_for_the_minute_that_is_about_to_end():
    store, clock = MemoryStore(), Clock(NOON - timedelta(seconds=4))
    store_minute(store, NOON - 2 * MINUTE)

    def arrive():
        if clock.now == NOON + timedelta(seconds=2):
            store_minute(store, NOON - MINUTE)

    clock.on_tick = arrive
    publication = publish(store, clock)

    assert publication.closed_until == NOON
    assert published(store)[NOON - MINUTE].known_at == NOON + timedelta(seconds=2)


def test_stops_looking_before_the_next_minute():
    store, clock = MemoryStore(), Clock()
    store_minute(store, NOON - 2 * MINUTE)

    publish(store, clock)

    assert clock.now == NOON + LOOKS_FOR


def test_does_not_look_for_a_symbol_that_was_never_stored():
    """A name that the exchange does not list would hold up every report."""
    store, clock = MemoryStore(), Clock()
    store_minute(store, NOON - MINUTE)

    publish(store, clock, ("BTCUSDT", "NOSUCH"))

    assert clock.now == NOON + GRACE


def test_does_not_look_for_a_symbol_that_has_long_been_absent():
    """Delisted, but still named: the others' reports would come twenty seconds later for ever."""
    store, clock = MemoryStore(), Clock()
    store_minute(store, NOON - MINUTE)
    store_minute(store, NOON - 17 * MINUTE, symbol="ETHUSDT")

    publish(store, clock, ("BTCUSDT", "ETHUSDT"))

    assert clock.now == NOON + GRACE
    assert published(store, "ETHUSDT")[NOON - MINUTE].average.flag is Flag.INGEST_GAP


def test_publishes_what_is_there_when_it_starts_after_its_time():
    """A machine that is behind: one look, and gaps for the rest."""
    store, clock = MemoryStore(), Clock(NOON + timedelta(seconds=49))
    store_minute(store, NOON - MINUTE)
    store_minute(store, NOON - 2 * MINUTE, symbol="ETHUSDT")

    publish(store, clock, ("BTCUSDT", "ETHUSDT"))

    assert clock.now == NOON + timedelta(seconds=49)
    assert published(store)[NOON - MINUTE].average.flag is Flag.OK
    assert published(store, "ETHUSDT")[NOON - MINUTE].average.flag is Flag.INGEST_GAP


def test_writes_nothing_when_nothing_changed():
    store, clock = MemoryStore(), Clock()
    store_minute(store, NOON - MINUTE)
    publish(store, clock)

    assert publish(store, clock).prices == ()


def test_repairs_a_gap_that_is_older_than_the_overlap():
    """Nothing is stored for half an hour; when all of it arrives, all of it is revised."""
    store, clock = MemoryStore(), Clock(NOON - 29 * MINUTE)
    store_minute(store, NOON - 30 * MINUTE)
    for _ in range(29):
        publish(store, clock)
        clock.now += MINUTE
    for back in range(29, 0, -1):
        store_minute(store, NOON - back * MINUTE)

    clock.now = NOON
    publish(store, clock)

    flags = [price.average.flag for price in published(store).values()]
    assert flags[-30:] == [Flag.OK] * 30


def test_publishes_a_symbol_that_is_stored_before_one_that_is_late():
    store, clock = MemoryStore(), Clock()
    store_minute(store, NOON - MINUTE, symbol="BTCUSDT")
    store_minute(store, NOON - 2 * MINUTE, symbol="ETHUSDT")

    publish(store, clock, ("ETHUSDT", "BTCUSDT"))

    soon = timedelta(seconds=1)
    assert published(store)[NOON - MINUTE].known_at - (NOON + LOOKS[0]) <= soon
    assert published(store, "ETHUSDT")[NOON - MINUTE].known_at == NOON + GRACE


def test_publishes_symbols_that_are_stored_together_by_one_check():
    """The second gate costs the same for one symbol as for all."""
    store, clock, checked = MemoryStore(), Clock(), list[tuple[str, ...]]()
    symbols = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    for symbol in symbols:
        store_minute(store, NOON - 2 * MINUTE, symbol=symbol)

    def arrive():
        for after, symbol in zip((5, 5.5, 6), symbols, strict=True):
            if clock.now == NOON + timedelta(seconds=after):
                store_minute(store, NOON - MINUTE, symbol=symbol)

    def check(_averages, asked_for):
        checked.append(asked_for.symbols)
        return {}

    clock.on_tick = arrive
    Publisher(store, symbols, clock, check).publish_closed_minutes(clock.sleep)

    assert checked == [symbols]
    known_at = {published(store, symbol)[NOON - MINUTE].known_at for symbol in symbols}
    assert known_at == {NOON + timedelta(seconds=6)}


def test_looks_at_a_few_of_many_until_one_is_stored():
    """And sees the only one that came, whichever it is, within half a second."""
    for place in range(10):
        store, clock, asked = MemoryStore(), Clock(), list[int]()
        symbols = [f"S{number}USDT" for number in range(10)]
        for symbol in symbols:
            store_minute(store, NOON - 2 * MINUTE, symbol=symbol)
        watermarks = store.watermarks

        def counted(names, asked=asked, watermarks=watermarks):
            asked.append(len(names))
            return watermarks(names)

        def arrive(clock=clock, store=store, symbol=symbols[place]):
            if clock.now == NOON + timedelta(seconds=5):
                store_minute(store, NOON - MINUTE, symbol=symbol)

        store.watermarks, clock.on_tick = counted, arrive
        publish(store, clock, symbols)

        came = published(store, symbols[place])[NOON - MINUTE].known_at
        assert came - (NOON + timedelta(seconds=5)) <= SEEN_WITHIN + LONGEST_GATHERING
        assert set(asked[:20]) == {2}


def test_publishes_all_that_was_stored_before_its_first_run():
    """Stored for half an hour while nobody averaged: no minute of it is left out."""
    store, clock = MemoryStore(), Clock()
    for back in range(30, 0, -1):
        store_minute(store, NOON - back * MINUTE)

    publish(store, clock)

    assert [price.average.flag for price in published(store).values()] == [Flag.OK] * 30


def test_publishes_nothing_before_the_first_stored_minute():
    store, clock = MemoryStore(), Clock()
    store_minute(store, NOON - MINUTE)
    publish(store, clock)
    clock.now += MINUTE
    store_minute(store, NOON)

    publish(store, clock)

    assert list(published(store)) == [NOON - MINUTE, NOON]


def test_publishes_the_newest_minutes_also_when_nothing_was_stored_for_a_day():
    """A run takes six hours of a backlog; that is no reason to say nothing of the present."""
    store, clock = MemoryStore(), Clock()
    store_minute(store, NOON - timedelta(days=1))

    publish(store, clock)

    assert published(store)[NOON - MINUTE].average.flag is Flag.INGEST_GAP


def test_publishes_nothing_for_a_symbol_that_was_never_stored():
    """Its first prices are still on their way: that is no gap."""
    assert publish(MemoryStore(), Clock()).prices == ()


def test_revises_a_minute_that_the_exchange_changed():
    store, clock = MemoryStore(), Clock()
    store_minute(store, NOON - MINUTE, price="100")
    publish(store, clock)

    store_minute(store, NOON - MINUTE, price="101")
    publication = publish(store, clock)

    assert [(p.revision, p.average.vwap) for p in publication.prices] == [(2, 101)]
    assert publication.counts_by_flag() == {"OK": 1}


def test_keeps_the_known_time_to_whole_milliseconds():
    """Cassandra's timestamp holds no microseconds: what is returned must equal what is read."""
    store, clock = MemoryStore(), Clock(NOON + timedelta(seconds=2, microseconds=1234))
    store_minute(store, NOON - MINUTE)

    publish(store, clock)

    assert published(store)[NOON - MINUTE].known_at == NOON + timedelta(seconds=2, milliseconds=1)
