"""What maintain removes of each kind, what it keeps, and that one kind stops no other."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import AirflowFailException
from upath import UPath

from include.orchestration import upkeep
from include.orchestration.defaults import KEPT
from include.orchestration.forms import MAINTAIN, Kind
from include.records.errors import RetryableError, SettingsError
from include.records.verdicts import State
from include.records.windows import DAY, MINUTE
from include.store.store import Snapshot
from include.tasks import maintain, maintain_files
from tests.fakes.builders import NOON, batch, land, quarantined_row
from tests.fakes.memory_store import MemoryStore

DEFAULTS = {name: param.value for name, param in MAINTAIN.items()}
# Nine in the morning: the day's own landing has long begun.
NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)


@pytest.fixture(params=["folder", "memory"])
def storage(request, monkeypatch, tmp_path):
    url = {"folder": str(tmp_path), "memory": f"memory://data-{uuid4().hex}"}[request.param]
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", url)
    return UPath(url)


@pytest.fixture(autouse=True)
def store(monkeypatch):
    held = MemoryStore()
    held.set_stored_until("BTCUSDT", NOW)
    monkeypatch.setenv("AIRFLOW_VAR_SYMBOLS", "BTCUSDT")
    monkeypatch.setattr(maintain, "now", lambda: NOW)
    for module in (maintain, maintain_files):
        monkeypatch.setattr(module, "open_store", lambda: held)
    return held


def write(root, *paths):
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("12345")


def held(root):
    found = root.fs.find(root.path) if root.exists() else []
    return sorted(path.removeprefix(root.path).lstrip("/") for path in found)


def keep_up(kind, limit=timedelta(minutes=1), **wishes):
    return maintain.keep_up(kind.value, DEFAULTS | wishes, limit)


def batches(storage, *ages, symbol="BTCUSDT"):
    """Land a batch planned so many days before today."""
    start = NOW.replace(hour=8)
    for age in ages:
        land(storage, batch(symbol=symbol, start=start - age * DAY))


def days(storage):
    return [path.split("/")[1] for path in held(storage)]


def test_removes_batches_older_than_a_week_and_keeps_the_present_day(storage):
    batches(storage, 0, 1, 7, 8, 30)

    done = keep_up(Kind.LANDING)

    assert days(storage) == ["2026-03-13", "2026-03-19", "2026-03-20"]
    assert (done["before"], done["old"], done["removed"], done["after"]) == (5, 2, 2, 3)
    assert done["before_bytes"] > done["after_bytes"] > 0
    assert done["is_finished"]


def test_keeps_batches_of_a_symbol_that_is_not_stored_so_far(storage, store):
    """Cassandra was down for two weeks: what was fetched meanwhile is still to be loaded."""
    store.set_stored_until("BTCUSDT", NOW - 14 * DAY)
    batches(storage, 13, 14, 15)
    batches(storage, 14, symbol="GONEUSDT")

    done = keep_up(Kind.LANDING)

    assert held(storage / "landing")
    assert days(storage) == ["2026-03-06", "2026-03-07"]
    assert "BTCUSDT from 2026-03-06 on" in done["note"]


def test_removes_no_batch_while_cassandra_does_not_answer(storage, monkeypatch):
    def refuse():
        raise RetryableError("Cassandra did not answer")

    monkeypatch.setattr(maintain_files, "open_store", refuse)
    batches(storage, 30)

    with pytest.raises(RetryableError):
        keep_up(Kind.LANDING)

    assert days(storage) == ["2026-02-18"]


def test_removes_hourly_reports_beyond_two_days_and_no_daily_one(storage):
    write(storage / "reports", "hourly/2026-03-18T08.html", "hourly/2026-03-18T09.html")
    write(storage / "reports", "daily/2025-01-01.html", "latest.html")

    keep_up(Kind.REPORTS)

    assert held(storage / "reports") == [
        "daily/2025-01-01.html",
        "hourly/2026-03-18T09.html",
        "latest.html",
    ]


def test_removes_daily_reports_and_exports_where_a_setting_says_so(storage, monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_DAILY_REPORT_DAYS", "10")
    monkeypatch.setenv("AIRFLOW_VAR_EXPORT_DAYS", "10")
    exports = storage / "exports" / "minute_prices"
    for day in ("2026-03-09", "2026-03-10"):
        write(storage / "reports", f"daily/{day}.html")
        write(exports, f"csv/{day}/BTCUSDT.csv", f"manifests/{day}.json")

    keep_up(Kind.REPORTS)
    keep_up(Kind.EXPORTS)

    assert held(storage / "reports") == ["daily/2026-03-10.html"]
    assert held(exports) == ["csv/2026-03-10/BTCUSDT.csv", "manifests/2026-03-10.json"]


@pytest.mark.parametrize("kind", [Kind.EXPORTS, Kind.QUARANTINE])
def test_keeps_for_good_what_no_setting_says_to_remove(storage, store, kind):
    write(storage / "exports" / "minute_prices", "csv/2020-01-01/BTCUSDT.csv")
    store.quarantine.keep([quarantined_row()])

    done = keep_up(kind)

    assert "kept for good" in done["note"]
    assert len(held(storage)) == 1
    assert store.quarantine.days() != []


def test_removes_results_that_no_build_would(storage):
    """A week is kept by the builds; the day after that is theirs to remove."""
    pages = [f"docs/results/second_prices/BTCUSDT~202603{day}T080000.5Z.html" for day in (12, 13)]
    write(storage / "gx", *pages, "docs/index.html")

    keep_up(Kind.DATA_DOCS)

    assert held(storage / "gx") == ["docs/index.html", pages[1]]


def test_removes_settled_rows_where_a_setting_says_so(store, monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_QUARANTINE_DAYS", "10")
    row = quarantined_row()
    store.quarantine.keep([row, quarantined_row(symbol="ETHUSDT")])
    store.quarantine.settle(row, State.CLOSED, NOON + MINUTE, "an outage")

    done = keep_up(Kind.QUARANTINE)

    assert store.quarantine.days() == [("ETHUSDT", NOON.date())]
    assert (done["before"], done["removed"]) == (2, 1)


def old(path, days_ago=40):
    moment = (NOW - days_ago * DAY).timestamp()
    os.utime(path, (moment, moment))


@pytest.fixture
def logs(monkeypatch, tmp_path):
    """Airflow's logs: an old run and a new one, what read the DAG files, and a server's own."""
    root = tmp_path / "logs"
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(root))
    task = "dag_id=ingest_prices/run_id={}/task_id=plan/attempt=1.log"
    paths = [task.format("old"), task.format("new"), "dag_processor/2026-02-01/a.log", "server.log"]
    write(UPath(root), *paths)
    for path in (paths[0], paths[2], paths[3]):
        old(root / path)
    return root


def test_removes_old_logs_of_tasks_and_of_the_dag_processor(logs):
    done = keep_up(Kind.TASK_LOGS)

    assert held(UPath(logs)) == [
        "dag_id=ingest_prices/run_id=new/task_id=plan/attempt=1.log",
        "server.log",
    ]
    assert not (logs / "dag_id=ingest_prices" / "run_id=old").exists()
    assert (done["before"], done["removed"]) == (4, 2)


def test_leaves_logs_to_a_remote_store_and_says_so(logs, monkeypatch):
    monkeypatch.setenv("AIRFLOW__LOGGING__REMOTE_LOGGING", "True")

    done = keep_up(Kind.TASK_LOGS)

    assert len(held(UPath(logs))) == 4
    assert "remote store" in done["note"]


def test_removes_what_killed_writers_left(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", str(tmp_path))
    write(UPath(tmp_path), "gx/docs/.index.html.1.draft", "reports/.latest.html.2.draft", "mart.db")
    old(tmp_path / "gx/docs/.index.html.1.draft")
    old(tmp_path / "mart.db")

    keep_up(Kind.DRAFTS)

    # The second was written now, which is after this test's day.
    assert held(UPath(tmp_path)) == ["mart.db", "reports/.latest.html.2.draft"]


def test_names_old_snapshots_and_the_command_that_removes_them(store):
    store.snapshots = lambda: [
        Snapshot("before-upgrade", "minute_price", NOW - 8 * DAY, 1_000),
        Snapshot("today", "minute_price", NOW, 10),
    ]

    done = keep_up(Kind.SNAPSHOTS)

    assert "nodetool clearsnapshot -t before-upgrade" in done["note"]
    assert "today" not in done["note"]
    assert (done["before"], done["old"], done["removed"]) == (2, 1, 0)


def test_says_where_a_server_does_not_list_its_snapshots(store):
    def refuse():
        raise SettingsError("no such table")

    store.snapshots = refuse

    assert "does not list its snapshots (no such table)" in keep_up(Kind.SNAPSHOTS)["note"]


def test_skips_the_metadata_in_one_clear_line_where_no_connection_leads_there(monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_AIRFLOW_METADATA", raising=False)
    monkeypatch.setattr(upkeep, "kept", lambda name: KEPT[name])

    def absent():
        return None

    from include.orchestration import metadata  # noqa: PLC0415 - seconds of imports

    monkeypatch.setattr(metadata, "metadata_url", absent)

    done = keep_up(Kind.AIRFLOW)

    assert "by the connection airflow_metadata, which does not exist" in done["note"]
    assert done["removed"] == 0


FILE_KINDS = [Kind.LANDING, Kind.DATA_DOCS, Kind.REPORTS, Kind.EXPORTS, Kind.DRAFTS, Kind.TASK_LOGS]


def test_only_counts_where_the_form_says_so(storage, store, logs, monkeypatch):
    """Something old of each kind: all of it is counted, and all of it is there afterwards."""
    for name in ("EXPORT_DAYS", "DAILY_REPORT_DAYS", "QUARANTINE_DAYS"):
        monkeypatch.setenv(f"AIRFLOW_VAR_{name}", "1")
    batches(storage, 30)
    write(storage, "exports/minute_prices/csv/2026-01-01/BTCUSDT.csv", "gx/index/2026-01-01.json")
    write(storage, "reports/daily/2026-01-01.html", "reports/hourly/2026-01-01T00.html")
    row = quarantined_row()
    store.quarantine.keep([row])
    store.quarantine.settle(row, State.CLOSED, NOON + MINUTE, "an outage")
    before = held(storage)

    done = {
        kind: keep_up(kind, only_count=True)
        for kind in [*FILE_KINDS, Kind.QUARANTINE]
        if kind is not Kind.DRAFTS
    }

    assert held(storage) == before
    assert len(held(UPath(logs))) == 4
    assert store.quarantine.days() != []
    assert {kind: (each["old"], each["removed"]) for kind, each in done.items()} == {
        Kind.LANDING: (1, 0),
        Kind.DATA_DOCS: (1, 0),
        Kind.REPORTS: (2, 0),
        Kind.EXPORTS: (1, 0),
        Kind.TASK_LOGS: (2, 0),
        Kind.QUARANTINE: (1, 0),
    }
    assert all(each["only_count"] for each in done.values())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("airflow_days", Kind.AIRFLOW),
        ("task_log_days", Kind.TASK_LOGS),
        ("landing_days", Kind.LANDING),
        ("daily_report_days", Kind.REPORTS),
        ("export_days", Kind.EXPORTS),
        ("quarantine_days", Kind.QUARANTINE),
        ("snapshot_days", Kind.SNAPSHOTS),
    ],
)
@pytest.mark.parametrize("value", ["-1", "soon", "", "7.5"])
def test_says_what_a_setting_may_be_and_removes_nothing(storage, monkeypatch, name, kind, value):
    monkeypatch.setenv(f"AIRFLOW_VAR_{name.upper()}", value)
    batches(storage, 30)

    with pytest.raises(AirflowFailException, match=f"'{name}' is '{value}'; set it to a whole"):
        keep_up(kind)

    assert len(held(storage)) == 1


@pytest.mark.parametrize(
    ("name", "kind"), [("hourly_reports", Kind.REPORTS), ("data_docs_days", Kind.DATA_DOCS)]
)
def test_some_are_never_kept_for_good(monkeypatch, name, kind):
    monkeypatch.setenv(f"AIRFLOW_VAR_{name.upper()}", "0")

    with pytest.raises(AirflowFailException, match=f"'{name}' is '0'; set it to 1 or more"):
        keep_up(kind)


def test_a_setting_that_is_wrong_stops_no_other_kind(storage, monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_EXPORT_DAYS", "soon")
    batches(storage, 30)

    with pytest.raises(AirflowFailException):
        keep_up(Kind.EXPORTS)

    assert keep_up(Kind.LANDING)["removed"] == 1


def test_stops_when_its_time_is_up_and_the_next_run_goes_on(storage, caplog):
    batches(storage, 30)

    done = keep_up(Kind.LANDING, limit=timedelta(0))

    assert not done["is_finished"]
    assert len(held(storage)) == 1
    assert "the time is up; the next run goes on" in caplog.text
    assert keep_up(Kind.LANDING)["removed"] == 1


def test_names_a_file_that_cannot_be_removed_once_the_others_are(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", str(tmp_path))
    batches(tmp_path, 29, 30)
    unlink = Path.unlink

    def refuse(self, **options):
        if "2026-02-18" in str(self):
            raise PermissionError(13, "Permission denied")
        unlink(self, **options)

    monkeypatch.setattr(Path, "unlink", refuse)

    with pytest.raises(RetryableError, match=r"1 of 2 old files below .*Permission denied; permit"):
        keep_up(Kind.LANDING)

    assert days(UPath(tmp_path)) == ["2026-02-18"]


def test_every_kind_has_its_work():
    assert set(maintain.WORK) == set(Kind)
