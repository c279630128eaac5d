"""When the mart, the disk or the gate do not take part: what is said, and what stays."""

import gc
import multiprocessing
import os
import re
import resource
import signal
import sqlite3
import sys
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException

from dev.machine.ports import any_free_port
from include.mart import mart
from include.mart.failures import explain_mart_failure
from include.records.errors import RetryableError
from include.records.windows import MINUTE
from include.reports import report
from include.tasks import report_prices
from tests.fakes.builders import traded, unpriced
from tests.fakes.marts import PostgresMart
from tests.fakes.reporter import Reporter

START = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) - timedelta(days=2)
LOOK_BACK = timedelta(days=9)
IN_WORDS = r"the mart behind the Airflow connection 'mart' is unavailable: .*{}"
"""What a person reads; it must name the connection and what is wrong with it."""


@pytest.fixture
def held(request, monkeypatch, tmp_path, new_mart, use_mart):
    """A deployment whose mart and files hold a minute, and a second minute that is news."""
    database = use_mart(new_mart(getattr(request, "param", "sqlite")))
    reporter = Reporter(monkeypatch, tmp_path / "storage")
    reporter.database = database
    reporter.publish(traded(START, known_at=START + MINUTE))
    reporter.run()
    reporter.publish(traded(START + MINUTE, known_at=START + 2 * MINUTE))
    return reporter


def assert_repaired(reporter):
    """The next run brings everything."""
    reporter.run()

    assert len(reporter.database.table("minute")) == 2
    assert len(reporter.exported()) == 2


@contextmanager
def nothing_changes(reporter):
    before = reporter.files()
    yield
    assert reporter.files() == before


@contextmanager
def locked(database, monkeypatch):
    """Another program holds the SQLite file for itself; the driver would wait five seconds."""
    connect = sqlite3.dbapi2.connect
    with closing(connect(database.file)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for module in (sqlite3, sqlite3.dbapi2):
            monkeypatch.setattr(
                module, "connect", lambda *args, **more: connect(*args, **more | {"timeout": 0.05})
            )
        yield
        other.rollback()


def test_says_that_the_mart_is_locked_when_it_is_refreshed(held, monkeypatch):
    with (
        nothing_changes(held),
        locked(held.database, monkeypatch),
        pytest.raises(RetryableError, match=IN_WORDS.format("database is locked")),
    ):
        report_prices.refresh_mart()

    assert_repaired(held)


def test_says_that_the_mart_is_locked_when_it_is_reported(held, monkeypatch):
    news = report_prices.refresh_mart()

    with (
        nothing_changes(held),
        locked(held.database, monkeypatch),
        pytest.raises(RetryableError, match=IN_WORDS.format("database is locked")),
    ):
        report_prices.publish_report(news)

    assert_repaired(held)


def spoil_with_a_folder(file):
    file.unlink()
    file.mkdir()


def spoil_with_text(file):
    file.write_text("This is no database. " * 100)


def spoil_the_folder(file):
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("a file where the folder was")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (spoil_with_a_folder, "unable to open database file"),
        (spoil_with_text, "file is not a database"),
        (spoil_the_folder, "Not a directory|File exists|unable to open"),
    ],
    ids=["a folder", "another file", "no folder"],
)
def test_says_that_the_file_of_the_mart_is_none(held, spoil, told):
    spoil(held.database.file)

    with (
        nothing_changes(held),
        pytest.raises(RetryableError, match=IN_WORDS.format(f"({told})")),
    ):
        held.run()


def test_says_that_no_server_is_there(held, use_mart):
    gone = PostgresMart(any_free_port(), "secret-of-the-mart")

    with (
        nothing_changes(held),
        pytest.raises(RetryableError, match=IN_WORDS.format("Connection refused")) as raised,
    ):
        use_mart_of(gone, use_mart)
    assert "secret-of-the-mart" not in str(raised.value)


def use_mart_of(gone, use_mart):
    with explain_mart_failure():
        use_mart(gone)


def test_says_that_the_server_does_not_know_the_password(held, use_mart, postgres_port):
    wrong = PostgresMart(postgres_port, "not-the-password")

    with (
        nothing_changes(held),
        pytest.raises(RetryableError, match=IN_WORDS.format("password authentication failed")),
    ):
        use_mart_of(wrong, use_mart)


def of_symbol(files, symbol):
    return {name: content for name, content in files.items() if f"/{symbol}." in name}


def exported_of(reporter, symbol):
    return [each.average.minute for each in reporter.exported() if each.average.symbol == symbol]


def test_what_the_gate_refuses_changes_no_file_of_its_symbol_and_stops_no_other(held):
    """A minute that says both that it has no price and that its seconds are whole."""
    bad = unpriced(START + 2 * MINUTE, level=1, known_at=START + 3 * MINUTE)
    held.publish(bad, traded(START + MINUTE, symbol="ETHUSDT", known_at=START + 3 * MINUTE))
    before, watermark = of_symbol(held.files(), "BTCUSDT"), mart.watermark(LOOK_BACK)

    with pytest.raises(
        AirflowFailException, match="BTCUSDT: the mart's minutes cannot be reported, 1 failures"
    ):
        held.run()

    assert of_symbol(held.files(), "BTCUSDT") == before
    assert exported_of(held, "ETHUSDT") == [START + MINUTE]
    latest = (held.folder / "reports" / "latest.txt").read_text()
    assert ("ETHUSDT" in latest, "BTCUSDT" in latest) == (True, False)
    assert mart.watermark(LOOK_BACK) == watermark


