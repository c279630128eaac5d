"""Data Docs: a page for each result, and an index that shows failures first.

Built from what the checkpoints announced since the last build, so that a build takes as long as
there is news, however much is kept.
"""

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from great_expectations.data_context.store import ValidationResultsStore
from great_expectations.data_context.types.resource_identifiers import (
    ValidationResultIdentifier,
)
from great_expectations.exceptions import InvalidKeyError
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, select_autoescape
from upath import UPath

from include.gx.checkpoints import INBOX, ResultSummary, open_context

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"
ASSETS = ("bootstrap.min.css", "bootstrap.bundle.min.js", "jquery.min.js", "data_docs.css")
# What a page lists of each verdict; a day's page lists all.
LISTED = 100
# One build takes in no more, so that it ends; the next goes on.
RESULTS_A_BUILD = 2_000
VERDICTS = ("failed", "warned", "passed")


class OfflinePageView(DefaultJinjaPageView):
    """GX's page of a result, with styles and scripts of this site in place of those of CDNs."""

    def __init__(self) -> None:
        super().__init__()
        own = FileSystemLoader(TEMPLATES)
        self.env.loader = ChoiceLoader([own, self.env.loader] if self.env.loader else [own])


@dataclass(frozen=True)
class Retention:
    """How long results are kept.

    Attributes:
        days: UTC days, today among them.
        passed_count: Newest results without a failure or a warning; failures stay for the days.
    """

    days: int = 7
    passed_count: int = 5_000


@dataclass(frozen=True)
class Build:
    """What a build of Data Docs did.

    Attributes:
        index_url: Its first page.
        page_count: Pages made now.
        removed_count: Results, and their pages, that were too old.
    """

    index_url: str
    page_count: int
    removed_count: int


def build_data_docs(results_url: str, today: date, retention: Retention) -> Build:
    """Make the pages of new results, drop those that are too old, and write the index anew.

    One build at a time. One that ends half way is made up by the next.

    Args:
        results_url: Folder of the results: validations/ and news lie there, docs/ is written.
        today: UTC.
        retention: What is kept.
    """
    root = UPath(results_url)
    store: ValidationResultsStore = open_context(results_url).validation_results_store
    _copy_assets(root)
    news = sorted((root / INBOX).glob("*.json"), key=lambda file: file.name)[:RESULTS_A_BUILD]
    fresh = [_summary(json.loads(file.read_text(encoding="utf-8"))) for file in news]
    view = OfflinePageView()
    made = [summary for summary in fresh if _make_page(root, store, summary, view)]
    index = _Index(root)
    index.add(made)
    dropped = index.drop(today, retention)
    for summary in dropped:
        store.remove_key(_identifier(summary))  # type: ignore[no-untyped-call]
        (root / "docs" / page_of(summary)).unlink(missing_ok=True)
    index.write(retention)
    for file in news:
        file.unlink()
    return Build(f"{results_url}/docs/index.html", len(made), len(dropped))


def page_of(summary: ResultSummary) -> str:
    """Return where the page of a result lies in docs/."""
    suite, run, time, _ = summary.key
    return f"results/{suite}/{run}~{time}.html"


def verdict_of(summary: ResultSummary) -> str:
    """Return failed, warned or passed."""
    return "failed" if summary.failed else "warned" if summary.warnings else "passed"


def _make_page(
    root: UPath, store: ValidationResultsStore, summary: ResultSummary, view: OfflinePageView
) -> bool:
    """Make the page of a result; tell whether the result is there."""
    try:
        result = store.get(_identifier(summary))
    except InvalidKeyError:
        return False
    if result is None:
        return False
    for outcome in result.results:
        outcome.result = _escaped(outcome.result)
    document = ValidationResultsPageRenderer().render(result)
    page = root / "docs" / page_of(summary)
    page.parent.mkdir(parents=True, exist_ok=True)
    text: str = view.render(document)  # type: ignore[no-untyped-call]
    page.write_text(text, encoding="utf-8")
    return True


