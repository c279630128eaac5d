"""A backup of a real keyspace and mart, restored into empty ones."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from upath import UPath

from include.backup.__main__ import main
from include.backup.manifest import DamagedBackupError, Scope, read_manifest
from include.backup.restoring import restore, verify
from include.backup.saving import save
from include.method.grading import annotate
from include.reading.queries import as_of
from include.records.batches import BatchRecord
from include.records.errors import SettingsError
from include.records.prices import Flag
from include.records.revisions import AuditedDay, BackfilledDay, Restatement
from include.records.verdicts import State
from include.records.windows import DAY, MINUTE, SECOND, Window
from include.store.copied_tables import COPIED_TABLES
from include.store.restored_files import RestoredFiles
from include.store.schema import migrate
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.statements import Statements
from include.store.store import connect
from tests.contract.conftest import KEYSPACES
from tests.fakes.builders import (
    NOON,
    average,
    exchange_minute,
    full_minute,
    quarantined_row,
    second,
    symbol_info,
)

SYMBOLS = ("BTCUSDT", "币安人生USDT")
# Two months, whose last minutes are in another partition than the first.
START = NOON.replace(month=2, day=28, hour=23, minute=50)
SPAN = Window(START, START + 20 * MINUTE)
COPIED = [table.name for table in COPIED_TABLES]


def fill(store):
    """Write what a pipeline writes, with digits, gaps, revisions and refused rows."""
    for symbol in SYMBOLS:
        for place, minute in enumerate(SPAN.minutes()):
            seconds = full_minute(minute, symbol=symbol, price="100.10", volume="0.00000001")
            store.second_prices.write(seconds, minute + MINUTE)
            store.exchange_minutes.write([exchange_minute(minute, symbol=symbol)], minute + MINUTE)
            made = average(minute, symbol=symbol, vwap=f"100.{place:012}")
            gap = replace(average(minute, symbol=symbol, vwap=None, flag=Flag.INGEST_GAP))
            first = gap if place % 5 == 0 else made
            store.minute_prices.append(annotate([first], {}), minute + MINUTE + 7 * SECOND)
            if place % 3 == 0:
                again = replace(made, vwap=made.vwap + Decimal("1E-12"), volume=Decimal("2.000"))
                store.minute_prices.append([again], minute + timedelta(hours=2, seconds=place))
        # Written later with an older fetch time, as a slow task does: it must not win.
        late = second(START, symbol=symbol, price="999")
        store.second_prices.write([late], START)
        store.second_prices.write(
            [second(START + DAY, symbol=symbol, price="99999999999.12345678", volume="1E+3")],
            START + DAY,
        )
        store.five_minute_prices.keep(symbol, START, Decimal("100.12345678"))
        row, settled = (
            quarantined_row(symbol=symbol, payload=payload) for payload in ('["1"]', '["2", ""]')
        )
        store.quarantine.keep([row, settled])
        store.quarantine.settle(settled, State.CLOSED, NOON + DAY, "seen")
        store.restatements.note(
            [
                Restatement(
                    *(symbol, START, 2, START + timedelta(hours=2), None, Decimal("1.50"), None),
                    is_alarming=False,
                )
            ]
        )
        store.days.note_backfill(
            BackfilledDay(symbol, START.date(), NOON, "archive,rest", 86_400, 1_440, 1, 87_840, 2)
        )
        store.days.note_audit(
            AuditedDay(
                *(symbol, START.date(), NOON + DAY, "ab" * 32, 1_438, 1, 0, Decimal("0.0150")),
                unconfirmed=frozenset({START, START + MINUTE}),
            )
        )
        store.remember_symbol(symbol_info(symbol, checked_at=NOON))
        store.log_batch(
            BatchRecord(
                *(symbol, NOON, START, NOON, 360, 2, False, ("expect_order", "expect_tick")),
                *(4, 12, 30, "ingest_prices", None),
            )
        )
        store.set_stored_from(symbol, START)
        store.set_stored_until(symbol, SPAN.end)
        store.set_averaged_until(symbol, SPAN.end)


def execute(settings, statement):
    """Run a statement on a keyspace; its table is written as KEYSPACE.table."""
    return SESSIONS.get(settings).execute(statement.replace("KEYSPACE", settings.keyspace))


def rows_of(settings, table):
    """All rows of a table: 1.50 is not 1.5 here, nor an empty text a null."""
    rows = execute(settings, f"SELECT * FROM KEYSPACE.{table}")  # noqa: S608 - a name of ours
    return sorted(repr(sorted(row.items())) for row in rows)


def written_at(settings, table, column):
    times = f"WRITETIME({column}) AS at_us, TTL({column}) AS ttl"
    rows = execute(settings, f"SELECT {times} FROM KEYSPACE.{table}")  # noqa: S608 - names of ours
    # What is left to live has become less by the seconds that the test took.
    return Counter((row["at_us"], row["ttl"] is None) for row in rows)


def answers(settings):
    """What each symbol's minutes were at every moment at which one of them became known."""
    store = connect(settings)
    prices = [price for symbol in SYMBOLS for price in store.minute_prices.history(symbol, SPAN)]
    moments = sorted({price.known_at for price in prices} | {NOON, NOON + 2 * DAY})
    return {
        (symbol, moment): as_of(store, symbol, SPAN, moment)
        for symbol in SYMBOLS
        for moment in moments
    }


