"""What version 0.1.0 left behind works on with this code, after initialize_store alone."""

import gzip
import importlib
import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml

from include.gx.checkpoints import Checkpoints
from include.gx.minutes import check_averages
from include.orchestration.connections import open_store, storage_url, symbols
from include.pipeline.landing import is_old_batch, read_batch, unloaded_batch
from include.pipeline.publishing import Publisher
from include.pipeline.storing import load_batch
from include.reading.queries import as_of
from include.records.prices import Flag
from include.records.windows import DAY, MINUTE, Window, from_ms, to_ms
from include.reports.text_rows import minute_text
from include.store.migrations import migrations
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.statements import qualified
from include.tasks import initialize_store, watch_prices
from tests.contract.conftest import KEYSPACES
from tests.fakes.builders import NOON, batch, verdict

OLD = Path(__file__).parents[1] / "data" / "version-0.1.0"
SYMBOLS = ("BTCUSDT", "ETHUSDT")
SPAN = Window(NOON, NOON + 5 * MINUTE)
# Of the keyspace as it was.
LAST_VERSION = 18


def lines(name):
    return [json.loads(line) for line in (OLD / name).read_text().splitlines()]


def insert(settings, tables):
    """Write the old rows of some tables."""
    for line in lines("rows.jsonl"):
        if line["table"] in tables:
            statement = f"INSERT INTO {settings.keyspace}.{line['table']} JSON %s"
            SESSIONS.get(settings).execute(statement, (json.dumps(line["row"]),))


def connections(settings, folder):
    """The connections of version 0.1.0, by the variables that hold them."""
    listed = yaml.safe_load((OLD / "airflow_settings.yaml").read_text())["airflow"]["connections"]
    held = {
        each["conn_id"]: {
            "conn_type": each["conn_type"],
            "host": each["conn_host"],
            "extra": each["conn_extra"],
        }
        for each in listed
    }
    held["cassandra_default"] |= {
        "host": settings.hosts[0],
        "port": settings.port,
        "schema": settings.keyspace,
    }
    # data/mart.db in the project; here it is another project.
    held["mart"]["host"] = str(folder / held["mart"]["host"])
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(each) for name, each in held.items()}


@pytest.fixture(scope="module")
def upgraded(cassandra, tmp_path_factory):
    """A keyspace as version 0.1.0 left it, and what initialize_store has applied to it since."""
    settings = CassandraSettings(
        hosts=(cassandra.host,), port=cassandra.port, keyspace=next(KEYSPACES)
    )
    session = SESSIONS.get(settings)
    session.execute(
        f"CREATE KEYSPACE {settings.keyspace} WITH replication = {settings.replication}"
    )
    for file in sorted((OLD / "schema").glob("*.cql")):
        session.execute(qualified(file.read_text(), settings.keyspace), timeout=30)
    insert(settings, TABLES)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in connections(settings, tmp_path_factory.mktemp("project")).items():
            patch.setenv(name, value)
        applied = initialize_store.initialize_store()
    return settings, applied


@pytest.fixture
def deployment(upgraded, monkeypatch, tmp_path):
    """The folder of a deployment of version 0.1.0: its rows, mart, landing and Variables."""
    settings, _ = upgraded
    for table in TABLES - {"schema_migration"}:
        SESSIONS.get(settings).execute(f"TRUNCATE {settings.keyspace}.{table}")
    insert(settings, TABLES - {"schema_migration"})
    for name, value in connections(settings, tmp_path).items():
        monkeypatch.setenv(name, value)
    listed = yaml.safe_load((OLD / "airflow_settings.yaml").read_text())["airflow"]
    for each in listed["variables"]:
        monkeypatch.setenv(f"AIRFLOW_VAR_{each['variable_name'].upper()}", each["variable_value"])
    storage = tmp_path / "data"
    storage.mkdir()
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", str(storage))
    with closing(sqlite3.connect(storage / "mart.db")) as mart:
        mart.executescript((OLD / "mart.sql").read_text())
    (landed,) = lines("landing.json")
    file = storage / landed["path"]
    file.parent.mkdir(parents=True)
    file.write_bytes(gzip.compress(json.dumps(landed["batch"]).encode()))
    (storage / landed["verdict_path"]).write_text(json.dumps(landed["verdict"]))
    return storage


def told(reading):
    """A reading as version 0.1.0 told it; of what it lacked, nothing."""
    average = {
        name: str(value) if value is not None and not isinstance(value, bool | int) else value
        for name, value in asdict(reading.average).items()
        if name != "minute"
    }
    return {
        "minute_ms": to_ms(reading.average.minute),
        "revision": reading.revision,
        "known_ms": to_ms(reading.known_at),
        "first_known_ms": to_ms(reading.first_known_at),
        "state": reading.state.value,
        "average": average,
    }


def publish(store, clock):
    checkpoints = Checkpoints("memory://gx")
    return Publisher(
        store, SYMBOLS, lambda: clock, lambda *asked: check_averages(checkpoints, *asked)
    )


TABLES = frozenset(line["table"] for line in lines("rows.jsonl"))


