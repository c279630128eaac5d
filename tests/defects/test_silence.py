"""What becomes of a minute of which one source says nothing and another has trades.

Every cell of the table in docs/method.md: what the seconds say, what the exchange's minute says,
and, a day later, what the archive says. Nothing that a source proves is taken away by another
that is silent.
"""

import copy
import functools
import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from include.exchange.days import DayRows
from include.gx.batches import check_batch
from include.gx.minutes import check_averages
from include.method.averages import is_contradicted
from include.pipeline.auditing import audit_day
from include.pipeline.backfilling import store_day
from include.pipeline.publishing import Publisher
from include.pipeline.storing import load_batch, stored_before
from include.reading.queries import as_of
from include.records.klines import Interval
from include.records.prices import ExchangeMinute, Flag, SecondPrice
from include.records.revisions import MinuteState
from include.records.windows import MINUTE, Window
from include.tasks.gates import alarms_of
from tests.fakes.builders import NOON, batch, exchange_minute, full_minute, kline, silent
from tests.fakes.memory_store import MemoryStore

DAY = datetime(2026, 3, 1, tzinfo=UTC)
AUDITED_AT = DAY + timedelta(days=1, hours=6)
# Of the seconds: all sixty with trades; half of them; sixty without trades; none held.
SECONDS = ("all", "part", "silent", "none")
SAID = ("trades", "zero", "absent")
# By seconds and minute: level, flag, whether both agree, and whether somebody is told.
PUBLISHED = {
    ("all", "trades"): (1, Flag.OK, True, False),
    ("all", "zero"): (3, Flag.PARTIAL, False, True),
    ("all", "absent"): (3, Flag.PARTIAL, None, False),
    ("part", "trades"): (2, Flag.OK, None, False),
    ("part", "zero"): (3, Flag.PARTIAL, False, True),
    ("part", "absent"): (3, Flag.PARTIAL, None, False),
    ("silent", "trades"): (2, Flag.OK, False, True),
    ("silent", "zero"): (4, Flag.NO_TRADES, True, False),
    ("silent", "absent"): (4, Flag.NO_TRADES, None, False),
    ("none", "trades"): (2, Flag.OK, None, False),
    ("none", "zero"): (4, Flag.NO_TRADES, None, False),
    ("none", "absent"): (7, Flag.SOURCE_GAP, None, False),
}
QUIET = {("silent", "zero"), ("silent", "absent"), ("none", "zero")}
CELLS = [*itertools.product(SECONDS, SAID)]
# Minutes like any other around them, so that the gate sees a usual day.
WINDOW = Window(DAY, DAY + 60 * MINUTE)
VALUE = Decimal(100)


def after(seconds, minute, archive):
    """Level, flag and state once the archive is there."""
    level, flag, _, _ = PUBLISHED[seconds, minute]
    had_value = flag in {Flag.OK, Flag.PARTIAL}
    match archive:
        case "trades":
            by_archive = (1 if seconds == "all" else 2, Flag.OK)
            return *by_archive, MinuteState.AUDITED if had_value else MinuteState.RESTATED
        case "zero" if not had_value:
            return 4, Flag.NO_TRADES, MinuteState.AUDITED
        case _:
            return level, flag, MinuteState.FINAL


def minute_at(place):
    return DAY + place * MINUTE


def held(place, kind):
    """The seconds of a minute, each with a volume of 2 at 100."""
    traded = full_minute(minute_at(place))
    quiet = [silent(SecondPrice, each.start) for each in traded]
    return {"all": traded, "part": traded[:30], "silent": quiet, "none": []}[kind]


def said(place, kind):
    """The exchange's minute: sixty times 2 at 100."""
    start = minute_at(place)
    return {
        "trades": [exchange_minute(start, volume="120", trades=60)],
        "zero": [silent(ExchangeMinute, start)],
        "absent": [],
    }[kind]


class Archive:
    """The archive's minutes of the day: all of them of one kind in the cells."""

    def __init__(self, kind):
        self.archive, self.kind = self, kind

    def checksum(self, _file):
        return self.kind * 8

    def minutes(self, _symbol, _day):
        amounts = {
            "trades": {"volume": "120.00000000", "trades": 60},
            "zero": {"volume": "0.00000000", "trades": 0},
        }
        return [
            kline(minute, Interval.MINUTE, **amounts[self.kind if place < len(CELLS) else "trades"])
            for place, minute in enumerate(WINDOW.minutes())
            if place >= len(CELLS) or self.kind != "absent"
        ]

    def fetch(self, symbol, window, _source):
        rows = {Interval.SECOND: [], Interval.MINUTE: self.minutes(symbol, None)}
        sources = {Interval.SECOND: "", Interval.MINUTE: "archive"}
        return DayRows(symbol, window, rows, sources, AUDITED_AT)


@pytest.fixture(scope="module")
def published(checkpoints):
    """All cells of the first two dimensions as minutes of one store, published."""
    store = MemoryStore()
    kinds = CELLS + [("all", "trades")] * (WINDOW.minute_count - len(CELLS))
    for place, (seconds, minute) in enumerate(kinds):
        store.second_prices.write(held(place, seconds), WINDOW.end)
        store.exchange_minutes.write(said(place, minute), WINDOW.end)
    check = functools.partial(check_averages, checkpoints)
    publisher = Publisher(store, ["BTCUSDT"], lambda: WINDOW.end, check)
    return store, publisher.publish_windows({"BTCUSDT": [WINDOW]}, are_fetched=True)