def _escaped(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Escape what was observed: GX's pages take it as it is, and it comes from the exchange."""
    match value:
        case str():
            return html.escape(value)
        case dict():
            return {key: _escaped(each) for key, each in value.items()}
        case list() | tuple():
            return [_escaped(each) for each in value]
        case _:
            return value


def _identifier(summary: ResultSummary) -> ValidationResultIdentifier:
    return ValidationResultIdentifier.from_tuple(summary.key)  # type: ignore[no-untyped-call, no-any-return]


def _summary(content: dict[str, Any]) -> ResultSummary:
    lists = {name: tuple(content[name]) for name in ("key", "failed", "warnings")}
    return ResultSummary(**{**content, **lists})


def _copy_assets(root: UPath) -> None:
    folder = root / "docs" / "static"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ASSETS:
        content = (STATIC / name).read_bytes()
        target = folder / name
        if not target.exists() or target.stat().st_size != len(content):
            target.write_bytes(content)


class _Index:
    """What is kept, a file a day; and how many results of each day and symbol there ever were."""

    def __init__(self, root: UPath) -> None:
        self._root = root
        self._folder = root / "index"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._days: dict[str, list[ResultSummary]] = {}
        self._dropped: dict[str, dict[str, int]] = {}
        self._changed: set[str] = set()
        for file in sorted(self._folder.glob("*.json")):
            content = json.loads(file.read_text(encoding="utf-8"))
            self._days[file.stem] = [_summary(each) for each in content["kept"]]
            self._dropped[file.stem] = content["dropped"]

    def add(self, summaries: Iterable[ResultSummary]) -> None:
        """Take in results; one that is there already takes the place of the older."""
        for summary in summaries:
            day = summary.checked_at[:10]
            kept = {each.key: each for each in self._days.get(day, ())} | {summary.key: summary}
            self._days[day] = [*kept.values()]
            self._dropped.setdefault(day, {})
            self._changed.add(day)

    def drop(self, today: date, retention: Retention) -> list[ResultSummary]:
        """Forget what is too old or too much; return it."""
        first = (today - timedelta(days=retention.days - 1)).isoformat()
        gone = [each for day in self._days if day < first for each in self._days[day]]
        for day in [day for day in self._days if day < first]:
            del self._days[day], self._dropped[day]
            (self._folder / f"{day}.json").unlink(missing_ok=True)
            _remove_tree(self._root / "docs" / "days" / day)
        passed = [
            (day, each) for day in self._days for each in self._days[day] if not _is_news(each)
        ]
        passed.sort(key=lambda pair: pair[1].checked_at, reverse=True)
        for day, summary in passed[retention.passed_count :]:
            self._days[day].remove(summary)
            count = self._dropped[day]
            count[summary.symbol] = count.get(summary.symbol, 0) + 1
            self._changed.add(day)
            gone.append(summary)
        return gone

    def write(self, retention: Retention) -> None:
        """Write the days that changed, their pages, and the first page."""
        for day in self._changed & set(self._days):
            content = {
                "kept": [asdict(each) for each in self._days[day]],
                "dropped": self._dropped[day],
            }
            _write_whole(self._folder / f"{day}.json", json.dumps(content))
            for symbol in {each.symbol for each in self._days[day]} | set(self._dropped[day]):
                of_symbol = [each for each in self._days[day] if each.symbol == symbol]
                page = _render(f"{symbol}, {day}", of_symbol, retention, up="../../")
                _write_whole(self._root / "docs" / "days" / day / f"{symbol}.html", page)
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
        _write_whole(self._root / "docs" / "index.html", page)

    def _counts(self, days: Sequence[str]) -> dict[str, dict[str, dict[str, int]]]:
        counts: dict[str, dict[str, dict[str, int]]] = {}
        for day in days:
            for each in self._days[day]:
                cell = counts.setdefault(each.symbol, {}).setdefault(
                    day, dict.fromkeys(VERDICTS, 0)
                )
                cell[verdict_of(each)] += 1
            for symbol, number in self._dropped[day].items():
                cell = counts.setdefault(symbol, {}).setdefault(day, dict.fromkeys(VERDICTS, 0))
                cell["passed"] += number
        return dict(sorted(counts.items()))


def _is_news(summary: ResultSummary) -> bool:
    return verdict_of(summary) != "passed"


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
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(default=True)
    )
    return environment.get_template("index.html.j2").render(
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


def _write_whole(target: UPath, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.rename(target)


def _remove_tree(folder: UPath) -> None:
    if folder.exists():
        folder.fs.rm(folder.path, recursive=True)
