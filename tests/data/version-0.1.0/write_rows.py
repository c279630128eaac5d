"""Write what version 0.1.0 leaves behind; to be run with the code of its commit (see README.md)."""

import gzip
import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from include.marketdata.batches import Interval, Run
from include.marketdata.cassandra_settings import CassandraSettings
from include.marketdata.history import AuditedDay, BackfilledDay
from include.marketdata.landing import land_batch, land_verdict
from include.marketdata.publication import Publisher
from include.marketdata.publication_gate import check_averages
from include.marketdata.quality import check_batch
from include.marketdata.reads import as_of
from include.marketdata.schema import migrate
from include.marketdata.session import SESSIONS
from include.marketdata.statements import Statements
from include.marketdata.store import connect
from include.marketdata.storing import load_batch
from include.marketdata.windows import MINUTE, Window, to_ms

from include.gx.checkpoints import Checkpoints
from tests.fakes.builders import NOON, batch, kline, symbol_info

SYMBOLS = ("BTCUSDT", "ETHUSDT")
MINUTES = 5
END = NOON + MINUTES * MINUTE


def price_of(symbol, index):
    """A price that moves a little, with the digits of its symbol."""
    return f"{Decimal('60000.10') + index % 7:.2f}" if symbol == "BTCUSDT" else "2500.5"