@pytest.fixture(scope="module")
def filled(cassandra):
    """Settings of a keyspace with rows in every table that a pipeline writes."""
    settings = CassandraSettings(
        hosts=(cassandra.host,), port=cassandra.port, keyspace=next(KEYSPACES)
    )
    migrate(settings)
    fill(connect(settings))
    execute(
        settings,
        "INSERT INTO KEYSPACE.quarantined_price (symbol, detected_day, interval, open_time, "
        "payload, expectations, detected_at) VALUES ('BTCUSDT', '2026-03-01', '1s', '1', '[]', "
        "['expect_order'], '2026-03-01 12:00Z')",
    )
    return settings


def scope_of(settings, **changes):
    return Scope(**{"keyspace": settings.keyspace, "with_mart": False} | changes)


@pytest.fixture
def backup(filled, tmp_path):
    folder = UPath(tmp_path / "backup")
    save(filled, folder, scope_of(filled))
    return folder


@pytest.fixture
def elsewhere(empty):
    """Settings of a keyspace whose tables hold nothing."""
    return empty


def test_every_row_comes_back_with_each_digit_and_its_write_time(filled, backup, elsewhere):
    done = restore(elsewhere, backup, with_mart=False)

    for table in COPIED:
        assert rows_of(filled, table), f"the test fills no row into {table}"
        assert rows_of(elsewhere, table) == rows_of(filled, table), table
    for table, column in (
        ("price_by_second", "open"),
        ("minute_price", "known_at"),
        ("exchange_minute", "open"),
        ("symbol_info", "checked_at"),
    ):
        assert written_at(elsewhere, table, column) == written_at(filled, table, column), table
    assert (done.rows, done.expired, done.skipped) == (
        sum(len(rows_of(filled, table)) for table in COPIED),
        0,
        0,
    )


def test_what_was_known_at_any_moment_is_the_same(filled, backup, elsewhere):
    restore(elsewhere, backup, with_mart=False)

    before = answers(filled)
    assert len(before) > 50
    assert answers(elsewhere) == before


def test_a_restored_keyspace_works_on(backup, elsewhere):
    """The next revision follows those restored; an older fetch of a second changes nothing."""
    restore(elsewhere, backup, with_mart=False)
    store = connect(elsewhere)
    held = store.minute_prices.between("BTCUSDT", SPAN)[1]
    before = store.second_prices.between("BTCUSDT", SPAN)

    changed = replace(held.average, vwap=held.average.vwap + 1)
    (written,) = store.minute_prices.append([changed], NOON + 3 * DAY)
    store.second_prices.write([second(START, price="1")], START)

    assert written.revision == held.revision + 1
    assert store.second_prices.between("BTCUSDT", SPAN) == before


