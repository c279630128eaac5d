"""What a backup says of itself."""

from datetime import UTC, date, datetime

import pytest
from upath import UPath

from include.backup.manifest import (
    BEGUN,
    FORMAT,
    MANIFEST,
    Begun,
    CopiedFile,
    DamagedBackupError,
    Manifest,
    Scope,
    read_begun,
    read_manifest,
    write_begun,
    write_manifest,
)
from include.records.errors import SettingsError

BEGAN = Begun(
    format=FORMAT,
    id="f" * 32,
    begun_at=datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC),
    scope=Scope(keyspace="prices"),
    method_version=2,
    schema_versions={0: "a", 1: "b"},
)
FILE = CopiedFile(path="cassandra/watermark/all.parquet", rows=3, bytes=900, sha256="c" * 64)


def manifest(*files):
    return Manifest(begun=BEGAN, finished_at=BEGAN.begun_at, files=files)


def test_is_read_back_as_it_was_written(tmp_path):
    write_begun(UPath(tmp_path), BEGAN)
    write_manifest(UPath(tmp_path), manifest(FILE))

    assert read_begun(UPath(tmp_path)) == BEGAN
    assert read_manifest(UPath(tmp_path)) == manifest(FILE).with_checksum()


def test_sums_its_tables_in_the_order_in_which_they_were_written():
    minutes = [
        CopiedFile(path=f"cassandra/minute_price/{name}.parquet", rows=2, bytes=10, sha256="")
        for name in ("BTCUSDT/2026-02", "BTCUSDT/2026-03")
    ]

    assert list(manifest(FILE, *minutes).by_table()) == [
        ("cassandra/watermark", 1, 3, 900),
        ("cassandra/minute_price", 2, 4, 20),
    ]


@pytest.mark.parametrize("cut", [0, 1, 200])
def test_a_truncated_manifest_is_refused(tmp_path, cut):
    write_manifest(UPath(tmp_path), manifest(FILE))
    file = tmp_path / MANIFEST
    file.write_bytes(file.read_bytes()[:cut])

    with pytest.raises(DamagedBackupError, match="truncated or altered"):
        read_manifest(UPath(tmp_path))


def test_a_manifest_that_leads_out_of_its_folder_is_refused(tmp_path):
    write_manifest(
        UPath(tmp_path), manifest(FILE.model_copy(update={"path": "cassandra/../../secret"}))
    )

    with pytest.raises(DamagedBackupError):
        read_manifest(UPath(tmp_path))


def test_another_format_is_refused_as_one_whatever_it_contains(tmp_path):
    (tmp_path / MANIFEST).write_text(f'{{"begun": {{"format": {FORMAT + 1}}}, "news": 1}}')

    with pytest.raises(SettingsError, match=f"has format {FORMAT + 1}"):
        read_manifest(UPath(tmp_path))


def test_tells_an_unfinished_backup_from_none(tmp_path):
    with pytest.raises(SettingsError, match="none"):
        read_manifest(UPath(tmp_path))

    (tmp_path / BEGUN).write_text("{}")
    with pytest.raises(SettingsError, match="continue it with save"):
        read_manifest(UPath(tmp_path))


@pytest.mark.parametrize(
    ("period", "is_in"),
    [
        (date(2026, 2, 9), False),
        (date(2026, 2, 10), True),
        (date(2026, 2, 28), True),
        (date(2026, 3, 1), False),
        ("2026-01", False),
        ("2026-02", True),
        ("2026-03", False),
    ],
)
def test_days_are_half_open_and_a_month_belongs_to_each_of_its_days(period, is_in):
    """From 10 February to before 1 March."""
    scope = Scope(keyspace="prices", first_day=date(2026, 2, 10), end_day=date(2026, 3, 1))

    assert scope.has_period(period) is is_in


def test_without_days_or_symbols_everything_belongs():
    scope = Scope(keyspace="prices")

    assert scope.has_period(date(1970, 1, 1))
    assert scope.has_period("2099-12")
    assert scope.has_symbol("BTCUSDT")
    assert not Scope(keyspace="prices", symbols=("ETHUSDT",)).has_symbol("BTCUSDT")
