from datetime import date

import pytest

from include.mart.export_names import is_old_export

FILES = ["csv/2026-03-01/BTCUSDT.csv", "parquet/2026-03-01/BTCUSDT.parquet"]


@pytest.mark.parametrize("path", [*FILES, "manifests/2026-03-01.json"])
def test_a_days_files_and_its_manifest_are_old_together(path):
    assert is_old_export(path, date(2026, 3, 2))
    assert not is_old_export(path, date(2026, 3, 1))


@pytest.mark.parametrize("path", ["notes/readme.txt", "2026-03-01.json", "csv/latest/BTCUSDT.csv"])
def test_what_we_did_not_export_is_never_old(path):
    assert not is_old_export(path, date(2100, 1, 1))