def test_saves_some_symbols_and_days(filled, elsewhere, tmp_path):
    """The days of March only: the minutes of a month are one file, and come whole."""
    march = SPAN.end.date()
    scope = scope_of(filled, symbols=("BTCUSDT",), first_day=march)

    save(filled, UPath(tmp_path), scope)
    restore(elsewhere, UPath(tmp_path), with_mart=False)

    store = connect(elsewhere)
    days = {price.start.date() for price in store.second_prices.between("BTCUSDT", SPAN)}
    minutes = [price.average.minute for price in store.minute_prices.between("BTCUSDT", SPAN)]
    assert days == {march}
    assert minutes == [minute for minute in SPAN.minutes() if minute.month == march.month]
    assert store.minute_prices.between(SYMBOLS[1], SPAN) == []
    assert rows_of(elsewhere, "watermark") == rows_of(elsewhere, "backfilled_day") == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-9]), "truncated"),
        (lambda file: file.write_bytes(file.read_bytes()[:-1] + b"?"), "was altered"),
        (lambda file: file.unlink(), "missing"),
    ],
    ids=["truncated", "altered", "missing"],
)
def test_restores_nothing_of_a_damaged_backup(filled, backup, damage, message):
    elsewhere = replace(filled, keyspace=next(KEYSPACES))
    damage(backup / read_manifest(backup).files[-1].path)

    with pytest.raises(DamagedBackupError, match=message):
        restore(elsewhere, backup, with_mart=False)

    assert Statements(elsewhere).run("select_keyspace", (elsewhere.keyspace,)) == []


def test_refuses_an_altered_manifest(backup):
    """One row fewer than were saved."""
    file = backup / "manifest.json"
    content = json.loads(file.read_text())
    content["files"][0]["rows"] -= 1
    file.write_text(json.dumps(content))

    with pytest.raises(DamagedBackupError, match="checksum"):
        verify(backup)


def test_an_interrupted_save_goes_on_with_what_is_not_written_yet(filled, backup):
    """Killed while it wrote the minutes: some of their files and all that follows are absent."""
    complete = read_manifest(backup)
    tables = [table for table, *_ in complete.by_table()]
    at = tables.index("cassandra/minute_price")
    (backup / "manifest.json").unlink()
    lost = [file for file in complete.files if tables.index(file.table) >= at][1:]
    for file in lost:
        (backup / file.path).unlink()
    for table in tables[at:]:
        (backup / "parts" / f"{table.replace('/', '-')}.json").unlink()
    kept = {
        file: (backup / file.path).stat().st_mtime_ns for file in complete.files if file not in lost
    }

    again = save(filled, backup, scope_of(filled))

    assert [(file.path, file.rows) for file in again.files] == [
        (file.path, file.rows) for file in complete.files
    ]
    assert again.begun == complete.begun
    assert {file: (backup / file.path).stat().st_mtime_ns for file in kept} == kept
    assert verify(backup) == read_manifest(backup)


def test_an_interrupted_restore_goes_on_with_what_is_not_written_yet(filled, backup, elsewhere):
    """Killed while it wrote the minutes: half of them are there, and not recorded as written."""
    restore(elsewhere, backup, with_mart=False)
    files = dict(enumerate(read_manifest(backup).files, start=1))
    progress = RestoredFiles(elsewhere, read_manifest(backup).begun.id)
    progress.begin()
    for number, file in files.items():
        if file.table != "cassandra/minute_price":
            progress.add(number, file.path, file.sha256)
    execute(
        elsewhere,
        "DELETE FROM KEYSPACE.minute_price WHERE symbol = 'BTCUSDT' AND month = '2026-02'",
    )

    done = restore(elsewhere, backup, with_mart=False)

    assert done.skipped == sum(f.table != "cassandra/minute_price" for f in files.values())
    assert done.rows == len(rows_of(filled, "minute_price"))
    assert not progress.is_begun()


