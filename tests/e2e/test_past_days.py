"""Past days under Airflow: backfilled from archives and audited against them."""

import csv
import io
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path

import pytest

from include.reading.queries import as_of
from include.records.prices import Flag
from include.records.revisions import MinuteState
from include.records.windows import MINUTE, Window, from_ms
from tests.e2e.conftest import BACKFILL_FORM
from tests.e2e.conftest import RECORDED_DAYS as DAYS

RECORDED = Path(__file__).resolve().parents[1] / "data" / "binance"
FIRST = datetime(2020, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def official_minutes():
    """Each minute's quote volume and volume, from Binance's own files and no product code."""
    for day in DAYS:
        with zipfile.ZipFile(RECORDED / f"BTCUSDT-1m-{day}.zip") as archive:
            (name,) = archive.namelist()
            for row in csv.reader(io.StringIO(archive.read(name).decode())):
                if row[0].isdecimal():
                    yield from_ms(int(row[0])), Decimal(row[7]), Decimal(row[5])


def order(product, **wishes):
    return product.run_dag("backfill_prices", **BACKFILL_FORM | wishes)


@pytest.fixture(scope="module")
def recorded_days(product, backfill_of_recorded_days):
    """The minutes of the recorded days, backfilled."""
    state, logs = product.end_of_run("backfill_prices", backfill_of_recorded_days)
    assert state == "success", logs
    assert f"BTCUSDT, {DAYS[0]} to {DAYS[-1]}: 3 days fetched, 4,320 minutes published." in logs
    days = f"from={DAYS[0]}T00:00Z&to=2020-01-04T00:00Z"
    assert f"{product.url}/prices/?symbol=BTCUSDT&{days}" in logs
    return product.minutes("BTCUSDT", FIRST, FIRST + 3 * DAY)


def test_publishes_every_recorded_minute_to_the_last_digit(recorded_days):
    with localcontext() as context:
        context.prec = 60
        expected = {
            minute: (quote / volume).quantize(Decimal("1e-12"), ROUND_HALF_UP)
            for minute, quote, volume in official_minutes()
        }

    assert len(expected) == 4_320
    assert {each.average.minute: each.average.vwap for each in recorded_days} == expected


def test_flags_nothing_hard_in_the_recorded_days(recorded_days, product):
    today = datetime.now(UTC).date()
    kept = [
        row
        for row in product.store().quarantine.on_day("BTCUSDT", today)
        if row.open_time.startswith("157")
    ]
    soft = Counter(flag for each in recorded_days for flag in each.average.soft_flags.split(","))

    assert kept == []
    assert {(each.average.flag, each.average.source_level) for each in recorded_days} == {
        (Flag.OK, 2)
    }
    assert soft == {"": 4_314, "JUMP_CONFIRMED": 4, "SPIKE": 2}


def test_leaves_a_complete_day_alone_and_says_so(recorded_days, product):
    state, logs = order(product, **{"from": DAYS[0], "to": DAYS[0]})

    again = product.minutes("BTCUSDT", FIRST, FIRST + DAY)
    assert state == "success", logs
    assert f"BTCUSDT {DAYS[0]} is complete" in logs
    assert f"BTCUSDT, {DAYS[0]}: nothing was fetched, 1 day complete already." in logs
    assert again == recorded_days[:1_440]


@pytest.mark.usefixtures("recorded_days")
def test_audits_days_against_their_archive_once(product):
    days = {"from": DAYS[0], "to": DAYS[-1]}

    state, logs = product.run_dag("audit_prices", **days)

    assert state == "success", logs
    assert f"BTCUSDT {DAYS[1]}: 1440 minutes compared with the archive, 0 averaged again" in logs
    first, last = FIRST.date(), FIRST.date() + 2 * DAY
    audited = product.store().days.audited("BTCUSDT", first, last)
    assert [(each.minute_count, each.restated_count) for each in audited] == [(1_440, 0)] * 3
    read = as_of(product.store(), "BTCUSDT", Window(FIRST, FIRST + MINUTE), datetime.now(UTC))
    assert [each.state for each in read] == [MinuteState.AUDITED]

    product.run_dag("audit_prices", **days)
    assert product.store().days.audited("BTCUSDT", first, last) == audited


def test_says_what_is_wrong_with_an_order(product):
    wishes = BACKFILL_FORM | {"from": "2020-01-02", "to": "2020-01-01"}

    status, message = product.refusal_of("backfill_prices", **wishes)

    assert status == 400
    assert message.startswith("'to' (2020-01-01) is before 'from' (2020-01-02): set 'from' to")


@pytest.mark.usefixtures("recorded_days")
def test_names_a_day_that_is_nowhere_and_goes_on_with_the_others(product):
    """The exchange does not list NOSUCHUSDT, and its archive has no such day either."""
    state, logs = order(
        product, **{"from": DAYS[1], "to": DAYS[1], "symbols": ["NOSUCHUSDT", "BTCUSDT"]}
    )

    assert state == "failed"
    assert f"neither the archive nor the exchange has a row of NOSUCHUSDT on {DAYS[1]}" in logs
    assert f"BTCUSDT {DAYS[1]} is complete" in logs
    assert f"1 of 2 days failed, their own tasks say why: NOSUCHUSDT {DAYS[1]}" in logs
    assert product.minutes("NOSUCHUSDT", FIRST + DAY, FIRST + DAY + MINUTE) == []
