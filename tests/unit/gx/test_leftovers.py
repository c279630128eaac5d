"""Which files of results no build of Data Docs will remove: all of a day that none keeps."""

from datetime import date, timedelta

import pytest

from include.gx.batches import check_batch
from include.gx.checkpoints import Checkpoints
from include.gx.data_docs import build_data_docs
from include.gx.docs_index import Retention
from include.gx.leftovers import is_left_over
from tests.fakes.builders import NOON, batch

DAY = NOON.date()


@pytest.mark.parametrize(
    "path",
    [
        "validations/second_prices/BTCUSDT-20260301T1200-20260301T1201/20260301T120104.250000Z/x.json",
        "docs/results/second_prices/BTCUSDT-20260301T1200-20260301T1201~20260301T120104.250000Z.html",
        "new/second_prices~BTCUSDT-20260301T1200-20260301T1201~20260301T120104.250000Z.json",
        "index/2026-03-01.json",
        "docs/days/2026-03-01/BTCUSDT.html",
    ],
)
def test_a_file_is_left_over_before_the_first_day_that_is_kept(path):
    assert is_left_over(path, date(2026, 3, 2))
    assert not is_left_over(path, date(2026, 3, 1))


@pytest.mark.parametrize(
    "path", ["docs/index.html", "docs/static/jquery.min.js", "validations/.ge_store_backend_id"]
)
def test_what_is_of_no_day_is_never_left_over(path):
    assert not is_left_over(path, date(2100, 1, 1))


def test_it_is_the_moment_of_the_check_that_counts_and_not_the_window():
    """A backfill of 2020 is checked today."""
    path = "new/second_prices~BTCUSDT-20200101T000000-20200102T000000~20260301T120104.250000Z.json"

    assert not is_left_over(path, date(2026, 3, 1))


@pytest.mark.slow
def test_every_file_that_a_build_writes_is_of_a_day_or_of_none(tmp_path):
    check_batch(Checkpoints(str(tmp_path)), batch(), symbol="BTCUSDT", stored={})
    build_data_docs(str(tmp_path), DAY, Retention())
    check_batch(Checkpoints(str(tmp_path)), batch(), symbol="BTCUSDT", stored={})
    paths = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")]

    kept = {path for path in paths if not is_left_over(path, DAY + timedelta(days=1))}

    assert {path.split("/")[0] for path in paths} >= {"validations", "docs", "new", "index"}
    assert {path for path in kept if (tmp_path / path).is_file()} == {
        "docs/index.html",
        "validations/.ge_store_backend_id",
        *(path for path in paths if path.startswith("docs/static/")),
    }
    assert not any(is_left_over(path, DAY) for path in paths)
