"""The exports, read back as their readers do: pandas, pyarrow and DuckDB."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from include.mart import files, mart
from include.mart.files import export_days
from include.records.limits import METHOD_VERSION
from include.records.windows import MINUTE
from include.reports.text_rows import DECIMALS, MINUTE_COLUMNS, PRICE_COLUMNS
from tests.fakes.builders import NOON, minute_price, traded, unpriced
from tests.fakes.reporter import read_csv

DAY = "2026-03-01"
MIDNIGHT = NOON.replace(hour=0)
# 26 digits before the point and 12 behind: all that a column may hold.
HUGE = Decimal("99999999999999999999999999.000000000001")


def published():
    """Minutes of two symbols on a day and on each side of it."""
    vast = traded(NOON, price="0.000000000001", volume="1")
    vast = replace(vast, average=replace(vast.average, volume=HUGE, quote_volume=Decimal("1E-12")))
    odd = minute_price(NOON + MINUTE, vwap="97000.123456789012", revision=2)
    odd = replace(odd, average=replace(odd.average, soft_flags="JUMP,SEAM", is_reconciled=None))
    return [
        vast,
        odd,
        unpriced(NOON + 2 * MINUTE),
        traded(MIDNIGHT, symbol="ETHUSDT", price="2500.10"),
        traded(MIDNIGHT + timedelta(days=1) - MINUTE, symbol="ETHUSDT", price="2500.2"),
        traded(MIDNIGHT - MINUTE, price="1"),
        traded(MIDNIGHT + timedelta(days=1), price="1"),
    ]


@pytest.fixture
def exports(new_mart, use_mart, tmp_path):
    """The folder of the exports, with the files of one day."""
    use_mart(new_mart("sqlite"))
    mart.refresh(published(), {("BTCUSDT", NOON): "GENERATED"})
    folder = UPath(tmp_path) / "exports" / "minute_prices"
    export_days([DAY], folder)
    return folder


def of_day():
    """The minutes of the day, as the store gives them, by symbol and minute."""
    return [
        price
        for price in sorted(published(), key=lambda p: (p.average.symbol, p.average.minute))
        if f"{price.average.minute:%Y-%m-%d}" == DAY
    ]


def expected(name):
    """A column of the day's minutes, as a reader of Parquet should meet it."""
    values = [
        getattr(price if name in {"revision", "known_at"} else price.average, name)
        for price in of_day()
    ]
    return [int(value) if isinstance(value, bool) else value for value in values]


def test_writes_a_file_of_each_symbol_and_format_and_a_manifest(exports):
    assert sorted(str(file.relative_to(exports)) for file in exports.rglob("*.*")) == [
        "csv/2026-03-01/BTCUSDT.csv",
        "csv/2026-03-01/ETHUSDT.csv",
        "manifests/2026-03-01.json",
        "parquet/2026-03-01/BTCUSDT.parquet",
        "parquet/2026-03-01/ETHUSDT.parquet",
    ]


def test_pandas_reads_the_stores_minutes_from_csv(exports):
    files = sorted(exports.glob("csv/*/*.csv"))

    assert [price for file in files for price in read_csv(file)] == of_day()


def test_csv_says_when_a_minute_was_first_published(exports):
    """Of the second minute only revision 2 is known here; the third never had a value."""
    text = pd.read_csv(exports / "csv" / DAY / "BTCUSDT.csv", dtype=str, keep_default_na=False)

    assert list(text.columns) == list(MINUTE_COLUMNS)
    assert list(text["delay_ms"]) == ["0", "", ""]
    assert text["first_known_at"][0] == "2026-03-01T12:01:00.000Z"
    assert list(text["source"]) == ["GENERATED", "", ""]


def test_a_reader_of_the_whole_parquet_folder_meets_each_value_exactly(exports):
    """One line; every column of every file has one type."""
    frame = pd.read_parquet(str(exports / "parquet"), dtype_backend="pyarrow")
    frame = frame.sort_values(["symbol", "minute"])

    for name in PRICE_COLUMNS:
        found = [None if value is pd.NA or pd.isna(value) else value for value in frame[name]]
        assert found == expected(name), name


def test_parquet_holds_exact_decimals_and_utc_times(exports):
    schemas = [pq.read_schema(file) for file in sorted(exports.glob("parquet/*/*.parquet"))]

    for schema in schemas:
        for name in DECIMALS:
            assert schema.field(name).type == pa.decimal128(38, 12), name
        for name in ("minute", "known_at", "first_known_at"):
            assert schema.field(name).type.tz == "UTC", name


