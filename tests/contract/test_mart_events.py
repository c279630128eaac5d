"""What becomes of the mart and the files when events are lost, merged or doubled."""

import json
import os
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from include.records.revisions import Restatement
from include.records.windows import MINUTE, Window
from include.reports.report import Report
from include.tasks import report_prices
from tests.fakes.builders import logged, traded, unpriced
from tests.fakes.reporter import SYMBOLS, Reporter

HOUR = timedelta(hours=1)
# Past whatever the clock says, from half an hour before a midnight on.
MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - 2 * 24 * HOUR
START = MIDNIGHT - 30 * MINUTE
SPAN = Window(START, START + 4 * HOUR)


class Publisher:
    """Publishes minutes and revisions as they come to be known, by chance.

    Args:
        reporter: Whose store takes them.
        seed: Of chance; the same one again publishes the same.
    """

    def __init__(self, reporter, seed):
        self.reporter = reporter
        self.chance = random.Random(seed)  # noqa: S311 - prices, no secrets
        self.now = START
        self.next = dict.fromkeys(SYMBOLS, START)

    def start(self):
        """Publish each symbol's minutes up to the new day."""
        for symbol in SYMBOLS:
            self._extend(symbol, 40)

    def publish(self):
        """Publish the next minutes of one symbol, or revise, or fill a gap long past."""
        symbol = self.chance.choice(SYMBOLS)
        self.now += timedelta(milliseconds=self.chance.randrange(1, 900_000))
        if self.chance.random() < 0.7:
            self._extend(symbol, self.chance.choice([1, 1, 2, 15, 40]))
        else:
            minute = START + self.chance.randrange(40) * MINUTE
            self._say(symbol, minute, self.chance.choice([1, 5]))
            self._restate(symbol, minute)

    def _extend(self, symbol, count):
        self._say(symbol, self.next[symbol], count)
        self.next[symbol] += count * MINUTE

    def _say(self, symbol, start, count):
        for index in range(count):
            minute = start + index * MINUTE
            if minute in SPAN and self.chance.random() < 0.9:
                self.reporter.publish(self._minute(symbol, minute))

    def _minute(self, symbol, minute):
        if self.chance.random() < 0.1:
            return unpriced(minute, symbol=symbol, known_at=self.now)
        price = f"{self.chance.uniform(99, 101):.12f}"
        return traded(minute, symbol=symbol, price=price, volume="2", known_at=self.now)

    def _restate(self, symbol, minute):
        held = self.reporter.store.minute_prices.history(symbol, Window(minute, minute + MINUTE))
        if len(held) > 1:
            entry = Restatement(
                symbol=symbol,
                minute=minute,
                revision=held[-1].revision,
                known_at=held[-1].known_at,
                vwap_before=None,
                vwap_after=Decimal(1),
                difference_ratio=None,
                is_alarming=False,
            )
            self.reporter.store.restatements.note([entry])


@pytest.fixture
def _blank_reports(monkeypatch):
    """Making them takes longest, and they say when they were made: here only which counts."""
    monkeypatch.setattr(report_prices, "build_report", lambda *_: Report("", "", bytes, {}))
    monkeypatch.setenv("AIRFLOW_VAR_HOURLY_REPORTS", "99")


def runs_by_chance(publisher):
    """Let several publications pass, and after each one no run, one, two, or half of one."""
    happened = []
    publisher.start()
    for _ in range(7):
        publisher.publish()
        what = publisher.chance.choice(["lost", "lost", "run", "doubled", "died"])
        happened.append(what)
        if what in {"run", "doubled"}:
            publisher.reporter.run()
        if what == "doubled":
            publisher.reporter.run()
        if what == "died":
            report_prices.refresh_mart()
    publisher.publish()
    publisher.reporter.run()
    return happened


