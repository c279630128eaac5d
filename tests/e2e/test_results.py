"""The mart and its files against Cassandra, whatever became of the events that wake them up."""

import hashlib
import json
import sqlite3
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum

import duckdb
import pandas as pd
import pytest

from include.records.prices import MinuteAverage
from include.records.windows import MINUTE, Window, floor_minute
from tests.e2e.conftest import SYMBOLS

FIELDS = [field.name for field in fields(MinuteAverage)]
REPORT = "report_prices"


@pytest.fixture(scope="module")
def upset(product):
    """The report's events of a minute are merged and dropped, and two runs come for nothing.

    Returns the moment until which minutes were published meanwhile.
    """
    with product.stack.rest() as api:
        api.patch(f"/dags/{REPORT}", json={"is_paused": True}).raise_for_status()
        closes_at = floor_minute(datetime.now(UTC)) + MINUTE
        product.wait_until_published(closes_at - MINUTE, flags=("OK", "PARTIAL", "INGEST_GAP"))
        api.delete(f"/dags/{REPORT}/assets/queuedEvents")
        api.patch(f"/dags/{REPORT}", json={"is_paused": False}).raise_for_status()
    for _ in range(2):
        state, logs = product.run_dag(REPORT)
        assert state == "success", logs
    return closes_at


def published(product, window):
    """What Cassandra says: of each minute its latest revision, and when the first was known."""
    found = {}
    for symbol in SYMBOLS:
        for price in product.store().minute_prices.history(symbol, window):
            key = (symbol, price.average.minute)
            first = found[key]["first_known_at"] if key in found else price.known_at
            row = {name: plain(getattr(price.average, name)) for name in FIELDS}
            row |= {"revision": price.revision, "known_at": price.known_at}
            found[key] = {**row, "first_known_at": first}
    return found


def plain(value):
    return value.value if isinstance(value, Enum) else value


def held(product, window):
    """What the mart says of the same; earlier tests left other symbols in it."""
    connection = sqlite3.connect(product.stack.home.mart, timeout=300)
    connection.row_factory = sqlite3.Row
    try:
        rows = connection.execute(
            "SELECT * FROM minute WHERE minute >= ? AND minute < ?",
            [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (window.start, window.end)],
        ).fetchall()
    finally:
        connection.close()
    return [dict(row) for row in rows if row["symbol"] in SYMBOLS]


def is_same(stored, row):
    """Compare value by value: decimals as decimals, times as times, nothing by way of floats."""
    for name, value in stored.items():
        text = None if pd.isna(row[name]) else row[name]
        if isinstance(value, bool):
            told = None if text is None else bool(int(text))
        elif isinstance(value, Decimal):
            told = None if text is None else Decimal(text)
        elif isinstance(value, datetime):
            told = pd.Timestamp(text).to_pydatetime().astimezone(UTC)
        elif isinstance(value, int):
            told = None if text is None else int(text)
        else:
            told = text or value
        if told != value:
            return False
    return True


def agree(product, window, rows):
    expected = published(product, window)
    found = {
        (row["symbol"], pd.Timestamp(row["minute"]).to_pydatetime().astimezone(UTC)): row
        for row in rows
    }
    return found.keys() == expected.keys() and all(
        is_same(stored, found[key]) for key, stored in expected.items()
    )


def window_of(product, until):
    midnight = until.replace(hour=0, minute=0)
    # From midnight on, so that one day's files hold it all; what began a day ago is left out.
    return Window(max(midnight, product.started_at - timedelta(hours=1)), until)


def test_holds_what_is_published_though_events_were_lost_merged_and_doubled(product, upset):
    window = window_of(product, upset)

    product.wait_for(
        lambda: agree(product, window, held(product, window)), what="a true mart", runs_of=[REPORT]
    )

    assert len(published(product, window)) > len(SYMBOLS)


@pytest.fixture(scope="module")
def files(product, upset):
    """The folder of exports, once it holds the minutes until then."""
    folder = product.stack.home.exports / "minute_prices"
    window = window_of(product, upset)
    product.wait_for(
        lambda: agree(product, window, within(window, from_csv(folder, window))),
        what="files of what is stored",
        runs_of=[REPORT],
    )
    return folder


def from_csv(folder, window):
    paths = [folder / "csv" / f"{window.start:%Y-%m-%d}" / f"{symbol}.csv" for symbol in SYMBOLS]
    frames = [pd.read_csv(path, dtype=str) for path in paths if path.exists()]
    return pd.concat(frames).to_dict("records") if frames else []


def within(window, rows):
    return [row for row in rows if pd.Timestamp(row["minute"]) in window]


def test_pandas_reads_the_exact_rows_back(product, upset, files):
    window = window_of(product, upset)

    def is_read():
        frame = pd.read_parquet(files / "parquet" / f"{window.start:%Y-%m-%d}")
        own = frame[frame["symbol"].isin(SYMBOLS)].astype(object)
        return agree(product, window, within(window, own.to_dict("records")))

    product.wait_for(is_read, what="the rows of Cassandra in Parquet files", runs_of=[REPORT])


def test_duckdb_reads_the_exact_rows_back(product, upset, files):
    window = window_of(product, upset)
    pattern = f"{files}/parquet/{window.start:%Y-%m-%d}/*.parquet"

    def is_read():
        with duckdb.connect() as database:
            database.execute("SET TimeZone = 'UTC'")
            found = database.execute(
                f"SELECT * FROM '{pattern}' WHERE symbol IN {SYMBOLS}"  # noqa: S608 - our own names
            )
            names = [column[0] for column in found.description]
            rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        return agree(product, window, within(window, rows))

    product.wait_for(is_read, what="the rows of Cassandra in DuckDB", runs_of=[REPORT])


def test_the_manifest_tells_what_the_files_hold(upset, files):
    day = f"{upset - MINUTE:%Y-%m-%d}"
    for _ in range(50):
        manifest = json.loads((files / "manifests" / f"{day}.json").read_text())
        checksums = {
            each["path"]: hashlib.sha256((files / each["path"]).read_bytes()).hexdigest()
            for each in manifest["files"]
        }
        # A run that writes new files may have come in between.
        again = json.loads((files / "manifests" / f"{day}.json").read_text())
        if again == manifest:
            break

    assert checksums == {each["path"]: each["sha256"] for each in manifest["files"]}
    assert {each["symbol"] for each in manifest["files"]} >= set(SYMBOLS)
    assert manifest["rows"] * 2 == sum(each["rows"] for each in manifest["files"])