def test_duckdb_reads_the_stores_minutes(exports):
    found = duckdb.sql(
        f"SELECT {', '.join(PRICE_COLUMNS)} FROM '{exports}/parquet/*/*.parquet' "  # noqa: S608 - our names
        "ORDER BY symbol, minute"
    ).fetchall()

    for place, name in enumerate(PRICE_COLUMNS):
        assert [row[place] for row in found] == expected(name), name


def test_duckdb_adds_up_what_pandas_does(exports):
    """Two minutes of one coin each at 2500.10 and at 2500.2."""
    (found,) = duckdb.sql(
        "SELECT symbol, sum(quote_volume) / sum(volume) AS vwap, count(vwap) "  # noqa: S608 - our names
        f"FROM '{exports}/parquet/*/ETHUSDT.parquet' GROUP BY symbol"
    ).fetchall()

    assert found == ("ETHUSDT", pytest.approx(2500.15), 2)


def test_the_manifest_says_what_the_files_should_be(exports):
    manifest = json.loads((exports / "manifests" / f"{DAY}.json").read_text())

    assert manifest["day"] == DAY
    assert manifest["window"] == {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}
    assert manifest["known_until"] == "2026-03-02T00:00:00.000Z"
    assert manifest["method_versions"] == [METHOD_VERSION]
    assert manifest["sources"] == ["GENERATED"]
    assert {file["symbol"]: file["sources"] for file in manifest["files"]} == {
        "BTCUSDT": ["GENERATED"],
        "ETHUSDT": [],
    }
    assert manifest["columns"] == list(MINUTE_COLUMNS)
    assert manifest["rows"] == 5
    assert [(file["symbol"], file["format"], file["rows"]) for file in manifest["files"]] == [
        ("BTCUSDT", "csv", 3),
        ("BTCUSDT", "parquet", 3),
        ("ETHUSDT", "csv", 2),
        ("ETHUSDT", "parquet", 2),
    ]
    for file in manifest["files"]:
        content = (exports / file["path"]).read_bytes()
        assert file["bytes"] == len(content)
        assert file["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_day_without_a_price_has_files_of_the_same_types(exports):
    mart.refresh([unpriced(NOON + timedelta(days=3))])

    export_days(["2026-03-04"], exports)

    assert len(pd.read_parquet(str(exports / "parquet"))) == 6
    query = f"SELECT count(*) FROM '{exports}/parquet/*/*.parquet'"  # noqa: S608 - our names
    assert duckdb.sql(query).fetchall() == [(6,)]


def test_the_same_minutes_make_the_same_files(exports):
    before = {file: file.read_bytes() for file in exports.rglob("*.*")}

    mart.refresh(published())
    export_days([DAY], exports)

    assert {file: file.read_bytes() for file in exports.rglob("*.*")} == before


def test_a_day_without_a_minute_says_so_in_its_manifest(exports):
    assert export_days(["2025-01-01"], exports) == {}

    told = json.loads((exports / "manifests" / "2025-01-01.json").read_text())
    assert (told["rows"], told["files"], told["known_until"]) == (0, [], None)


def test_exports_to_an_object_store(new_mart, use_mart):
    """fsspec's store in memory stands for any."""
    use_mart(new_mart("sqlite"))
    mart.refresh(published())
    folder = UPath("memory://bucket/minute_prices")

    export_days([DAY], folder)

    assert read_csv((folder / "csv" / DAY / "ETHUSDT.csv").open()) == of_day()[3:]
    assert (folder / "manifests" / f"{DAY}.json").exists()


def test_a_symbol_that_cannot_be_written_keeps_no_other_from_its_files(exports, monkeypatch):
    """The manifest names what was written."""
    typed_frame = files.typed_frame

    def broken(frame):
        if frame["symbol"].iloc[0] == "BTCUSDT":
            raise ValueError("no decimal")
        return typed_frame(frame)

    monkeypatch.setattr(files, "typed_frame", broken)
    before = (exports / "parquet" / DAY / "BTCUSDT.parquet").read_bytes()
    (exports / "parquet" / DAY / "ETHUSDT.parquet").unlink()

    failed = export_days([DAY], exports)

    assert {name: str(error) for name, error in failed.items()} == {
        f"BTCUSDT of {DAY}": "no decimal"
    }

    manifest = json.loads((exports / "manifests" / f"{DAY}.json").read_text())
    assert {file["symbol"] for file in manifest["files"]} == {"ETHUSDT"}
    assert (exports / "parquet" / DAY / "ETHUSDT.parquet").exists()
    assert (exports / "parquet" / DAY / "BTCUSDT.parquet").read_bytes() == before
