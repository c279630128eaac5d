"""Data Docs: a page for each result, and an index that shows failures first.

Built from what the checkpoints announced since the last build, so that a build takes as long as
there is news, however much is kept.
"""

import html
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from great_expectations.data_context.store import ValidationResultsStore
from great_expectations.data_context.types.resource_identifiers import (
    ValidationResultIdentifier,
)
from great_expectations.exceptions import InvalidKeyError
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, FileSystemLoader
from upath import UPath

from include.gx.checkpoints import INBOX, open_context
from include.gx.docs_index import TEMPLATES, Index, Retention, page_of, read_summary
from include.gx.results import ResultSummary
from include.records.palette import style_sheet
from include.storage.whole_files import write_whole

STATIC = Path(__file__).parent / "static"
STYLE = "data_docs.css"
ASSETS = ("bootstrap.min.css", "bootstrap.bundle.min.js", "jquery.min.js", STYLE)
# One build takes in no more, so that it ends; the next goes on.
RESULTS_A_BUILD = 2_000


class OfflinePageView(DefaultJinjaPageView):
    """GX's page of a result, with styles and scripts of this site in place of those of CDNs."""

    def __init__(self) -> None:
        super().__init__()
        own = FileSystemLoader(TEMPLATES)
        self.env.loader = ChoiceLoader([own, self.env.loader] if self.env.loader else [own])


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
    fresh = [read_summary(json.loads(file.read_text(encoding="utf-8"))) for file in news]
    view = OfflinePageView()
    made = [summary for summary in fresh if _make_page(root, store, summary, view)]
    index = Index(root)
    index.add(made)
    dropped = index.drop(today, retention)
    for summary in dropped:
        store.remove_key(_identifier(summary))  # type: ignore[no-untyped-call]
        (root / "docs" / page_of(summary)).unlink(missing_ok=True)
    index.write(retention)
    for file in news:
        file.unlink()
    return Build(f"{results_url}/docs/index.html", len(made), len(dropped))


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
    text: str = view.render(document)  # type: ignore[no-untyped-call]
    write_whole(root / "docs" / page_of(summary), text)
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


def _copy_assets(root: UPath) -> None:
    folder = root / "docs" / "static"
    for name in ASSETS:
        content = (STATIC / name).read_bytes()
        if name == STYLE:
            content = style_sheet().encode() + content
        target = folder / name
        if not target.exists() or target.stat().st_size != len(content):
            write_whole(target, content)
