from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.pipeline.publishing import Publisher
from include.records.prices import ExchangeMinute, Flag, MinutePrice
from include.records.revisions import BackfilledDay, restatement
from include.records.windows import MINUTE, Window
from tests.fakes.builders import NOON, average, exchange_minute, minute_price, second, silent
from tests.fakes.memory_store import MemoryStore

BOTH = ("BTCUSDT", "ETHUSDT")
# Sixteen minutes after its start no usual run averages noon again.
FINAL_AT = NOON + 16 * MINUTE
LATER = NOON + timedelta(hours=5)
# Ups and downs of a hundredth of a percent.
QUIET = ["100", "100.01"] * 15


def at(index):
    return NOON + index * MINUTE


def store_minutes(store, first, *prices, volume="2"):
    """Store a minute for each price from the first on; None is a gap, 0 a silent minute."""
    for index, price in enumerate(prices, start=first):
        if price == "0":
            store.exchange_minutes.write([silent(ExchangeMinute, at(index))], NOON)
        elif price:
            minute = exchange_minute(at(index), price=price, volume=volume)
            last = second(at(index + 1) - timedelta(seconds=1), price=price)
            store.exchange_minutes.write([minute], NOON)
            store.second_prices.write([last], NOON)


def publisher(store, known_at, symbols=("BTCUSDT",)):
    return Publisher(store, symbols, lambda: known_at, lambda _averages, _asked_for: {})


def publish(store, start, end, *, known_at=LATER):
    """Publish the minutes of BTCUSDT from one number after noon to another, exclusive."""
    windows = {"BTCUSDT": [Window(at(start), at(end))]}
    return publisher(store, known_at).publish_windows(windows, are_fetched=True)


def published(store, index, moment=LATER + timedelta(days=1)):
    revisions = store.minute_prices.history("BTCUSDT", Window(at(index), at(index + 1)))
    return [each for each in revisions if each.known_at <= moment][-1]


def noted(store):
    return store.restatements.between("BTCUSDT", Window(at(-60), at(60)))


def changed(before, after, known_at=LATER, **changes):
    """What becomes of noon when another value follows."""
    revised = replace(average(vwap=after), **changes)
    return restatement(minute_price(vwap=before), MinutePrice(revised, 2, known_at))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("100", "100.1", (Decimal("0.001"), False)),
        ("100", "100.11", (Decimal("0.0011"), True)),
        ("100", "99.9", (Decimal("-0.001"), False)),
        ("100", "99.89", (Decimal("-0.0011"), True)),
        ("100", None, (None, True)),
        (None, "100", (None, False)),
    ],
    ids=["tenth of a percent", "more", "down", "more, down", "taken back", "gap repaired late"],
)
def test_alarms_beyond_a_tenth_of_a_percent(before, after, expected):
    found = changed(before, after)

    assert (found.difference_ratio, found.is_alarming) == expected


def test_restates_only_where_the_average_changed():
    assert changed("100", "100", volume=Decimal(3)) is None
    assert changed("100", "100.00", flag=Flag.PARTIAL) is None
    assert changed(None, None, flag=Flag.EXCHANGE_OUTAGE) is None


def test_restates_only_what_was_final():
    assert changed("100", "200", FINAL_AT - timedelta(milliseconds=1)) is None
    assert changed("100", "200", FINAL_AT).difference_ratio == 1


def test_a_restatement_says_what_it_changed():
    assert str(changed("100", "99")) == (
        "BTCUSDT 2026-03-01T12:00Z was 100 and is now 99 (-1.0000%), revision 2"
    )


def test_notes_a_late_correction_and_keeps_what_was_known_before():
    store = MemoryStore()
    store_minutes(store, 0, "100", "100")
    publish(store, 0, 2, known_at=at(2))

    store_minutes(store, 0, "101")
    publication = publish(store, 0, 2)

    assert (published(store, 0).revision, published(store, 0).average.vwap) == (2, 101)
    assert published(store, 0, LATER - timedelta(milliseconds=1)).average.vwap == 100
    (restated,) = publication.restated
    assert noted(store) == [restated]
    assert (restated.minute, restated.revision, restated.known_at) == (NOON, 2, LATER)
    assert (restated.vwap_before, restated.vwap_after) == (100, 101)
    assert restated.is_alarming


@pytest.mark.parametrize(
    ("price", "volume", "corrected_at"),
    [("101", "2", at(15)), ("100", "3", LATER)],
    ids=["within the overlap", "of the volume alone"],
)
def test_appends_a_correction_without_a_note(price, volume, corrected_at):
    store = MemoryStore()
    store_minutes(store, 0, "100")
    publish(store, 0, 1, known_at=at(1))

    store_minutes(store, 0, price, volume=volume)
    publication = publish(store, 0, 1, known_at=corrected_at)

    assert [each.revision for each in publication.prices] == [2]
    assert publication.restated == ()
    assert noted(store) == []


