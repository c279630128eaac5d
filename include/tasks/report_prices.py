"""The bodies of the tasks of report_prices."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from upath import UPath

from include.gx.data_docs import build_data_docs
from include.gx.docs_index import Retention
from include.gx.minutes import check_mart
from include.mart import creation, mart
from include.mart.connection import kept_connection
from include.mart.failures import explain_mart_failure
from include.mart.files import export_days
from include.orchestration.connections import (
    open_store,
    storage_url,
    symbols,
    whole_number,
)
from include.orchestration.context import now
from include.orchestration.defaults import KEPT
from include.orchestration.failures import (
    describe_failures,
    explain_disk_full,
    fail_without_retry,
    raise_failures,
)
from include.orchestration.messages import NewsMessage
from include.reading.sources import sources_of
from include.records.errors import RetryableError
from include.records.isolation import run_each
from include.records.prices import MinutePrice
from include.records.windows import HOUR, MINUTE, Window, floor_minute, windows_of
from include.reports.report import SPAN, Facts, build_report, latest_span
from include.reports.schedule import Due, due_reports, latest_title
from include.storage.whole_files import write_whole
from include.store.store import Store
from include.tasks.gates import open_checkpoints

# So that a whole day remains to show when the last minutes are published late.
SLACK = HOUR
MART_DAYS = 7
# Of the latest report: to draw it takes longer than all its other forms.
PICTURE_EVERY = timedelta(minutes=5)

log = logging.getLogger(__name__)


def refresh_mart() -> NewsMessage:
    """Load what was published since the mart's watermark into the mart.

    Raises:
        AirflowFailException: The mart's minutes could not be validated: nothing is exported, old
            files stay.
        RetryableError: The mart's database is locked, full or gone.

    Returns:
        What `publish_report` has to show. A symbol whose minutes cannot be read, or fail their
        suite, is left out and does not stop the others.
    """
    with _mart_at_work():
        creation.create_tables()
        store = open_store()
        look_back = timedelta(days=whole_number("mart_days", MART_DAYS))
        since = mart.watermark(look_back)
        read = run_each(
            symbols(),
            lambda symbol: store.minute_prices.changed([symbol], since),
            stop_on=RetryableError,
        )
        failed = {**read.failed}
        changed = [price for prices in read.done.values() for price in prices]
        news = mart.news_among(changed)
        hours = mart.refresh(news, _sources(store, news))
        for symbol in symbols():
            minutes = {p.average.minute for p in changed if p.average.symbol == symbol}
            for window in windows_of(sorted(minutes)):
                mart.take_restatements(store.restatements.between(symbol, window))
        if news:
            new_minutes = [price.average.minute for price in news]
            window = Window(min(new_minutes), max(new_minutes) + MINUTE)
            checkpoints = open_checkpoints()
            failed |= check_mart(checkpoints, mart.minutes_in(window), window, now())
        problems = {
            symbol: describe_failures({symbol: error})[0] for symbol, error in failed.items()
        }
        return NewsMessage(hours=hours, known_at=mart.newest(), problems=problems)


def _sources(store: Store, news: Sequence[MinutePrice]) -> dict[tuple[str, datetime], str]:
    """Return by symbol and minute where the values come from; one unknown does not stop others."""
    published: dict[str, list[tuple[datetime, datetime]]] = {}
    for price in news:
        if price.average.vwap is not None:
            moments = (price.average.minute, price.known_at)
            published.setdefault(price.average.symbol, []).append(moments)
    read = run_each(
        published,
        lambda symbol: sources_of(store, symbol, published[symbol]),
        stop_on=RetryableError,
    )
    for symbol, error in read.failed.items():
        log.error("cannot look up the source of %s", symbol, exc_info=error)
    return {
        (symbol, minute): source
        for symbol, found in read.done.items()
        for minute, source in found.items()
    }


def publish_report(news: NewsMessage) -> None:
    """Write the files and the reports of the hours with new minutes, then move the watermark.

    Raises:
        AirflowFailException: Symbols could not be shown; they are named, the others are shown, and
            the watermark stays: the next run tries them again.
        RetryableError: The mart's database is locked or gone, or a file cannot be written;
            existing files are unchanged.
    """
    with _mart_at_work():
        folder = UPath(storage_url())
        generated_at = now()
        hours, known_at = news["hours"], news["known_at"]
        problems = news["problems"]
        days = sorted({hour[:10] for hour in hours})
        failed = export_days(days, folder / "exports" / "minute_prices", without=problems)
        reports = folder / "reports"
        shown = [symbol for symbol in symbols() if symbol not in problems]
        failed |= _write_latest(reports, shown, generated_at)
        kept = whole_number("hourly_reports", KEPT["hourly_reports"])
        for due in due_reports(hours, reports, generated_at, kept):
            failed |= _write_report(reports, due, _facts(due.window, shown, generated_at))
        raise_failures(failed, [*problems.values()])
        if known_at:
            mart.advance_watermark(known_at)


@contextmanager
def _mart_at_work() -> Iterator[None]:
    """Say what failed; ask Airflow for the mart's connection once."""
    with (
        fail_without_retry(),
        explain_mart_failure(),
        explain_disk_full(storage_url()),
        kept_connection(),
    ):
        yield


def _write_latest(
    reports: UPath, shown: Sequence[str], generated_at: datetime
) -> dict[str, Exception]:
    span = Window(floor_minute(generated_at - SPAN - SLACK), floor_minute(generated_at))
    facts = _facts(span, shown, generated_at)
    span = latest_span(facts.minutes, generated_at)
    due = Due("latest", span, latest_title(span))
    drawn = f"{due.name}.png"
    return _write_report(reports, due, facts, is_drawn=_is_older(reports / drawn, generated_at))


def _is_older(file: UPath, generated_at: datetime) -> bool:
    """Tell whether a file is missing, or PICTURE_EVERY old."""
    try:
        written_at = file.stat().st_mtime
    except FileNotFoundError:
        return True
    # A run begins some seconds sooner or later in its minute.
    return generated_at.timestamp() - written_at > (PICTURE_EVERY - MINUTE / 2).total_seconds()


def _facts(window: Window, shown: Sequence[str], generated_at: datetime) -> Facts:
    # The first return of a span starts in the minute before it.
    minutes = mart.minutes_in(Window(window.start - MINUTE, window.end))
    return Facts(
        symbols=shown,
        minutes=minutes[minutes["symbol"].isin(shown)],
        restatements=mart.restatements_in(window),
        generated_at=generated_at,
    )


def _write_report(
    reports: UPath, due: Due, facts: Facts, *, is_drawn: bool = True
) -> dict[str, Exception]:
    """Write a report in its three forms; return what the symbols raised that it could not show."""
    report = build_report(facts, due.window, due.title)
    if is_drawn:
        write_whole(reports / f"{due.name}.png", report.draw())
    write_whole(reports / f"{due.name}.txt", report.text)
    # Last: an hour whose page is there counts as reported.
    write_whole(reports / f"{due.name}.html", report.html)
    return report.failed


def data_docs() -> str:
    """Build Data Docs of the results since the last build; return where they are."""
    with fail_without_retry():
        retention = Retention(
            days=whole_number("data_docs_days", KEPT["data_docs_days"]),
            passed_count=whole_number("data_docs_passed", Retention.passed_count),
            failed_count=whole_number("data_docs_failed", Retention.failed_count),
        )
        build = build_data_docs(f"{storage_url()}/gx", now().date(), retention)
    log.info("%d pages built, %d old results removed", build.page_count, build.removed_count)
    return build.index_url
