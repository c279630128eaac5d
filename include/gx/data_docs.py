"""Build Data Docs: a page for each result, and an index that shows failures first.

Built from the results announced by checkpoints since the last build, so the time of a build
depends on the new results, not on how many are kept.
"""

import html
import json
from dataclasses import dataclass
from datetime import date
from functools import cache
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
from include.gx.docs_index import TEMPLATES, Index, Retention, template
from include.gx.observed import fill_observed
from include.gx.result_head import result_head
from include.gx.summaries import ResultSummary, page_of, read_summary
from include.records.palette import style_sheet
from include.storage.whole_files import write_whole

STATIC = Path(__file__).parent / "static"
STYLE = "data_docs.css"
ASSETS = ("bootstrap.min.css", "bootstrap.bundle.min.js", "jquery.min.js", STYLE)
# The most one build processes, so that it ends; the next one continues.
RESULTS_A_BUILD = 2_000


class OfflinePageView(DefaultJinjaPageView):
    """GX's result page, with this site's own styles and scripts instead of a CDN's."""

    def __init__(self) -> None:
        super().__init__()
        own = FileSystemLoader(TEMPLATES)
        self.env.loader = ChoiceLoader([own, self.env.loader] if self.env.loader else [own])


@cache
def page_view() -> OfflinePageView:
    """Return the view of result pages; it keeps its templates, once compiled, for all forks."""
    return OfflinePageView()


def compile_templates() -> None:
    """Compile what pages and indexes are made from: a build that has to takes thrice as long."""
    for name in ("index.html.j2", "head.html.j2"):
        template(name)
    view = page_view()
    for name in view.env.list_templates(filter_func=lambda name: name.endswith(".j2")):
        view.env.get_template(name)


@dataclass(frozen=True)
class Build:
    """The result of a Data Docs build.

    Attributes:
        index_url: Its first page.
        page_count: Pages created now.
        removed_count: Results removed with their pages, as beyond the retention.
    """

    index_url: str
    page_count: int
    removed_count: int


def build_data_docs(results_url: str, today: date, retention: Retention) -> Build:
    """Create the pages of new results, drop results beyond the retention, and rewrite the index.

    Run one build at a time. The next build completes an interrupted one.

    Args:
        results_url: Folder of the results: it has validations/ and new/, and docs/ is written.
        today: UTC.
        retention: Which results to keep.
    """
    root = UPath(results_url)
    store: ValidationResultsStore = open_context(results_url).validation_results_store
    _copy_assets(root)
    news = sorted((root / INBOX).glob("*.json"), key=lambda file: file.name)[:RESULTS_A_BUILD]
    fresh = [read_summary(json.loads(file.read_text(encoding="utf-8"))) for file in news]
    made = [summary for summary in fresh if _make_page(root, store, summary, page_view())]
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
    """Create the page of a result; return False if the result is missing."""
    try:
        result = store.get(_identifier(summary))
    except InvalidKeyError:
        return False
    if result is None:
        return False
    fill_observed(result, summary)
    for outcome in result.results:
        outcome.result = _escaped(outcome.result)
    document = ValidationResultsPageRenderer().render(result)
    # GX's own head names neither the symbols nor the window.
    document.sections[0].content_blocks.pop(0)
    text: str = view.render(  # type: ignore[no-untyped-call]
        document, head=result_head(summary), heading=f"{summary.suite}, {summary.name}"
    )
    write_whole(root / "docs" / page_of(summary), text)
    return True


def _escaped(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Escape observed values: they come from the exchange, and GX does not escape them."""
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
