import json
import os
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from upath import UPath

from include.gx.batches import check_batch, check_batches
from include.gx.checkpoints import Checkpoints
from include.gx.data_docs import build_data_docs
from include.gx.docs_index import Retention
from include.gx.kline_tables import Candidate
from include.gx.minutes import check_averages
from include.records.batches import Run
from include.records.verdicts import ExpectedMinutes
from include.records.windows import MINUTE
from tests.fakes.builders import NOON, average, batch, kline

DAY = NOON.date()
LOW = 3


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "gx"


def judge(folder, *, symbol="BTCUSDT", is_good=True, hours=0, run=None):
    rows = [kline(NOON + timedelta(seconds=index)) for index in range(60)]
    if not is_good:
        rows[7][LOW] = "101.00"
    landed = batch(symbol=symbol, seconds=rows)
    check_batch(
        Checkpoints(str(folder), run),
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


def page_text(folder, suite):
    """The text of the head of a suite's only page, and all of its HTML."""
    (page,) = (folder / "docs" / "results" / suite).iterdir()
    html = page.read_text(encoding="utf-8")
    _, _, head = html.partition('data-testid="head">')
    return words(head.partition("</header>")[0]), html


def words(html):
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def observed(html, expectation):
    """What a page shows as observed, of the first row that says what is expected."""
    found = re.search(
        rf"{expectation}.*?<td[^>]*>\s*(?:<[^>]*>\s*)*([^<]*\b(?:rows|as expected)\b[^<]*)",
        html,
        re.DOTALL,
    )
    return " ".join(found[1].split())


def test_heads_a_result_with_what_it_is_about_and_leads_back(folder):
    judge(folder, run=Run("ingest_prices", "manual__one+two"))

    build(folder)

    head, html = page_text(folder, "second_prices")
    assert head.startswith("second_prices: BTCUSDT Verdict passed Window 2026-03-01 12:00 to ")
    assert "2026-03-01 12:01 UTC; rows from 2026-03-01 12:00:00 to 2026-03-01 12:00:59" in head
    assert "Rows 60 fetched, 60 judged, 0 refused" in head
    assert "../../../../prices/?symbol=BTCUSDT&amp;minute=2026-03-01T12:00Z" in html
    run = "run_id=manual__one%2Btwo"
    assert f"../../../../prices/run?dag_id=ingest_prices&amp;{run}" in html
    in_airflow = "dags/ingest_prices/runs/manual__one%2Btwo"
    assert f'class="airflow" href="../../../../{in_airflow}"' in html
    assert 'href="../../days/2026-03-01/BTCUSDT.html"' in html
    assert "Data asset" not in html


def test_shows_what_was_observed_when_all_is_well(folder):
    judge(folder)

    build(folder)

    _, html = page_text(folder, "second_prices")
    assert " -- " not in words(html)
    assert observed(html, "Expect the open time to be a whole number") == "0 of 60 rows fail"
    assert observed(html, "Expect open times within the requested span") == (
        "2026-03-01T12:00:00Z to 2026-03-01T12:00:59Z; 0 of 60 rows fail"
    )
    assert observed(html, "Expect a row for every second and minute") == "60 rows, none missing"
    assert observed(html, "Twelve columns") == "all columns as expected"


def test_shows_how_many_rows_fail(folder):
    judge(folder, is_good=False)

    build(folder)

    head, html = page_text(folder, "second_prices")
    assert "Verdict failed : expect_prices_to_be_in_order, expect_vwap_to_be_within_prices" in head
    assert "Rows 60 fetched, 60 judged, 1 refused" in head
    assert observed(html, "Expect 0 < low <= open") == "1 of 60 rows fail"
    assert observed(html, "Expect the open time to be a whole number") == "0 of 60 rows fail"


def test_heads_the_minutes_of_several_symbols(folder):
    averages = [average(NOON, symbol=symbol) for symbol in ("BTCUSDT", "ETHUSDT")]
    check_averages(
        Checkpoints(str(folder)),
        averages,
        ExpectedMinutes(("BTCUSDT", "ETHUSDT"), 2, NOON + MINUTE),
    )

    build(folder)

    head, html = page_text(folder, "minute_prices")
    assert head.startswith("minute_prices: all symbols Verdict passed Window 2026-03-01 12:00 to")
    assert "Rows 2 fetched, 2 judged, 0 refused" in head
    assert "Run not noted" in head
    assert observed(html, "One row for each requested symbol and minute") == "2 rows"
    assert observed(html, "One row for each symbol and minute") == (
        "2026-03-01T12:00:00+00:00 to 2026-03-01T12:00:00+00:00; 0 of 2 rows fail"
    )
    assert " -- " not in words(html)


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
            if link.startswith("data:"):
                continue
            target = Path(os.path.normpath(page.parent / link.partition("?")[0]))
            if target.is_relative_to(folder / "docs"):
                assert target.exists(), (page, link)
            else:
                # Airflow serves docs/ as /quality/docs/, next to the other pages.
                place = target.relative_to(folder.parent)
                assert place.parts[0] in {"prices", "dags"}, (page, link)
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
    (together,) = (folder / "docs" / "results" / "second_prices").glob("BTCUSDT_and_4*")
    said = words(together.read_text(encoding="utf-8"))
    assert "ADAUSDT, BTCUSDT, SOLUSDT and 1 more Verdict passed" in said
    assert "300 fetched, 240 judged, 0 refused; the others are of symbols that failed" in said
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