@pytest.mark.usefixtures("_blank_reports")
@pytest.mark.defect(25)
@pytest.mark.parametrize(("kind", "seed"), [("sqlite", 1), ("sqlite", 2), ("postgres", 3)])
def test_ends_like_a_single_run_over_everything(  # noqa: PLR0913, PLR0917 - fixtures
    new_mart, use_mart, monkeypatch, tmp_path, kind, seed
):
    database = use_mart(new_mart(kind))
    reporter = Reporter(monkeypatch, tmp_path / "eventful")
    happened = runs_by_chance(Publisher(reporter, seed))
    eventful, files = database.everything(), reporter.files()

    other = Reporter(monkeypatch, tmp_path / "single")
    other.store = reporter.store
    database = use_mart(new_mart(kind))
    other.run()
    single, single_files = database.everything(), other.files()

    assert set(happened) >= {"lost", "died"}
    for name, rows in single.items():
        assert eventful[name] == [pytest.approx(row) for row in rows], name
    assert reporter.exported() == other.published(SPAN)
    assert files.keys() == single_files.keys()
    manifests = [name for name in files if "manifests" in name]
    assert len(manifests) == 2
    for name in (name for name in files if name.startswith("exports/")):
        assert files[name] == single_files[name], name


def test_takes_two_publications_at_once(monkeypatch, tmp_path, new_mart, use_mart):
    """The event of the second one is merged into that of the first."""
    database = use_mart(new_mart("sqlite"))
    reporter = Reporter(monkeypatch, tmp_path)
    reporter.publish(traded(START, known_at=START + MINUTE))
    reporter.publish(traded(START + MINUTE, known_at=START + 2 * MINUTE))

    reporter.run()

    assert len(database.table("minute")) == 2


def test_a_run_without_news_changes_no_export(monkeypatch, tmp_path, new_mart, use_mart):
    use_mart(new_mart("sqlite"))
    reporter = Reporter(monkeypatch, tmp_path)
    reporter.publish(*(traded(START + index * MINUTE, known_at=START + HOUR) for index in range(3)))
    reporter.run()
    before = {name: file for name, file in reporter.files().items() if "exports" in name}

    reporter.run()

    after = {name: file for name, file in reporter.files().items() if "exports" in name}
    assert after == before


def test_runs_before_anything_is_published(monkeypatch, tmp_path, new_mart, use_mart):
    use_mart(new_mart("sqlite"))
    reporter = Reporter(monkeypatch, tmp_path)

    reporter.run()
    reporter.run()

    assert [*reporter.files()] == [f"reports/latest.{kind}" for kind in ("html", "png", "txt")]


def test_draws_the_latest_report_anew_after_five_minutes(monkeypatch, tmp_path, new_mart, use_mart):
    use_mart(new_mart("sqlite"))
    reporter = Reporter(monkeypatch, tmp_path)
    reporter.run()
    picture = tmp_path / "reports" / "latest.png"
    drawn = []
    for minutes in (1, 4, 5, 60):
        picture.write_bytes(b"")
        before = (datetime.now(UTC) - minutes * MINUTE).timestamp()
        os.utime(picture, (before, before))
        reporter.run()
        drawn.append(bool(picture.read_bytes()))

    assert drawn == [False, False, True, True]


def test_what_a_dead_run_left_is_exported_by_the_next(monkeypatch, tmp_path, new_mart, use_mart):
    """It took in two publications an hour apart, further than a run looks behind the watermark."""
    use_mart(new_mart("sqlite"))
    reporter = Reporter(monkeypatch, tmp_path)
    reporter.publish(traded(MIDNIGHT - MINUTE, known_at=MIDNIGHT))
    reporter.publish(traded(MIDNIGHT + HOUR, known_at=MIDNIGHT + HOUR + MINUTE))
    report_prices.refresh_mart()

    reporter.run()

    assert reporter.exported() == reporter.published(SPAN)
    assert len(reporter.exported()) == 2


def test_what_a_batch_is_from_is_in_every_file(monkeypatch, tmp_path, new_mart, use_mart):
    """Fetched five seconds after its end; the next minute's batch is not in the log."""
    database = use_mart(new_mart("sqlite"))
    reporter = Reporter(monkeypatch, tmp_path)
    reporter.store.log_batch(logged(START, source="REPLAY of 2020-01-01"))
    for minute in (START, START + MINUTE):
        reporter.publish(traded(minute, known_at=minute + MINUTE + timedelta(seconds=7)))

    reporter.run()

    assert [row["source"] for row in database.table("minute")] == ["REPLAY of 2020-01-01", None]
    (manifest,) = (json.loads(file.read_text()) for file in reporter.exports.glob("manifests/*"))
    assert manifest["sources"] == ["REPLAY of 2020-01-01"]
    strip = "REPLAY of 2020-01-01, source not noted · price of "
    for kind in ("txt", "html"):
        (file,) = (reporter.folder / "reports" / "daily").glob(f"*.{kind}")
        assert strip in file.read_text()