def test_a_restore_whose_rows_were_deleted_begins_again(filled, backup, elsewhere):
    restore(elsewhere, backup, with_mart=False)
    progress = RestoredFiles(elsewhere, read_manifest(backup).begun.id)
    progress.begin()
    for number, file in enumerate(read_manifest(backup).files, start=1):
        progress.add(number, file.path, file.sha256)
    for table in COPIED:
        execute(elsewhere, f"TRUNCATE KEYSPACE.{table}")

    done = restore(elsewhere, backup, with_mart=False)

    assert done.skipped == 0
    assert rows_of(elsewhere, "minute_price") == rows_of(filled, "minute_price")


def test_refuses_a_keyspace_that_is_not_empty_unless_asked(filled, backup):
    """Written twice, a row is the same row: Cassandra would double a list."""
    with pytest.raises(SettingsError, match="not empty"):
        restore(filled, backup, with_mart=False)

    before = {table: rows_of(filled, table) for table in COPIED}
    restore(filled, backup, with_mart=False, into_others=True)
    assert {table: rows_of(filled, table) for table in COPIED} == before


def test_refuses_a_folder_of_another_backup(filled, backup):
    with pytest.raises(SettingsError, match="finished backup"):
        save(filled, backup, scope_of(filled))

    (backup / "manifest.json").unlink()
    with pytest.raises(SettingsError, match="interrupted backup"):
        save(filled, backup, scope_of(filled, symbols=("BTCUSDT",)))


def test_the_mart_comes_back_row_for_row(  # noqa: PLR0913, PLR0917 - one for each place
    filled, elsewhere, tmp_path, mart_database, new_mart, use_mart
):
    from include.mart import mart  # noqa: PLC0415 - imports pandas, as only tasks do

    store = connect(filled)
    mart.refresh([p for symbol in SYMBOLS for p in store.minute_prices.history(symbol, SPAN)])
    mart.take_restatements(store.restatements.between("BTCUSDT", SPAN))
    mart.advance_watermark(mart.newest())
    before = {
        **mart_database.everything(),
        "watermark": mart_database.rows("SELECT * FROM watermark"),
    }
    folder = UPath(tmp_path / "with_mart")

    save(filled, folder, scope_of(filled, with_mart=True))
    other = use_mart(new_mart("sqlite"))
    restore(elsewhere, folder, with_mart=True)

    after = {**other.everything(), "watermark": other.rows("SELECT * FROM watermark")}
    assert all(before.values())
    assert after == before
    with pytest.raises(SettingsError, match="mart/minute"):
        restore(elsewhere, folder, with_mart=True)


@pytest.fixture
def _no_surroundings(monkeypatch):
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "client")


@pytest.mark.usefixtures("_no_surroundings")
def test_the_command_saves_verifies_and_restores(filled, elsewhere, tmp_path, capsys):
    server = ["--host", filled.hosts[0], "--port", str(filled.port), "--no-mart"]
    folder = str(tmp_path / "backup")
    target = elsewhere.keyspace

    codes = [
        main(["save", *server, "--keyspace", filled.keyspace, folder]),
        main(["verify", folder]),
        main(["restore", *server, "--keyspace", target, folder]),
    ]
    refused = main(["restore", *server, "--keyspace", target, folder])

    assert codes == [0, 0, 0]
    assert refused == 2
    complaint = capsys.readouterr().err.strip()
    assert "not empty" in complaint
    assert "\n" not in complaint
    assert rows_of(elsewhere, "minute_price") == rows_of(filled, "minute_price")


@pytest.mark.usefixtures("_no_surroundings")
def test_the_command_says_what_to_do_without_a_connection(tmp_path, capsys):
    assert main(["save", str(tmp_path / "backup")]) == 2
    assert "--host" in capsys.readouterr().err