def batch_of(symbol, first, count, *, without=(), changed=None):
    """One fetch of some minutes; a second of every minute is silent."""
    start = NOON + first * MINUTE
    seconds = [
        kline(
            moment,
            price=price_of(symbol, at + (changed or 0)),
            volume="0.01000000",
            trades=2,
        )
        for at in range(60 * count)
        for moment in [start + timedelta(seconds=at)]
        if at % 60 != 30 and first + at // 60 not in without
    ]
    minutes = []
    for index in range(count):
        own = [row for row in seconds if (row[0] - to_ms(start)) // 60_000 == index]
        if own:
            row = kline(start + index * MINUTE, Interval.MINUTE)
            row[1:5] = own[0][1], max(r[2] for r in own), min(r[3] for r in own), own[-1][4]
            for place in (5, 7, 9, 10):
                row[place] = f"{sum(Decimal(r[place]) for r in own):.8f}"
            row[8] = sum(r[8] for r in own)
            minutes.append(row)
    return batch(symbol=symbol, start=start, minutes=count, seconds=seconds, minute_rows=minutes)


def main(port, target):
    target = Path(target)
    storage = target / "storage"
    os.environ["AIRFLOW_CONN_MART"] = json.dumps(
        {"conn_type": "sqlite", "host": str(storage / "mart.db")}
    )
    settings = CassandraSettings(hosts=("127.0.0.1",), port=int(port), keyspace="version_0_1_0")
    migrate(settings)
    store = connect(settings)
    checkpoints = Checkpoints("memory://gx")
    clock = [END]

    def publisher():
        return Publisher(
            store,
            SYMBOLS,
            lambda: clock[0],
            lambda averages, asked: check_averages(checkpoints, averages, asked),
        )

    def ingest(made, run):
        url = land_batch(str(storage), made)
        verdict = check_batch(checkpoints, made, symbol=made.symbol, stored={})
        land_verdict(url, verdict)
        load_batch(store, made, verdict, url, Run("ingest_prices", run))

    for symbol in SYMBOLS:
        store.remember_symbol(symbol_info(symbol, checked_at=NOON - timedelta(minutes=3)))
    bitcoin = replace(batch_of("BTCUSDT", 0, MINUTES), five_minute_price=Decimal("60003.12345678"))
    bitcoin.rows[Interval.SECOND][7][3] = "99999.99"  # a low above the high
    ingest(bitcoin, "scheduled__1")
    ingest(batch_of("ETHUSDT", 0, MINUTES - 1, without={2}), "scheduled__1")
    clock[0] = END + timedelta(seconds=20)
    everything = Window(NOON, END)
    publisher().publish_windows({symbol: [everything] for symbol in SYMBOLS})
    # What was missing arrives: second revisions.
    ingest(batch_of("ETHUSDT", 2, MINUTES - 2), "scheduled__2")
    clock[0] = END + timedelta(seconds=80)
    publisher().publish_windows({symbol: [everything] for symbol in SYMBOLS})
    # A final minute changes: a restatement.
    late = batch_of("BTCUSDT", 1, 1, changed=3)
    ingest(replace(late, fetched_at=END + timedelta(hours=2)), "manual__1")
    clock[0] = END + timedelta(hours=2, seconds=1)
    publisher().publish_windows({"BTCUSDT": [everything]})
    for symbol in SYMBOLS:
        store.set_averaged_until(symbol, END)
    day = NOON.date()
    store.days.note_backfill(
        BackfilledDay("BTCUSDT", day - timedelta(days=1), END, "archive,archive", 86_400, 1_440, 0)
    )
    store.days.note_audit(
        AuditedDay("BTCUSDT", day, END + timedelta(days=1), "ab" * 32, 5, 1, 0, Decimal("0.00003"))
    )
    write_mart(store, storage, target)
    write_tables(settings, storage, target)
    write_answers(store, target)
    # One batch as it landed, readable: the file itself is compressed.
    (landed,) = (storage / "landing").rglob("BTCUSDT/1200-1205-*[0-9].json")
    relative = landed.relative_to(storage)
    kept = target / "landing.json"
    verdict = landed.with_name(landed.name.replace(".json", ".verdict.json"))
    kept.write_text(
        json.dumps(
            {
                "path": str(relative),
                "batch": json.loads(gzip.decompress(landed.read_bytes())),
                "verdict_path": str(verdict.relative_to(storage)),
                "verdict": json.loads(verdict.read_text()),
            }
        )
        + "\n"
    )
    shutil.rmtree(storage)
    SESSIONS.close()


def write_mart(store, storage, target):
    """Fill a mart as report_prices does, and keep it as SQL."""
    from include.orchestration import mart  # noqa: PLC0415 - reads the connection

    mart.create_tables()
    window = Window(NOON, END)
    mart.refresh([price for s in SYMBOLS for price in store.minute_prices.history(s, window)])
    for symbol in SYMBOLS:
        mart.take_restatements(store.restatements.between(symbol, window))
    mart.advance_watermark()
    with closing(sqlite3.connect(storage / "mart.db")) as connection:
        (target / "mart.sql").write_text("\n".join(connection.iterdump()) + "\n")


def plain(value):
    """Return a cell as Cassandra's JSON takes it back, exactly."""
    if isinstance(value, datetime):
        return to_ms(value) if value.tzinfo else f"{value:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, dict) or hasattr(value, "items"):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, Decimal | date) or hasattr(value, "days_from_epoch"):
        return str(value)
    return value


def write_tables(settings, storage, target):
    """Keep each table's rows as lines of JSON."""
    session = SESSIONS.get(settings)
    tables = Statements(settings).run("select_tables", (settings.keyspace,))
    lines = []
    for table in sorted(row["table_name"] for row in tables):
        for row in session.execute(f"SELECT * FROM {settings.keyspace}.{table}"):  # noqa: S608 - ours
            cells = {name: plain(value) for name, value in row.items() if value is not None}
            lines.append(json.dumps({"table": table, "row": cells}))
    # Where this was run is nobody's business.
    text = "\n".join(lines).replace(str(storage), "/srv/prices")
    (target / "rows.jsonl").write_text(text + "\n")


def write_answers(store, target):
    """Keep what was known of each minute at every moment at which one became known."""
    window = Window(NOON, END)
    prices = [price for s in SYMBOLS for price in store.minute_prices.history(s, window)]
    answers = [
        {
            "symbol": symbol,
            "moment_ms": to_ms(moment),
            "readings": [
                {
                    "minute_ms": to_ms(each.average.minute),
                    "revision": each.revision,
                    "known_ms": to_ms(each.known_at),
                    "first_known_ms": to_ms(each.first_known_at),
                    "state": each.state,
                    "average": {
                        name: plain(value)
                        for name, value in vars(each.average).items()
                        if name != "minute"
                    },
                }
                for each in as_of(store, symbol, window, moment)
            ],
        }
        for symbol in SYMBOLS
        for moment in sorted({price.known_at for price in prices} | {END + timedelta(days=2)})
    ]
    (target / "answers.jsonl").write_text("\n".join(json.dumps(each) for each in answers) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