def test_a_symbol_that_cannot_be_read_stops_no_other(held, monkeypatch):
    held.publish(traded(START + MINUTE, symbol="ETHUSDT", known_at=START + 3 * MINUTE))
    changed = held.store.minute_prices.changed

    def broken(symbols, since):
        if "BTCUSDT" in symbols:
            raise ValueError("no decimal")
        return changed(symbols, since)

    with monkeypatch.context() as patch:
        patch.setattr(held.store.minute_prices, "changed", broken)
        with pytest.raises(AirflowFailException, match="BTCUSDT failed with a program error"):
            held.run()

    assert exported_of(held, "ETHUSDT") == [START + MINUTE]
    assert exported_of(held, "BTCUSDT") == [START]
    held.run()
    assert exported_of(held, "BTCUSDT") == [START, START + MINUTE]


def test_a_symbol_whose_figures_cannot_be_made_stops_no_other(held, monkeypatch):
    held.publish(traded(START + MINUTE, symbol="ETHUSDT", known_at=START + 3 * MINUTE))
    figures_of = report.figures_of

    def broken(symbol, *others):
        if symbol == "BTCUSDT":
            raise ZeroDivisionError
        return figures_of(symbol, *others)

    with monkeypatch.context() as patch:
        patch.setattr(report, "figures_of", broken)
        with pytest.raises(AirflowFailException, match="BTCUSDT failed with a program error"):
            held.run()

    assert "ETHUSDT" in (held.folder / "reports" / "latest.txt").read_text()
    assert len(held.exported()) == 3


def test_a_run_that_cannot_write_leaves_no_new_watermark(held):
    """A folder lies where a file should go."""
    watermark = mart.watermark(LOOK_BACK)
    latest = held.folder / "reports" / "latest.html"
    latest.unlink()
    (latest / "in the way").mkdir(parents=True)

    with pytest.raises(RetryableError, match=r"cannot be written \(Is a directory\)"):
        held.run()

    assert mart.watermark(LOOK_BACK) == watermark
    (latest / "in the way").rmdir()
    latest.rmdir()
    held.run()
    assert mart.watermark(LOOK_BACK) == watermark + MINUTE


def with_room_for(size, work):
    """Do work in a process whose files may not grow beyond a size; return how it failed.

    The system refuses the rest of a larger file, as a full disk does.
    """
    gc.collect()
    context = multiprocessing.get_context("fork")
    said, saying = context.Pipe(duplex=False)

    def child():
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for log in {1, 2, sys.stdout.fileno(), sys.stderr.fileno()}:
            # A log is a file, too, and no part of what is tested.
            os.dup2(nowhere, log)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        try:
            work()
        except RetryableError as error:
            saying.send(str(error))
        else:
            saying.send("")

    process = context.Process(target=child)
    process.start()
    saying.close()
    try:
        return said.recv()
    finally:
        process.join()


@pytest.mark.parametrize("held", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    ("room", "kinds"),
    [(None, set()), ("csv", {"csv"}), ("parquet", {"csv", "parquet", "json", "txt", "html"})],
    ids=["nothing", "csv", "exports"],
)
def test_says_that_the_disk_is_full_and_keeps_what_was_there(held, room, kinds):
    news = report_prices.refresh_mart()
    watermark = mart.watermark(LOOK_BACK)
    before = held.files()

    largest = max((len(before[name]) for name in before if name.endswith(f".{room}")), default=-999)
    told = with_room_for(largest + 999, lambda: report_prices.publish_report(news))

    assert re.search(r"cannot be written \(.*File too large.*\): free space", told)
    assert str(held.folder) in told
    after = held.files()
    assert after.keys() == before.keys()
    assert mart.watermark(LOOK_BACK) == watermark
    assert_repaired(held)
    repaired = held.files()
    written = {name for name in after if after[name] != before[name]}
    # Before the picture that found no room, others were written whole; a report says when.
    exports = {name for name in written if name.startswith("exports/")}
    assert all(after[name] == repaired[name] for name in exports)
    assert {name.rpartition(".")[2] for name in written} == kinds


def test_says_that_the_disk_of_the_mart_is_full(held):
    """A report's minutes are laid out in the mart first."""
    news = report_prices.refresh_mart()
    with nothing_changes(held):
        told = with_room_for(0, lambda: report_prices.publish_report(news))

    assert re.match(IN_WORDS.format("(disk I/O error|database or disk is full)"), told)
    assert_repaired(held)


@pytest.mark.parametrize("held", ["postgres"], indirect=True)
def test_says_that_the_gate_finds_no_room_for_its_results(held):
    """The mart lies on another disk, and has taken the minutes in."""
    with nothing_changes(held):
        told = with_room_for(0, report_prices.refresh_mart)

    assert re.search(r"cannot be written \(.*File too large.*\): free space", told)
    assert_repaired(held)


def test_leaves_no_connection_open(new_mart, use_mart):
    """A server has a hundred; a run over a month takes some hundred steps."""
    database = use_mart(new_mart("postgres"))
    gc.collect()
    gc.disable()
    try:
        mart.refresh([traded(START), traded(START + timedelta(days=1))])
        (count,) = database.rows(
            "SELECT count(*) AS held FROM pg_stat_activity WHERE datname <> ''"
        )
    finally:
        gc.enable()

    assert count["held"] <= 3
