"""The index of Data Docs: the results kept, by day and symbol, failures first."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, Template, select_autoescape
from upath import UPath

from include.gx.summaries import ResultSummary, page_of, read_summary, verdict_of
from include.storage.whole_files import write_whole

TEMPLATES = Path(__file__).parent / "templates"
# Results listed per verdict on the first page; a day's page lists all.
LISTED = 100
VERDICTS = ("failed", "warned", "passed")


@dataclass(frozen=True)
class Retention:
    """How long results are kept.

    Attributes:
        days: UTC days, including today.
        passed_count: Newest results without a failure or a warning.
        failed_count: Newest of the others.
    """

    days: int = 7
    passed_count: int = 5_000
    failed_count: int = 10_000


class Index:
    """The results kept, one file per day, and counts of dropped ones by symbol and verdict."""

    def __init__(self, root: UPath) -> None:
        self._root = root
        self._folder = root / "index"
        self._days: dict[str, list[ResultSummary]] = {}
        self._dropped: dict[str, dict[str, int]] = {}
        self._changed: set[str] = set()
        for file in sorted(self._folder.glob("*.json")):
            content = json.loads(file.read_text(encoding="utf-8"))
            self._days[file.stem] = [read_summary(each) for each in content["kept"]]
            self._dropped[file.stem] = content["dropped"]

    def add(self, summaries: Iterable[ResultSummary]) -> None:
        """Add results; one with the same key replaces the older one."""
        for summary in summaries:
            day = summary.checked_at[:10]
            kept = {each.key: each for each in self._days.get(day, ())} | {summary.key: summary}
            self._days[day] = [*kept.values()]
            self._dropped.setdefault(day, {})
            self._changed.add(day)

    def drop(self, today: date, retention: Retention) -> list[ResultSummary]:
        """Drop results beyond the retention's age or count, and return them."""
        first = (today - timedelta(days=retention.days - 1)).isoformat()
        gone = [each for day in self._days if day < first for each in self._days[day]]
        ended = [day for day in self._days if day < first]
        for day in ended:
            del self._days[day], self._dropped[day]
            (self._folder / f"{day}.json").unlink(missing_ok=True)
            _remove_tree(self._root / "docs" / "days" / day)
        return gone + self._drop_oldest(retention)

    def _drop_oldest(self, retention: Retention) -> list[ResultSummary]:
        newest = sorted(
            (each for day in self._days.values() for each in day),
            key=lambda each: each.checked_at,
            reverse=True,
        )
        passed = [each for each in newest if verdict_of(each) == "passed"]
        failed = [each for each in newest if verdict_of(each) != "passed"]
        gone = {each.key for each in passed[retention.passed_count :]}
        gone |= {each.key for each in failed[retention.failed_count :]}
        for day, kept in self._days.items():
            dropped = [each for each in kept if each.key in gone]
            if dropped:
                self._days[day] = [each for each in kept if each.key not in gone]
                counts = Counter(
                    f"{symbol} {verdict_of(each)}" for each in dropped for symbol in each.symbols
                )
                self._dropped[day] = dict(Counter(self._dropped[day]) + counts)
                self._changed.add(day)
        return [each for each in newest if each.key in gone]

    def write(self, retention: Retention) -> None:
        """Write the days that changed, their pages, and the first page."""
        for day in self._changed & set(self._days):
            content = {
                "kept": [asdict(each) for each in self._days[day]],
                "dropped": self._dropped[day],
            }
            write_whole(self._folder / f"{day}.json", json.dumps(content))
            gone = {name.split(" ")[0] for name in self._dropped[day]}
            symbols = {symbol for each in self._days[day] for symbol in each.symbols}
            for symbol in symbols | gone:
                of_symbol = [each for each in self._days[day] if symbol in each.symbols]
                page = _render(f"{symbol}, {day}", of_symbol, retention, up="../../")
                write_whole(self._root / "docs" / "days" / day / f"{symbol}.html", page)
        days = sorted(self._days, reverse=True)
        everything = [each for day in days for each in self._days[day]]
        page = _render(
            "Data Docs",
            everything,
            retention,
            most=LISTED,
            days=days,
            by_symbol=self._counts(days),
        )
        write_whole(self._root / "docs" / "index.html", page)

    def _counts(self, days: Sequence[str]) -> dict[str, dict[str, dict[str, int]]]:
        counts: dict[str, dict[str, dict[str, int]]] = {}
        for day in days:
            for each in self._days[day]:
                for symbol in each.symbols:
                    cell = counts.setdefault(symbol, {}).setdefault(day, dict.fromkeys(VERDICTS, 0))
                    cell[verdict_of(each)] += 1
            for name, number in self._dropped[day].items():
                symbol, verdict = name.split(" ")
                cell = counts.setdefault(symbol, {}).setdefault(day, dict.fromkeys(VERDICTS, 0))
                cell[verdict] += number
        return dict(sorted(counts.items()))


@cache
def template(name: str) -> Template:
    """Return a template of ours, compiled once in a process and in all its forks."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(default=True)
    )
    return environment.get_template(name)


def _render(
    title: str,
    summaries: Sequence[ResultSummary],
    retention: Retention,
    *,
    up: str = "",
    most: int | None = None,
    **more: object,
) -> str:
    newest = sorted(summaries, key=lambda each: each.checked_at, reverse=True)
    by_verdict = {
        verdict: [_shown(each) for each in newest if verdict_of(each) == verdict][:most]
        for verdict in VERDICTS
    }
    return template("index.html.j2").render(
        title=title,
        up=up,
        keep_days=retention.days,
        keep_results=retention.passed_count,
        **by_verdict,
        **more,
    )


def _shown(summary: ResultSummary) -> dict[str, object]:
    return {
        **asdict(summary),
        "verdict": verdict_of(summary),
        "page": page_of(summary),
        "window": summary.name.partition("-")[2],
    }


def _remove_tree(folder: UPath) -> None:
    if folder.exists():
        folder.fs.rm(folder.path, recursive=True)
