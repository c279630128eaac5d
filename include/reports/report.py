"""The report on a span of published minutes: a self-contained page, a picture and a short text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from include.method.returns import correlations, log_returns
from include.records.isolation import run_each
from include.records.palette import style_sheet
from include.records.price_strip import NOT_NOTED, PriceStrip, source_text
from include.records.prices import DUE, Grade, SoftFlag
from include.records.shown_numbers import percent_text, price_text
from include.records.vocabulary import CAUSES, words_of
from include.records.windows import DAY, MINUTE, Window, floor_minute
from include.reports.charts import HEIGHT, time_ticks
from include.reports.figures import figures_of, moment_of
from include.reports.picture import draw_picture
from include.reports.text_rows import minute_text

PAGE, LINES = "report.html.j2", "report.txt.j2"
SPAN = DAY
# A report is of minutes that are over.
SHOWN_CAUSES = tuple(word for word in CAUSES if word.code != DUE)
DAY_MINUTES = SPAN // MINUTE
SHOWN_RESTATEMENTS = 100
NONE: pd.Series[float] = pd.Series(dtype=float)


@dataclass(frozen=True)
class Report:
    """One report in three forms.

    Attributes:
        html: A page without script or outside file, light and dark, for screen and paper.
        text: A few lines for a mail or a chat.
        draw: Draws the same as a PNG, which takes longer than all the rest.
        failed: Errors of the symbols whose figures could not be computed; the others are shown.
    """

    html: str
    text: str
    draw: Callable[[], bytes]
    failed: dict[str, Exception]


@dataclass(frozen=True)
class Facts:
    """The input of a report.

    Attributes:
        symbols: Those to show, in this order; one without a price is shown as such.
        minutes: The mart's minutes (MINUTE_COLUMNS), of the span and the minute before it.
        restatements: The ledger's entries on minutes of the span, the latest first.
        generated_at: When the report is made, aware UTC.
    """

    symbols: Sequence[str]
    minutes: pd.DataFrame
    restatements: pd.DataFrame
    generated_at: datetime


def latest_span(minutes: pd.DataFrame, generated_at: datetime) -> Window:
    """Return the span of the latest report: at most a day, up to the last published minute.

    Without any minute it is the empty window at the moment of the report.
    """
    if minutes.empty:
        return Window(floor_minute(generated_at), floor_minute(generated_at))
    end = moment_of(minutes["minute"].max()) + MINUTE
    return Window(max(end - SPAN, moment_of(minutes["minute"].min())), end)


def build_report(facts: Facts, window: Window, title: str) -> Report:
    """Build a report.

    Args:
        facts: Its input.
        window: The span it covers.
        title: Its name in words, such as "One-minute average prices, 1 March 2026".
    """
    content, failed = _content(facts, window, title)
    return Report(
        html=_template(PAGE).render(content),
        text=_template(LINES).render(content),
        draw=partial(draw_picture, content["figures"], window, title, content["strip"].text),
        failed=failed,
    )


def _content(
    facts: Facts, window: Window, title: str
) -> tuple[dict[str, Any], dict[str, Exception]]:
    start, end = minute_text(window.start), minute_text(window.end)
    moments = facts.minutes["minute"]
    shown = facts.minutes[(moments >= start) & (moments < end)]
    returns = log_returns(facts.minutes[moments < end])
    returns = returns[returns.index >= pd.Timestamp(window.start)] if len(returns) else returns
    own = {str(symbol): minutes for symbol, minutes in shown.groupby("symbol")}
    pairs = correlations(returns[[each for each in facts.symbols if each in returns]])
    figures = run_each(
        facts.symbols,
        lambda symbol: figures_of(
            symbol,
            own.get(symbol, shown[:0]),
            returns[symbol] if symbol in returns.columns else NONE,
            window,
        ),
    )
    content = {
        "title": title,
        "figures": [*figures.done.values()],
        "window": window,
        "generated_at": facts.generated_at,
        "strip": strip_of(shown, facts.generated_at),
        "causes": [word.code for word in SHOWN_CAUSES],
        "cause_words": SHOWN_CAUSES,
        "grades": [grade.value for grade in Grade],
        "soft_flags": [flag.value for flag in SoftFlag],
        "time_ticks": time_ticks(window),
        "height": HEIGHT,
        "day_minutes": DAY_MINUTES,
        "restatements": facts.restatements.head(SHOWN_RESTATEMENTS).to_dict("records"),
        "restatement_count": len(facts.restatements),
        "correlations": {
            frozenset((row.symbol, row.other_symbol)): row.correlation
            for row in pairs.itertuples()
            if pd.notna(row.correlation)
        },
        "is_over": facts.generated_at >= window.end,
    }
    return content, figures.failed


def strip_of(minutes: pd.DataFrame, generated_at: datetime) -> PriceStrip:
    """Return where the shown minutes' values come from, and how old the newest is.

    Args:
        minutes: The mart's, of the span.
        generated_at: When the report is made, aware UTC.
    """
    valued = minutes[minutes["vwap"].notna()]
    sources: dict[str, str | None] = {}
    for (symbol, source), _ in valued.groupby(["symbol", "source"], dropna=False, sort=True):
        known = None if pd.isna(source) else str(source)
        before = sources.get(str(symbol))
        sources[str(symbol)] = f"{before}, {known or NOT_NOTED}" if before else known or NOT_NOTED
    newest = moment_of(valued["minute"].max()) if len(valued) else None
    return PriceStrip(source_text(sources), newest, generated_at)


def compile_templates() -> None:
    """Compile what reports are made from, for all forks of this process."""
    for name in (PAGE, LINES):
        _template(name)


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("include.reports", "."),
        autoescape=name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["price"] = price_text
    environment.filters["share"] = percent_text
    environment.filters["exactly"] = Decimal
    # Markup of ours: its quotes are no text to escape.
    environment.globals["palette"] = Markup(style_sheet())  # noqa: S704 - ours
    environment.filters["words"] = words_of
    environment.globals["pair"] = lambda one, other: frozenset((one, other))
    return environment.get_template(name)
