import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from upath import UPath

from include.gx.batches import check_batch, check_batches
from include.gx.checkpoints import Checkpoints
from include.gx.data_docs import build_data_docs
from include.gx.docs_index import Retention
from include.gx.kline_tables import Candidate
from tests.fakes.builders import NOON, batch, kline

DAY = NOON.date()
LOW = 3


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "gx"


def judge(folder, *, symbol="BTCUSDT", is_good=True, hours=0):
    rows = [kline(NOON + timedelta(seconds=index)) for index in range(60)]
    if not is_good:
        rows[7][LOW] = "101.00"
    landed = batch(symbol=symbol, seconds=rows)
    check_batch(
        Checkpoints(str(folder)),
        replace(landed, fetched_at=landed.fetched_at + timedelta(hours=hours)),
        symbol=symbol,
        stored={},
    )


def build(folder, *, day=DAY, **retention):
    return build_data_docs(str(folder), day, Retention(**retention))


def results(folder):
    return sorted(path.parts[-3] for path in (folder / "validations").rglob("*.json"))


def test_makes_a_page_for_each_result_that_explains_itself(folder):
    judge(folder, is_good=False)

    build(folder)

    (page,) = (folder / "docs" / "results" / "second_prices").iterdir()
    html = page.read_text(encoding="utf-8")
    assert page.name.startswith("BTCUSDT-20260301T1200-20260301T1201~")
    assert "Expect low <= quote volume / volume <= high; n trades may be off by n steps" in html
    assert "a close merged from another row passes every check but this one" in html
    assert "Rows that fail are refused; the others pass." in html
    assert re.search(r"<td[^>]*>\s*(<[^>]*>\s*)*101\.00", html)


@pytest.mark.slow
@pytest.mark.defect(28)
def test_runs_no_script_that_the_exchange_may_send(folder):
    script = "<script>alert(1)</script>"
    rows = [kline(NOON + timedelta(seconds=index)) for index in range(60)]
    rows[7][LOW] = script
    rows[8][0] = rows[9][0] = script
    landed = batch(seconds=rows, symbol=script)
    check_batch(Checkpoints(str(folder)), landed, symbol="BTCUSDT", stored={})

    build(folder)

    for page in (folder / "docs").rglob("*.html"):
        assert script not in page.read_text(encoding="utf-8")


def test_needs_nothing_from_the_network(folder):
    judge(folder, is_good=False)

    build(folder)

    for page in (folder / "docs").rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", html), page
        for link in re.findall(r"""(?:src|href)="([^"#]+)""", html):
            if not link.startswith(("data:", "../expectations/")) and "expectations/" not in link:
                assert (page.parent / link).exists(), (page, link)
    for sheet in (folder / "docs" / "static").glob("*.css"):
        assert "url(http" not in sheet.read_text(encoding="utf-8")


@pytest.mark.slow
def test_shows_failures_first_and_counts_by_symbol_and_day(folder):
    judge(folder, hours=1)
    judge(folder, symbol="ETHUSDT", is_good=False)
    judge(folder, symbol="SOLUSDT", is_good=False, hours=2)

    build(folder)

    index = (folder / "docs" / "index.html").read_text(encoding="utf-8")
    places = [
        index.index(f'<td title="{name}">{name}</td>\n  <td><a') for name in ("SOLUSDT", "ETHUSDT")
    ]
    assert index.index("Failures, newest first") < places[0] < places[1]
    assert places[1] < index.index("Passed, newest first")
    assert "1 failed" in index
    day = folder / "docs" / "days" / "2026-03-01" / "ETHUSDT.html"
    assert "expect_prices_to_be_in_order" in day.read_text(encoding="utf-8")


def judge_together(folder, *, bad=()):
    candidates = []
    for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT"):
        rows = [kline(NOON + timedelta(seconds=index)) for index in range(60)]
        if symbol in bad:
            rows[7][LOW] = "101.00"
        candidates.append(Candidate(symbol, batch(symbol=symbol, seconds=rows), {}))
    return dict(check_batches(Checkpoints(str(folder)), candidates))


def pages(folder, suite):
    return sorted(page.name.split("-")[0] for page in (folder / "docs/results" / suite).iterdir())


def listed(folder, symbol):
    """The verdicts and pages on the page of a symbol's day."""
    page = (folder / "docs" / "days" / "2026-03-01" / f"{symbol}.html").read_text(encoding="utf-8")
    rows = r"verdict (\w+)\".*?results/(\w+)/([^~]+?)-2026"
    return sorted(re.findall(rows, page, flags=re.DOTALL))


def test_finds_the_result_on_several_symbols_under_each_of_them(folder):
    judge_together(folder)

    build(folder)

    for symbol in ("BTCUSDT", "ADAUSDT"):
        assert listed(folder, symbol) == [
            ("passed", "exchange_minutes", "BTCUSDT_and_4"),
            ("passed", "second_prices", "BTCUSDT_and_4"),
        ]
    index = (folder / "docs" / "index.html").read_text(encoding="utf-8")
    assert "ADAUSDT, BTCUSDT, ETHUSDT and 2 more" in index