@pytest.fixture(scope="module", params=SAID)
def audited(request, checkpoints, published):
    """The same, a day later, when the archive has come."""
    store, _ = copy.deepcopy(published)
    check = functools.partial(check_averages, checkpoints)
    publisher = Publisher(store, ["BTCUSDT"], lambda: AUDITED_AT, check)
    result = audit_day(publisher, checkpoints, Archive(request.param), "BTCUSDT", DAY.date())
    return request.param, as_of(store, "BTCUSDT", WINDOW, AUDITED_AT), result


@pytest.mark.defect(34)
@pytest.mark.parametrize("cell", CELLS, ids=" ".join)
def test_takes_no_value_from_a_source_that_has_one(published, cell):
    store, publication = published
    price = store.minute_prices.between("BTCUSDT", WINDOW)[CELLS.index(cell)]
    level, flag, is_reconciled, is_told = PUBLISHED[cell]

    found = price.average

    assert (found.source_level, found.flag) == (level, flag)
    assert found.is_reconciled is is_reconciled
    assert found.vwap == (VALUE if flag in {Flag.OK, Flag.PARTIAL} else None)
    assert is_contradicted(found) is is_told
    assert publication.withheld == ()


@pytest.mark.defect(34)
def test_shows_by_how_much_the_sources_disagree_and_says_so_once(published):
    store, publication = published
    prices = store.minute_prices.between("BTCUSDT", WINDOW)

    differences = {
        cell: (average.volume_difference, average.quote_volume_difference, average.trade_difference)
        for cell, average in zip(CELLS, (price.average for price in prices), strict=False)
        if average.is_reconciled is False
    }

    assert differences == {
        ("all", "zero"): (120, 12_000, 60),
        ("part", "zero"): (60, 6_000, 30),
        ("silent", "trades"): (-120, -12_000, -60),
    }
    (alarm,) = alarms_of(publication)
    assert alarm.startswith("BTCUSDT: in 3 minutes, the first 2026-03-01T00:01Z, ")


@pytest.mark.slow
@pytest.mark.defect(34)
@pytest.mark.defect(35)
@pytest.mark.parametrize("cell", CELLS, ids=" ".join)
def test_takes_no_value_away_and_audits_no_more_than_was_compared(audited, cell):
    kind, readings, _ = audited
    level, flag, state = after(*cell, kind)

    found = readings[CELLS.index(cell)]

    assert (found.average.source_level, found.average.flag) == (level, flag)
    assert found.state is state
    assert found.average.vwap == (VALUE if flag in {Flag.OK, Flag.PARTIAL} else None)


@pytest.mark.defect(34)
@pytest.mark.defect(35)
def test_says_what_the_archive_did_not_confirm(audited):
    kind, _, result = audited
    valued = sum(1 for _, flag, _, _ in PUBLISHED.values() if flag in {Flag.OK, Flag.PARTIAL})
    noted = result.day

    counts = (noted.minute_count, noted.absent_count, noted.contradicted_count)

    assert counts == {"trades": (60, 0, 0), "zero": (60, 0, valued), "absent": (48, 12, 0)}[kind]
    words = {
        "trades": "4 were restated",
        "zero": f"{valued} keep their value although the archive differs",
        "absent": "12 are not in the archive",
    }
    assert words[kind] in result.alarm


@pytest.mark.defect(34)
def test_lets_the_seconds_of_a_flat_minute_in(checkpoints):
    """Each of them has more than a minute of nothing, and none is the whole of it."""
    flat = kline(NOON, Interval.MINUTE, volume="0.00000000", trades=0)
    store, landed = MemoryStore(), batch(minute_rows=[flat])

    verdict = check_batch(
        checkpoints, landed, symbol="BTCUSDT", stored=stored_before(store, landed)
    )
    load_batch(store, landed, verdict, "batch.json")

    assert verdict.bad_row_count == 0
    assert verdict.failed == ("expect_seconds_to_add_up_to_their_minute",)
    assert len(store.second_prices.between("BTCUSDT", landed.window)) == 60


@pytest.mark.slow
@pytest.mark.defect(34)
def test_keeps_stored_trades_when_the_archive_says_that_there_were_none(checkpoints):
    """A second and a minute that are flat in the archive, and were traded when fetched live."""
    store = MemoryStore()
    ten = Window(DAY, DAY + 10 * MINUTE)
    for place in range(10):
        store.second_prices.write(held(place, "all"), ten.end)
        store.exchange_minutes.write(said(place, "trades"), ten.end)
    rows = {
        Interval.SECOND: [
            kline(DAY + timedelta(seconds=place), trades=1) for place in range(60 * 10)
        ],
        Interval.MINUTE: [
            kline(minute, Interval.MINUTE, volume="120.00000000", trades=60)
            for minute in ten.minutes()
        ],
    }
    rows[Interval.SECOND][70] = kline(DAY + timedelta(seconds=70), volume="0.00000000", trades=0)
    rows[Interval.MINUTE][3] = kline(minute_at(3), Interval.MINUTE, volume="0.00000000", trades=0)
    fetched = DayRows("BTCUSDT", ten, rows, dict.fromkeys(Interval, "archive"), AUDITED_AT)

    store_day(store, checkpoints, fetched)

    assert store.second_prices.between("BTCUSDT", ten)[70].volume == 2
    assert store.exchange_minutes.between("BTCUSDT", ten)[3].volume == 120
    kept = store.quarantine.on_day("BTCUSDT", AUDITED_AT.date())
    assert [[*row.observed] for row in kept] == [["expect_refetched_rows_not_to_shrink"]] * 2