@pytest.mark.usefixtures("deployment")
def test_initialize_store_applies_what_is_new_and_old_answers_stay(upgraded):
    _, applied = upgraded

    store = open_store()
    assert applied == [each.name for each in migrations() if each.version > LAST_VERSION]
    answers = lines("answers.jsonl")
    assert {len(each["readings"]) for each in answers} == {5}
    for each in answers:
        now = as_of(store, each["symbol"], SPAN, from_ms(each["moment_ms"]))
        assert [told(reading) for reading in now] == each["readings"]
    flags = {r["average"]["flag"] for each in answers for r in each["readings"]}
    assert {"OK", "INGEST_GAP"} <= flags


@pytest.mark.usefixtures("deployment")
def test_old_ledgers_are_read():
    store = open_store()
    days = NOON.date() - DAY, NOON.date()

    assert len(store.restatements.between("BTCUSDT", SPAN)) == 1
    (audited,) = store.days.audited("BTCUSDT", *days)
    assert (audited.absent_count, audited.unconfirmed) == (0, frozenset())
    (backfilled,) = store.days.backfilled("BTCUSDT", *days)
    assert (backfilled.second_count, backfilled.row_count) == (86_400, 0)
    assert [row.state for row in store.quarantine.on_day("BTCUSDT", NOON.date())] == ["OPEN"]
    assert len(store.second_prices.between("BTCUSDT", SPAN)) == 5 * 59 - 1
    assert store.batch_log("BTCUSDT", NOON.date())[0].dag_id == "ingest_prices"
    assert store.watermark("BTCUSDT").stored_until == SPAN.end
    assert store.symbol_info("ETHUSDT").status == "TRADING"


@pytest.mark.usefixtures("deployment")
def test_minutes_are_published_after_and_over_the_old_ones():
    """The same seconds give the same value again; a new minute follows."""
    store = open_store()
    before = {p.average.minute: p for p in store.minute_prices.between("BTCUSDT", SPAN)}
    made = replace(batch(start=SPAN.end), fetched_at=SPAN.end + 2 * DAY)
    load_batch(store, made, verdict(), "batch.json")

    window = Window(SPAN.start, SPAN.end + MINUTE)
    done = publish(store, SPAN.end + 2 * DAY).publish_windows({"BTCUSDT": [window]})

    *over, new = done.prices
    assert (new.average.minute, new.revision, new.average.flag) == (SPAN.end, 1, Flag.OK)
    assert new.average.vwap == 100
    assert [p.average.vwap for p in over] == [before[p.average.minute].average.vwap for p in over]
    assert [p.revision for p in over] == [before[p.average.minute].revision + 1 for p in over]


def test_the_mart_goes_on_from_its_watermark(deployment):
    from include.tasks import report_prices  # noqa: PLC0415 - imports pandas, as only tasks do

    # The SDK asks once a process what kind of database a connection leads to.
    importlib.import_module("astro.databases")._get_conn.cache_clear()  # noqa: SLF001
    with closing(sqlite3.connect(deployment / "mart.db")) as mart:
        old = mart.execute("SELECT minute, symbol, vwap FROM minute").fetchall()
    store = open_store()
    load_batch(store, replace(batch(start=SPAN.end)), verdict(), "batch.json")
    window = Window(SPAN.end, SPAN.end + MINUTE)
    publish(store, SPAN.end + DAY).publish_windows({"BTCUSDT": [window]})

    news = report_prices.refresh_mart()
    report_prices.publish_report(news)

    with closing(sqlite3.connect(deployment / "mart.db")) as mart:
        held = mart.execute("SELECT minute, symbol, vwap FROM minute ORDER BY minute").fetchall()
        (known_at,) = mart.execute("SELECT known_at FROM watermark").fetchone()
    assert len(old) == 10
    assert sorted(held) == sorted([*old, (minute_text(SPAN.end), "BTCUSDT", "100.000000000000")])
    assert known_at == news["known_at"]
    assert not news["problems"]
    assert (deployment / "reports" / "latest.html").exists()


def test_what_had_landed_is_read_or_passed_over(deployment):
    """A verdict of that version is of another form; its window was loaded long ago."""
    (landed,) = lines("landing.json")

    held = read_batch(str(deployment / landed["path"]))

    assert (held.symbol, held.window, held.row_count) == ("BTCUSDT", SPAN, 5 * 59 + 5)
    for start in (SPAN.start, SPAN.end):
        assert unloaded_batch(str(deployment), "BTCUSDT", start, NOON.date() + DAY) is None
    landing = deployment / "landing"
    files = [str(file.relative_to(landing)) for file in landing.rglob("*") if file.is_file()]
    assert files
    assert all(is_old_batch(file, NOON.date() + DAY, {}) for file in files)


def test_variables_mean_what_they_meant(deployment, monkeypatch):
    """Those that 0.1.0 wrote or documented, with its own values."""
    assert symbols() == ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT")
    assert storage_url() == str(deployment)
    state = {
        "rules": {
            "stale BTCUSDT": {
                "definition": "of a rule",
                "judged_until": "2026-03-01T12:04:00Z",
                "is_active": True,
                "since": "2026-03-01T12:03:00Z",
                "streak": 1,
                "said_at": "2026-03-01T12:05:10Z",
            }
        }
    }
    monkeypatch.setenv("AIRFLOW_VAR_PRICE_WATCH_STATE", json.dumps(state))
    assert watch_prices._load_state().rules["stale BTCUSDT"].is_active  # noqa: SLF001
