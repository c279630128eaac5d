"""What every store keeps of the history of minutes and days: memory and a real Cassandra alike."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from include.method.grading import annotate
from include.reading.queries import as_of, latest
from include.records.columns import SpanColumns
from include.records.prices import Flag
from include.records.revisions import AuditedDay, BackfilledDay, MinuteState, Restatement
from include.records.windows import MINUTE, Window, floor_minute
from tests.fakes.builders import NOON, average, exchange_minute, full_minute, second

DAY = timedelta(days=1)
TODAY = NOON.date()
FIVE_MINUTES = Window(NOON, NOON + 5 * MINUTE)
RESTATED = Restatement(
    symbol="BTCUSDT",
    minute=NOON + MINUTE,
    revision=2,
    known_at=NOON + DAY,
    vwap_before=Decimal("100.000000000001"),
    vwap_after=Decimal("101.5"),
    difference_ratio=Decimal("0.015"),
    is_alarming=True,
)
UNCONFIRMED = frozenset({NOON + 3 * MINUTE, NOON + 4 * MINUTE, NOON + 5 * MINUTE})
AUDITED = AuditedDay(
    *("BTCUSDT", TODAY, NOON + DAY, "ab" * 32, 1_438, 1, 1, Decimal("0.015")),
    absent_count=2,
    contradicted_count=1,
    unconfirmed=UNCONFIRMED,
)
BACKFILLED = BackfilledDay(
    *("BTCUSDT", TODAY, NOON + DAY, "archive,archive", 86_400, 1_440, 0),
    row_count=87_840,
    quarantined_count=12,
)


def test_keeps_the_ledger_of_restatements_once_each(store):
    other = replace(RESTATED, minute=NOON, vwap_before=None, difference_ratio=None)

    store.restatements.note([RESTATED, other])
    store.restatements.note([RESTATED])

    assert store.restatements.between("BTCUSDT", FIVE_MINUTES) == [other, RESTATED]
    assert store.restatements.between("BTCUSDT", Window(NOON, NOON + MINUTE)) == [other]
    assert store.restatements.between("ETHUSDT", FIVE_MINUTES) == []


def test_keeps_each_audit_of_a_day_by_a_day_that_is_a_key(store):
    again = replace(
        AUDITED,
        audited_at=NOON + 2 * DAY,
        largest_difference_ratio=None,
        unconfirmed=frozenset(),
    )
    before = replace(AUDITED, day=TODAY - DAY)

    for each in (again, before, AUDITED):
        store.days.note_audit(each)

    found = store.days.audited("BTCUSDT", TODAY - DAY, TODAY)
    assert found == [before, AUDITED, again]
    assert {each.day for each in found} == {TODAY - DAY, TODAY}
    assert {type(each.day) for each in found} == {date}
    assert store.days.audited("BTCUSDT", TODAY, TODAY) == [AUDITED, again]


def test_keeps_the_last_backfill_of_a_day_by_a_day_that_is_a_key(store):
    again = replace(BACKFILLED, finished_at=NOON + 2 * DAY, sources="rest,rest")

    for each in (BACKFILLED, again, replace(BACKFILLED, symbol="ETHUSDT")):
        store.days.note_backfill(each)

    found = store.days.backfilled("BTCUSDT", TODAY - DAY, TODAY + DAY)
    assert found == [again]
    assert {each.day for each in found} == {TODAY}


def test_keeps_the_exchanges_own_averages_by_minute(store):
    store.five_minute_prices.keep("BTCUSDT", NOON, Decimal("100.12345678"))
    store.five_minute_prices.keep("BTCUSDT", NOON + 5 * MINUTE, Decimal(101))

    assert store.five_minute_prices.between("BTCUSDT", FIVE_MINUTES) == {
        NOON: Decimal("100.12345678")
    }


def test_gives_stored_seconds_as_columns(store):
    """The second price does not fit into 64 bits; scales differ."""
    written = [
        second(NOON, price="100.5", volume="2"),
        second(NOON + MINUTE, price="99999999999.12345678", volume="1E+3"),
    ]
    store.second_prices.write(written, NOON + DAY)
    store.exchange_minutes.write([exchange_minute(NOON)], NOON + DAY)

    columns = store.second_prices.columns("BTCUSDT", FIVE_MINUTES)

    for name in ("open", "volume", "quote_volume", "trade_count", "starts_s"):
        expected = getattr(SpanColumns.of(written), name)
        assert getattr(columns, name).tolist() == expected.tolist()
    assert len(store.exchange_minutes.columns("BTCUSDT", FIVE_MINUTES)) == 1
    assert len(store.second_prices.columns("ETHUSDT", FIVE_MINUTES)) == 0


def test_joins_the_columns_of_two_days(store):
    start = NOON.replace(hour=23, minute=59)
    store.second_prices.write(full_minute(start) + full_minute(start + MINUTE), NOON + DAY)

    columns = store.second_prices.columns("BTCUSDT", Window(start, start + 2 * MINUTE))

    assert len(columns) == 120
    assert (columns.starts_s[1:] - columns.starts_s[:-1]).tolist() == [1] * 119


def test_keeps_all_that_stands_beside_an_average(store):
    gap = replace(
        average(NOON + MINUTE, vwap=None, flag=Flag.SOURCE_GAP, level=7), is_reconciled=None
    )
    written = annotate([average(NOON, vwap="100.000000000001"), gap], {})

    store.minute_prices.append(written, NOON + DAY)

    held = [price.average for price in store.minute_prices.between("BTCUSDT", FIVE_MINUTES)]
    assert held == written
    assert (held[1].filled_vwap, held[1].fill_age_seconds) == (written[0].vwap, 60)


def test_tells_how_final_a_minute_is_now_and_was(store):
    store.minute_prices.append([average(NOON)], NOON + MINUTE)
    store.minute_prices.append([average(NOON + MINUTE)], NOON + 2 * MINUTE)
    store.minute_prices.append([average(NOON + MINUTE, vwap="101.5")], RESTATED.known_at)
    store.restatements.note([RESTATED])
    store.days.note_audit(AUDITED)

    def states(moment):
        return [each.state for each in as_of(store, "BTCUSDT", FIVE_MINUTES, moment)]

    assert states(NOON + 3 * MINUTE) == [MinuteState.PROVISIONAL] * 2
    assert states(NOON + 30 * MINUTE) == [MinuteState.FINAL] * 2
    assert states(NOON + 2 * DAY) == [MinuteState.AUDITED, MinuteState.RESTATED]
    assert as_of(store, "BTCUSDT", FIVE_MINUTES, NOON + 2 * DAY)[1].average.vwap == Decimal("101.5")


def test_reads_the_newest_minute_with_its_state(store):
    minute = floor_minute(datetime.now(UTC)) - 5 * MINUTE
    store.minute_prices.append([average(minute)], minute + MINUTE)

    assert latest(store, "BTCUSDT", minute + 2 * MINUTE).state is MinuteState.PROVISIONAL
    assert latest(store, "ETHUSDT", minute) is None
