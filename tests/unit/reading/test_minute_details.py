from datetime import timedelta
from decimal import Decimal

import pytest

from include.reading.minute_details import details_of, reading_values
from include.reading.queries import latest
from include.records.batches import BatchRecord
from include.records.klines import Interval
from include.records.prices import Flag
from include.records.revisions import BackfilledDay
from include.records.verdicts import WITHHELD
from include.records.windows import MINUTE, SECOND
from tests.fakes.builders import NOON, average, kline, quarantined_row
from tests.fakes.memory_store import MemoryStore

LATER = NOON + timedelta(hours=5)
MIDNIGHT = NOON + timedelta(hours=12)


@pytest.fixture
def store():
    return MemoryStore()


def log(store, fetched_at, minute=NOON, **changes):
    record = BatchRecord(
        symbol="BTCUSDT",
        fetched_at=fetched_at,
        window_start=minute,
        window_end=minute + MINUTE,
        row_count=376,
        quarantined_count=0,
        is_refused=False,
        failed=(),
        used_weight=6,
        fetch_ms=10,
        check_ms=120,
        **{"dag_id": "ingest_prices", "run_id": "scheduled__1", **changes},
    )
    store.log_batch(record)


def story(store, minute=NOON, moment=LATER):
    return details_of(store, "BTCUSDT", minute, moment)


def test_tells_every_revision_with_all_digits(store):
    store.minute_prices.append([average(vwap="0.000000012300")], NOON + MINUTE)
    store.minute_prices.append([average(vwap=None, flag=Flag.HALTED)], NOON + 2 * MINUTE)

    found = story(store)

    assert [(each["revision"], each["vwap"]) for each in found["revisions"]] == [
        (1, "0.000000012300"),
        (2, None),
    ]
    assert found["state"] == "FINAL"


def test_tells_nothing_of_a_later_revision(store):
    store.minute_prices.append([average()], NOON + MINUTE)
    store.minute_prices.append([average(vwap="99")], NOON + 2 * MINUTE)

    found = story(store, moment=NOON + MINUTE)

    assert [each["revision"] for each in found["revisions"]] == [1]


def test_tells_the_run_of_the_batch_that_covered_it(store):
    log(store, NOON + 65 * SECOND)
    log(store, NOON + 125 * SECOND, NOON + MINUTE)

    (batch,) = story(store)["batches"]

    assert (batch["dag_id"], batch["run_id"]) == ("ingest_prices", "scheduled__1")
    assert batch["fetched_at"] == "2026-03-01T12:01:05Z"


def test_finds_the_batch_of_a_backfill_on_the_day_it_ran(store):
    ran_at = NOON + timedelta(days=3)
    store.days.note_backfill(
        BackfilledDay("BTCUSDT", NOON.date(), ran_at, "archive", 86_400, 1_440, 0)
    )
    log(store, ran_at, dag_id="backfill_prices")

    assert [each["dag_id"] for each in story(store, moment=ran_at)["batches"]] == [
        "backfill_prices"
    ]


def test_finds_the_batch_that_came_after_midnight(store):
    log(store, MIDNIGHT + 5 * SECOND, MIDNIGHT - MINUTE)

    assert len(story(store, MIDNIGHT - MINUTE, MIDNIGHT + MINUTE)["batches"]) == 1


@pytest.mark.parametrize(
    ("row", "interval"),
    [
        pytest.param(kline(NOON + 59 * SECOND), Interval.SECOND, id="a second of it"),
        pytest.param([kline(NOON)[0] * 1000], Interval.SECOND, id="in microseconds"),
        pytest.param([NOON.isoformat()], WITHHELD, id="withheld"),
    ],
)
def test_tells_refused_rows_of_the_minute(store, row, interval):
    store.quarantine.keep([quarantined_row(row, interval=interval)])

    (refused,) = story(store)["quarantined"]

    assert refused["observed"] == {"expect_prices_to_be_in_order": "low 99"}


@pytest.mark.parametrize("row", [kline(NOON + MINUTE), ["noon"], [-1]])
def test_leaves_refused_rows_of_other_minutes_out(store, row):
    store.quarantine.keep([quarantined_row(row)])

    assert story(store)["quarantined"] == []


def test_tells_of_a_minute_of_which_nothing_is_known(store):
    found = story(store)

    assert (found["state"], found["revisions"], found["batches"]) == (None, [], [])


def test_writes_a_reading_as_json_has_it(store):
    store.minute_prices.append([average(vwap="100.5")], NOON + MINUTE)

    values = reading_values(latest(store, "BTCUSDT", LATER), "GENERATED")

    assert (values["vwap"], values["minute"]) == ("100.5", "2026-03-01T12:00:00Z")
    assert values["source"] == "GENERATED"
    assert (values["flag"], values["grade"], values["is_late"]) == ("OK", "A", False)
    assert not any(isinstance(value, float | Decimal) for value in values.values())