def test_notes_a_gap_that_is_repaired_late_without_an_alarm():
    store = MemoryStore()
    publish(store, 0, 1, known_at=at(1))

    store_minutes(store, 0, "100")
    publish(store, 0, 1)

    (restated,) = noted(store)
    assert (restated.vwap_before, restated.vwap_after) == (None, 100)
    assert not restated.is_alarming


def test_notes_nothing_of_a_first_publication_however_late():
    store = MemoryStore()
    store_minutes(store, 0, "100")

    assert publish(store, 0, 1).restated == ()


def test_confirms_a_published_jump_when_the_next_two_minutes_are_there():
    """One minute at 110 may be a bad trade; three are not. Of 90, JUMP costs 20 and SEAM 10."""
    store = MemoryStore()
    store_minutes(store, 0, *QUIET, "110")
    publish(store, 0, 31, known_at=at(31))
    before = published(store, 30)

    store_minutes(store, 31, "110", "110")
    publication = publish(store, 31, 33)

    after = published(store, 30)
    assert (before.average.soft_flags, before.average.quality) == ("JUMP,SEAM", 60)
    assert (after.average.soft_flags, after.average.quality) == ("JUMP_CONFIRMED,SEAM", 80)
    assert (after.revision, after.known_at) == (2, LATER)
    assert {price.average.minute for price in publication.prices} == {at(30), at(31), at(32)}
    assert publication.restated == ()


def test_fills_a_published_minute_anew_when_the_value_before_it_is_repaired():
    """Minutes 1 and 2 stood filled with 100; minute 3 has a value of its own."""
    store = MemoryStore()
    store_minutes(store, 0, "100", "0", None, "102")
    publish(store, 0, 4, known_at=at(4))

    store_minutes(store, 0, "101")
    publish(store, 0, 1)

    found = [published(store, index) for index in range(4)]
    assert [price.revision for price in found] == [2, 2, 2, 1]
    assert [price.average.filled_vwap for price in found] == [101, 101, 101, 102]
    assert [price.average.fill_age_seconds for price in found] == [0, 60, 120, 0]
    assert [each.minute for each in noted(store)] == [NOON]


def test_leaves_published_neighbours_alone_that_say_the_same():
    store = MemoryStore()
    store_minutes(store, 0, "100", "100", "100", "0")
    publish(store, 0, 2)
    publish(store, 3, 4)

    publication = publish(store, 2, 3)

    assert [price.average.minute for price in publication.prices] == [at(2), at(3)]
    assert published(store, 3).average.filled_vwap == 100


PRICES = st.sampled_from([*["100", "100.01", "100.02"] * 4, "99", "101", "110", "0", None])
LENGTH = 60
CUTS = st.sets(st.integers(1, LENGTH - 1), min_size=1, max_size=3)


@pytest.mark.slow
@given(st.lists(PRICES, min_size=LENGTH, max_size=LENGTH), CUTS, st.randoms())
def test_publishes_the_same_in_parts_as_at_once(prices, cuts, random):
    """In whatever order the parts come; every minute is published, with a value or without."""
    parts = list(pairwise(sorted({0, LENGTH, *cuts})))
    random.shuffle(parts)
    whole, cut = MemoryStore(), MemoryStore()
    for store in (whole, cut):
        store_minutes(store, 0, *prices)

    publication = publish(whole, 0, LENGTH)
    for place, part in enumerate(parts):
        publish(cut, *part, known_at=LATER + place * MINUTE)

    assert averages(cut) == averages(whole)
    valued = [price for price in publication.prices if price.average.vwap is not None]
    assert len(valued) == sum(price not in {"0", None} for price in prices)
    assert len(publication.prices) == LENGTH


def averages(store):
    window = Window(at(0), at(LENGTH))
    return [price.average for price in store.minute_prices.between("BTCUSDT", window)]


def test_explains_a_gap_again_when_another_symbols_day_was_backfilled_later():
    """ETHUSDT has a row in minute 2 and none in minute 1: there the exchange was out.

    Minute 2 was filled with 100 before, and nothing is carried over an outage.
    """
    store, window = MemoryStore(), Window(at(0), at(3))
    store_minutes(store, 0, "100", None, None)
    publish(store, 0, 3)
    early = publisher(store, LATER, BOTH).explain_again(window)

    store.exchange_minutes.write([exchange_minute(at(2), symbol="ETHUSDT")], LATER)
    store.days.note_backfill(BackfilledDay("ETHUSDT", NOON.date(), LATER, "rest", 60, 1, 1))
    again = publisher(store, LATER + MINUTE, BOTH).explain_again(window)

    assert early.prices == ()
    assert [price.revision for price in again.prices] == [2, 2]
    outage, gap = (price.average for price in again.prices)
    assert (outage.flag, outage.source_level) == (Flag.EXCHANGE_OUTAGE, 6)
    assert (gap.flag, gap.filled_vwap) == (Flag.SOURCE_GAP, None)
    assert published(store, 2, LATER).average.filled_vwap == 100