@pytest.mark.slow
def test_gives_a_symbol_that_fails_a_page_of_its_own(folder):
    judge_together(folder, bad=("ETHUSDT",))

    build(folder)

    assert pages(folder, "second_prices") == ["BTCUSDT_and_4", "ETHUSDT"]
    assert pages(folder, "exchange_minutes") == ["BTCUSDT_and_4"]
    assert ("failed", "second_prices", "ETHUSDT") in listed(folder, "ETHUSDT")
    assert ("passed", "second_prices", "BTCUSDT_and_4") not in listed(folder, "ETHUSDT")
    assert ("passed", "second_prices", "BTCUSDT_and_4") in listed(folder, "SOLUSDT")


@pytest.mark.slow
def test_keeps_no_result_on_several_symbols_of_which_none_passes(folder):
    judge_together(folder, bad=("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT"))

    build(folder)

    assert "BTCUSDT_and_4" not in pages(folder, "second_prices")
    assert not [*folder.rglob("validations/second_prices/BTCUSDT_and_4*/**/*.json")]


@pytest.mark.slow
def test_reads_an_index_of_before_a_result_covered_several_symbols(folder):
    judge(folder)
    build(folder)
    (file,) = (folder / "index").glob("*.json")
    content = json.loads(file.read_text())
    for kept in content["kept"]:
        (kept["symbol"],) = kept.pop("symbols")
    file.write_text(json.dumps(content))

    judge(folder, hours=1)
    build(folder)

    assert len(listed(folder, "BTCUSDT")) == 4


@pytest.mark.slow
def test_makes_only_the_pages_that_are_new(folder):
    judge(folder)
    first = build(folder)
    page = next((folder / "docs" / "results" / "second_prices").iterdir())
    page.write_text("kept")

    judge(folder, hours=1)
    second = build(folder)

    assert (first.page_count, second.page_count) == (2, 2)
    assert page.read_text() == "kept"
    assert build(folder).page_count == 0


@pytest.mark.slow
def test_drops_what_is_older_than_the_days_kept(folder):
    judge(folder)
    judge(folder, symbol="ETHUSDT", is_good=False)
    build(folder)
    judge(folder, symbol="SOLUSDT", hours=24 * 7)

    done = build(folder, day=DAY + timedelta(days=7))

    assert done.removed_count == 4
    assert {name.partition("-")[0] for name in results(folder)} == {"SOLUSDT"}
    assert not (folder / "docs" / "days" / "2026-03-01").exists()
    assert "ETHUSDT" not in (folder / "docs" / "index.html").read_text(encoding="utf-8")
    pages = [page.name for page in (folder / "docs" / "results").rglob("*.html")]
    assert all(name.startswith("SOLUSDT") for name in pages)


@pytest.mark.slow
def test_drops_the_oldest_that_passed_beyond_the_count_and_never_a_failure(folder):
    judge(folder, symbol="ETHUSDT", is_good=False)
    for hour in range(3):
        judge(folder, hours=hour)

    build(folder, passed_count=2)

    kept = next(json.loads(file.read_text()) for file in (folder / "index").iterdir())
    assert [each["symbols"] for each in kept["kept"] if each["failed"]] == [["ETHUSDT"]]
    assert len(kept["kept"]) == 3
    assert kept["dropped"] == {"BTCUSDT passed": 4, "ETHUSDT passed": 1}
    index = (folder / "docs" / "index.html").read_text(encoding="utf-8")
    assert re.search(r'days/2026-03-01/BTCUSDT.html">6', index)


@pytest.mark.slow
def test_keeps_no_more_failures_than_a_build_can_list(folder):
    for hour in range(3):
        judge(folder, is_good=False, hours=hour)

    build(folder, failed_count=1)

    index = (folder / "docs" / "index.html").read_text(encoding="utf-8")
    assert index.count('class="verdict failed">failed') == 1
    assert "3 failed" in index


def test_makes_up_for_a_build_that_ended_half_way(folder):
    judge(folder)
    inbox = {file: file.read_text() for file in (folder / "new").iterdir()}
    build(folder)
    for file, text in inbox.items():
        file.write_text(text)

    build(folder)

    (day,) = (folder / "index").iterdir()
    assert len(json.loads(day.read_text())["kept"]) == 2
    assert [*(folder / "new").iterdir()] == []


def test_goes_on_when_a_result_is_gone(folder):
    judge(folder)
    next((folder / "validations").rglob("second_prices/*/*/*.json")).unlink()

    assert build(folder).page_count == 1


def test_keeps_results_and_pages_in_an_object_store():
    url = "memory://docs/gx"
    judge(url, is_good=False)

    assert build_data_docs(url, DAY, Retention()).page_count == 2

    root = UPath(url)
    assert "expect_prices_to_be_in_order" in (root / "docs" / "index.html").read_text()
    assert build_data_docs(url, DAY + timedelta(days=7), Retention()).removed_count == 2
    assert not [*(root / "validations" / "second_prices").rglob("*.json")]
