from dataclasses import replace
from datetime import timedelta

import pytest

from include.pipeline.outages import find_causes
from include.records.prices import ExchangeMinute, Flag
from include.records.windows import MINUTE
from tests.fakes.builders import NOON, average, exchange_minute, second, silent, symbol_info
from tests.fakes.memory_store import MemoryStore

BOTH = ["BTCUSDT", "ETHUSDT"]
HOUR = timedelta(hours=1)


def store_of(*rows, statuses=(), fetched_until=NOON + MINUTE):
    """BTCUSDT is silent at noon; ETHUSDT has some rows."""
    store = MemoryStore()
    for symbol in BOTH:
        store.set_stored_until(symbol, fetched_until)
    store.exchange_minutes.write([row for row in rows if isinstance(row, ExchangeMinute)], NOON)
    store.second_prices.write([row for row in rows if not isinstance(row, ExchangeMinute)], NOON)
    for moment, status in statuses:
        store.remember_symbol(replace(symbol_info(checked_at=moment), status=status))
    return store


def cause(store, symbols=BOTH):
    return find_causes(store, symbols, "BTCUSDT", [NOON]).get(NOON)


OTHER_MINUTE = exchange_minute(NOON, symbol="ETHUSDT")


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([(-5, "TRADING"), (5, "TRADING")], None),
        ([(-5, "BREAK")], Flag.HALTED),
        ([(-5, "TRADING"), (5, "HALT")], Flag.HALTED),
        ([(-5, "BREAK"), (5, "TRADING")], Flag.HALTED),
        ([(-15, "BREAK"), (-5, "TRADING"), (5, "TRADING")], None),
        ([(-5, "TRADING"), (5, "TRADING"), (15, "BREAK")], None),
        ([], None),
    ],
    ids=["trading", "halted", "then halted", "still halted", "halt over", "halt later", "unknown"],
)
def test_calls_a_minute_halted_that_lies_beside_a_word_of_a_halt(statuses, expected):
    """The exchange is asked every ten minutes: a halt began or ended somewhere in between."""
    said = [(NOON + timedelta(minutes=moment), status) for moment, status in statuses]

    assert cause(store_of(OTHER_MINUTE, statuses=said)) == expected


def test_calls_it_an_outage_when_no_symbol_has_a_row():
    assert cause(store_of()) is Flag.EXCHANGE_OUTAGE


@pytest.mark.defect(43)
@pytest.mark.parametrize("others_status", ["BREAK", "TRADING"])
def test_believes_what_the_exchange_states_of_the_symbol_first(others_status):
    """All pairs of a coin in BREAK for months have no rows, and the exchange runs all the same."""
    store = store_of(statuses=[(NOON - HOUR, "BREAK")])
    other = replace(symbol_info("ETHUSDT", checked_at=NOON - HOUR), status=others_status)
    store.remember_symbol(other)

    assert cause(store) is Flag.HALTED


@pytest.mark.defect(43)
@pytest.mark.parametrize("words", [("TRADING", "BREAK"), ("BREAK", "TRADING")])
def test_looks_at_the_others_first_where_a_halt_began_or_ended_beside_the_minute(words):
    """In maintenance the exchange says BREAK of all for a while, and nobody has a row."""
    before, after = words
    said = [(NOON - MINUTE, before), (NOON + 5 * MINUTE, after)]

    assert cause(store_of(statuses=said)) is Flag.EXCHANGE_OUTAGE
    assert cause(store_of(OTHER_MINUTE, statuses=said)) is Flag.HALTED


@pytest.mark.defect(43)
def test_takes_no_halted_symbol_for_a_witness_of_an_outage():
    """The only other symbol is halted: that it has no row says nothing of the exchange."""
    store = store_of(statuses=[(NOON - HOUR, "TRADING")])
    store.remember_symbol(replace(symbol_info("ETHUSDT", checked_at=NOON - HOUR), status="BREAK"))

    assert cause(store) is None


@pytest.mark.defect(43)
@pytest.mark.parametrize(
    ("third_fetched_until", "expected"), [(NOON + MINUTE, Flag.EXCHANGE_OUTAGE), (NOON, None)]
)
def test_asks_the_symbols_that_were_trading(third_fetched_until, expected):
    """Of two others one is halted; the one that trades decides, once it was fetched."""
    store = store_of(statuses=[(NOON - HOUR, "TRADING")])
    store.remember_symbol(replace(symbol_info("ETHUSDT", checked_at=NOON - HOUR), status="BREAK"))
    store.set_stored_until("SOLUSDT", third_fetched_until)

    assert cause(store, [*BOTH, "SOLUSDT"]) is expected


@pytest.mark.parametrize(
    "row",
    [
        OTHER_MINUTE,
        second(NOON + timedelta(seconds=59), symbol="ETHUSDT"),
        silent(ExchangeMinute, NOON, symbol="ETHUSDT"),
        silent(ExchangeMinute, NOON),
    ],
    ids=["minute", "one second", "a silent minute", "our own silent minute"],
)
def test_is_no_outage_while_any_row_is_there(row):
    assert cause(store_of(row)) is None


def test_is_no_outage_where_another_symbol_was_published_and_its_rows_have_expired():
    store = store_of()
    store.minute_prices.append([average(NOON, symbol="ETHUSDT")], NOON + MINUTE)

    assert cause(store) is None


def test_is_not_called_an_outage_before_the_others_were_fetched():
    store = store_of(fetched_until=NOON)
    store.set_stored_until("BTCUSDT", NOON + MINUTE)

    assert cause(store) is None


def test_one_symbol_alone_never_shows_an_outage():
    assert cause(store_of(), symbols=["BTCUSDT"]) is None


def test_explains_each_minute_of_many():
    minutes = [NOON + number * MINUTE for number in range(3)]
    store = store_of(exchange_minute(minutes[1], symbol="ETHUSDT"), fetched_until=NOON + 3 * MINUTE)

    assert find_causes(store, BOTH, "BTCUSDT", minutes) == {
        minutes[0]: Flag.EXCHANGE_OUTAGE,
        minutes[2]: Flag.EXCHANGE_OUTAGE,
    }
