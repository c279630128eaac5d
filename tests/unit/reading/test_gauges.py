"""From facts to the values of gauges."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext

import pytest

from include.exchange.transport import BinanceSettings
from include.reading.gauge_facts import GaugeReader
from include.reading.gauges import (
    BudgetFacts,
    Gauge,
    GaugeFacts,
    Sample,
    SymbolCounts,
    samples_of,
)
from include.reading.health import SymbolFacts
from include.records.batches import BatchRecord
from include.records.decimals import EXACT
from include.records.errors import StoreSilentError
from include.records.request_weight import EVERY_HOST, Block, Use
from include.records.revisions import Restatement
from include.records.windows import HOUR, MINUTE
from tests.fakes.builders import average
from tests.fakes.memory_store import MemoryStore

NOW = datetime(2026, 3, 2, 12, 0, 40, 250_000, tzinfo=UTC)
CLOSED = NOW.replace(second=0, microsecond=0)
FRESH = SymbolFacts("BTCUSDT", CLOSED - MINUTE, CLOSED, CLOSED, 60, 59, 4_250, 3, 2)
COUNTS = SymbolCounts("BTCUSDT", quarantined_rows=7, refused_batches=1, restatements=2)
BUDGET = BudgetFacts(used_weight=60, ceiling_weight=3_000, breaker_open_until=None)
EXCHANGE = BinanceSettings(("https://data-api.binance.vision",), ceiling_ratio=0.5)


def facts(*symbols, counts=(COUNTS,), budget=BUDGET):
    return GaugeFacts(NOW, symbols, counts, budget)


def values(found, symbol="BTCUSDT"):
    """The values of one symbol and those of no symbol."""
    return {each.gauge: each.value for each in samples_of(found) if each.symbol in {symbol, None}}


def test_every_gauge_has_its_value():
    """59 of 60 minutes; the newest ended 40.25 s ago, and was published 4.25 s after that."""
    with localcontext(EXACT):
        completeness = Decimal(59) / 60

    assert values(facts(FRESH)) == {
        Gauge.UP: 1,
        Gauge.PUBLISH_DELAY: Decimal("4.250"),
        Gauge.GAP_FIRST: 2,
        Gauge.FRESHEST_MINUTE_AGE: Decimal("40.25"),
        Gauge.LATE: 0,
        Gauge.COMPLETENESS: completeness,
        Gauge.MISSING: 1,
        Gauge.BACKLOG: 0,
        Gauge.QUARANTINED: 7,
        Gauge.REFUSED: 1,
        Gauge.REVISIONS: 3,
        Gauge.RESTATEMENTS: 2,
        Gauge.WEIGHT_USED: 60,
        Gauge.WEIGHT_LEFT: 2_940,
        Gauge.BREAKER_OPEN: 0,
    }


def test_a_gauge_has_a_symbol_exactly_if_it_is_by_symbol():
    found = samples_of(facts(FRESH))

    assert {each.gauge for each in found} == {*Gauge}
    assert all((each.symbol is not None) == each.gauge.value.is_by_symbol for each in found)


def test_what_is_not_known_has_no_value_and_a_symbol_without_minutes_is_late():
    new = SymbolFacts("BTCUSDT", None, None, None, 0, 0)

    found = values(facts(new))

    absent = {
        Gauge.PUBLISH_DELAY,
        Gauge.FRESHEST_MINUTE_AGE,
        Gauge.COMPLETENESS,
        Gauge.BACKLOG,
    }
    assert {*Gauge} - {*found} == absent
    assert found[Gauge.LATE] == 1


def test_where_nothing_could_be_read_the_only_gauge_says_so():
    assert samples_of(None) == [Sample(Gauge.UP, None, Decimal(0))]


def test_keeps_the_values_of_a_gauge_together_and_the_symbols_in_their_order():
    eth = SymbolFacts("ETHUSDT", CLOSED - MINUTE, CLOSED, CLOSED - 3 * MINUTE, 60, 60)

    found = samples_of(facts(FRESH, eth, counts=()))

    backlogs = [(each.symbol, each.value) for each in found if each.gauge is Gauge.BACKLOG]
    assert backlogs == [("BTCUSDT", 0), ("ETHUSDT", 2)]
    order = [*Gauge]
    places = [order.index(each.gauge) for each in found]
    assert places == sorted(places)


def test_more_weight_than_the_ceiling_leaves_none():
    """Others use the address, too."""
    found = values(facts(budget=BudgetFacts(3_100, 3_000, NOW + MINUTE)))

    assert (found[Gauge.WEIGHT_LEFT], found[Gauge.BREAKER_OPEN]) == (0, 1)


@pytest.mark.parametrize("gauge", [*Gauge], ids=lambda each: each.metric)
def test_names_are_as_prometheus_wants_them(gauge):
    """`_total` is for counters, and of the units only seconds and ratio are base units."""
    assert re.fullmatch(r"minute_prices_[a-z_]+[a-z]", gauge.metric)
    assert not gauge.metric.endswith(("_total", "_count", "_sum", "_bucket", "_info"))
    for unit in ("seconds", "ratio"):
        assert (gauge.value.unit == unit) == gauge.metric.endswith(f"_{unit}")


def batch_record(fetched_at, *, quarantined=0, is_refused=False, symbol="BTCUSDT"):
    return BatchRecord(
        symbol=symbol,
        fetched_at=fetched_at,
        window_start=CLOSED - MINUTE,
        window_end=CLOSED,
        row_count=376,
        quarantined_count=quarantined,
        is_refused=is_refused,
        failed=(),
        used_weight=20,
        fetch_ms=31,
        check_ms=140,
    )


def restated(minute, known_at):
    one, two = Decimal(100), Decimal(101)
    return Restatement("BTCUSDT", minute, 2, known_at, one, two, Decimal("0.01"), is_alarming=True)


def read(store, *symbols, now=NOW, exchange=EXCHANGE):
    return GaugeReader().read(store, symbols or ("BTCUSDT",), exchange, now)


def test_counts_the_batches_fetched_within_the_last_hour():
    store = MemoryStore()
    just_inside, just_outside = NOW - HOUR + timedelta(milliseconds=1), NOW - HOUR
    store.log_batch(batch_record(just_outside, quarantined=100, is_refused=True))
    store.log_batch(batch_record(just_inside, quarantined=3))
    store.log_batch(batch_record(NOW - MINUTE, quarantined=4, is_refused=True))
    store.log_batch(batch_record(NOW - MINUTE, quarantined=50, symbol="ETHUSDT"))

    (counts,) = read(store).counts

    assert counts == SymbolCounts("BTCUSDT", 7, 1, 0)


def test_counts_what_was_restated_within_the_last_hour():
    """A minute of eight days ago is not looked for."""
    store = MemoryStore()
    store.restatements.note(
        [
            restated(NOW - timedelta(days=6), NOW - MINUTE),
            restated(NOW - timedelta(days=5), NOW - 2 * HOUR),
            restated(NOW - timedelta(days=8), NOW - MINUTE),
        ]
    )

    (counts,) = read(store).counts

    assert counts.restatements == 1


def test_reads_the_weight_of_this_minute_within_its_ceiling():
    store = MemoryStore()
    table = store.exchange_budget("default")
    table.set_weight_limit(6_000)
    table.swap_use(None, Use(CLOSED - MINUTE, 900, CLOSED - MINUTE, CLOSED - MINUTE))
    table.swap_use(None, Use(CLOSED, 62, CLOSED, CLOSED))

    assert read(store).budget == BudgetFacts(62, 3_000, None)


def test_without_a_request_in_this_minute_nothing_is_used():
    """Until the exchange states its limit, 200 is assumed."""
    assert read(MemoryStore()).budget == BudgetFacts(0, 100, None)


@pytest.mark.parametrize(
    ("host", "is_open"),
    [(EVERY_HOST, True), ("data-api.binance.vision", True), ("elsewhere", False)],
)
def test_knows_until_when_the_breaker_is_open(host, is_open):
    store, until = MemoryStore(), NOW + MINUTE
    store.exchange_budget("default").add_block(Block(host, 403, until, "HTTP 403"))

    assert read(store).budget.breaker_open_until == (until if is_open else None)


def test_has_the_symbols_in_their_order():
    store = MemoryStore()
    store.minute_prices.append([average(CLOSED - MINUTE, symbol="ETHUSDT")], NOW)

    found = read(store, "ETHUSDT", "BTCUSDT")

    assert [each.symbol for each in found.symbols] == ["ETHUSDT", "BTCUSDT"]
    assert [each.symbol for each in found.counts] == ["ETHUSDT", "BTCUSDT"]


@pytest.mark.parametrize("error", [StoreSilentError("down"), ValueError("a bug")])
def test_raises_what_keeps_a_symbol_from_being_read(monkeypatch, error):
    store = MemoryStore()

    def fail(*_):
        raise error

    monkeypatch.setattr(store, "batches_between", fail)

    with pytest.raises(type(error)):
        read(store)
