"""Measure ten symbols: time for files and reports of a week, and the page's response time."""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import os
import platform
import random
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import httpx
import pandas as pd
import uvicorn
from upath import UPath

from dev.benchmarks.sample_prices import minute_average
from dev.cassandra_server.server import CassandraServer
from dev.machine.console import say
from dev.machine.ports import any_free_port
from include.method.delays import percentile
from include.records.prices import MinutePrice
from include.records.windows import DAY, HOUR, MINUTE, Window, floor_minute
from include.reports.text_rows import minute_text
from include.store.schema import migrate
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.store import connect

SYMBOLS = tuple(f"COIN{number}USDT" for number in range(10))
DAYS = 7
REQUESTS = 200


def main() -> None:
    """Measure both and print the results."""
    parser = argparse.ArgumentParser(prog="./dev/bench report", description=__doc__)
    parser.add_argument("--only", choices=["build", "page"], help="only one of the two")
    options = parser.parse_args()
    say(
        f"{platform.machine()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}, "
        f"Python {platform.python_version()}; {len(SYMBOLS)} symbols"
    )
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AIRFLOW_HOME"] = folder
        os.environ["AIRFLOW_VAR_SYMBOLS"] = ",".join(SYMBOLS)
        os.environ["AIRFLOW_VAR_STORAGE_URL"] = folder
        if options.only != "page":
            measure_build(Path(folder))
        if options.only != "build":
            measure_page(Path(folder))


def measure_build(folder: Path) -> None:
    """Load a week of minutes into an SQLite mart, write its files, and build its reports."""
    mart_file = json.dumps({"conn_type": "sqlite", "host": str(folder / "mart.db")})
    os.environ["AIRFLOW_CONN_MART"] = mart_file
    # Only now is it known where Airflow's home is.
    from include.mart import creation, files, mart  # noqa: PLC0415
    from include.reports.report import Facts, build_report  # noqa: PLC0415
    from include.reports.schedule import due_reports  # noqa: PLC0415

    start = datetime(2026, 3, 1, tzinfo=UTC)
    week = Window(start, start + DAYS * DAY)
    prices = made_up(week)
    creation.create_tables()
    taken: dict[str, float] = {}
    with timed(taken, f"mart: {len(prices):,} minutes loaded, and the tables derived from them"):
        hours = mart.refresh(prices)
    last = [
        replace(each, revision=2) for each in prices if each.average.minute >= week.end - MINUTE
    ]
    with timed(taken, "mart: the next minute of each symbol"):
        mart.refresh(last)
    with timed(taken, f"files of {DAYS} days: CSV, Parquet, manifest"):
        files.export_days(sorted({hour[:10] for hour in hours})[:DAYS], UPath(folder / "files"))
    minutes = mart.minutes_in(week)
    due = [
        each
        for each in due_reports(hours, UPath(folder / "reports"), week.end, DAYS * 24)
        if each.window.end <= week.end
    ]
    sizes = []
    for kind in ("daily", "hourly"):
        chosen = [each for each in due if each.name.startswith(kind)]
        with timed(taken, f"reports: {len(chosen)} {kind}, page, picture and text"):
            for each in chosen:
                begin, end = (
                    minute_text(moment) for moment in (each.window.start - MINUTE, each.window.end)
                )
                inside = (minutes["minute"] >= begin) & (minutes["minute"] < end)
                facts = Facts(SYMBOLS, minutes[inside], pd.DataFrame(), week.end)
                report = build_report(facts, each.window, each.title)
                sizes.append((len(report.html.encode()), len(report.draw())))
    for name, seconds in taken.items():
        say(f"  {name:70} {seconds:7.2f} s")
    page, picture = (max(each) for each in zip(*sizes, strict=True))
    say(f"  the largest page has {page / 1e6:.2f} MB, the largest picture {picture / 1e6:.2f} MB")


def measure_page(folder: Path) -> None:
    """Request a day's data of the Prices page from a running server."""
    now = floor_minute(datetime.now(UTC))
    with CassandraServer(folder / "cassandra") as server:
        settings = CassandraSettings(hosts=(server.host,), port=server.port)
        migrate(settings)
        connection = {"conn_type": "cassandra", "host": server.host, "port": server.port}
        os.environ["AIRFLOW_CONN_CASSANDRA_DEFAULT"] = json.dumps(connection)
        os.environ["AIRFLOW_CONN_BINANCE_DEFAULT"] = json.dumps(
            {"conn_type": "http", "host": "https://data-api.binance.vision"}
        )
        store = connect(settings)
        for symbol in SYMBOLS:
            for hour in range(24):
                start = now - DAY + hour * HOUR
                own = [each.average for each in made_up(Window(start, start + HOUR), (symbol,))]
                store.minute_prices.append(own, start + HOUR)
        with pages() as client:
            span = {"from": f"{now - DAY:%Y-%m-%dT%H:%MZ}", "to": f"{now:%Y-%m-%dT%H:%MZ}"}
            first = ask(client, SYMBOLS[0], span)
            chance = random.Random(5)  # noqa: S311 - no secret
            times = [
                ask(client, chance.choice(SYMBOLS), span).seconds * 1000 for _ in range(REQUESTS)
            ]
        SESSIONS.close()
    ordered = sorted(times)
    p50, p95 = (percentile(ordered, percent) for percent in (50, 95))
    say(
        f"  page API, 24 h: first response {first.seconds * 1000:.0f} ms, then of {REQUESTS} p50 "
        f"{p50:.0f}, p95 {p95:.0f}, longest {ordered[-1]:.0f} ms; "
        f"{first.size / 1000:.0f} kB, {first.packed / 1000:.0f} kB as gzip"
    )


def made_up(window: Window, symbols: Sequence[str] = SYMBOLS) -> list[MinutePrice]:
    """Return each symbol's published minutes of a window; every two-hundredth is a gap."""
    chance = random.Random(6)  # noqa: S311 - made-up prices
    return [
        MinutePrice(
            replace(minute_average(minute, chance), symbol=symbol), 1, minute + 1.2 * MINUTE
        )
        for symbol in symbols
        for minute in window.minutes()
        if chance.random() > 1 / 200
    ]


@contextmanager
def timed(taken: dict[str, float], name: str) -> Iterator[None]:
    """Record how long the block takes, seconds."""
    begun = time.perf_counter()
    yield
    taken[name] = time.perf_counter() - begun


@contextmanager
def pages() -> Iterator[httpx.Client]:
    """Serve the pages to a logged-in client for the duration of the block."""
    from include.web.access import may_read  # noqa: PLC0415
    from include.web.prices_page import app  # noqa: PLC0415

    app.dependency_overrides[may_read] = lambda: "somebody"
    port = any_free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.05)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def ask(client: httpx.Client, symbol: str, span: dict[str, str]) -> SimpleNamespace:
    """Request a board; return seconds, and its size in bytes plain and packed."""
    begun = time.perf_counter()
    answer = client.get("/api/board", params={"symbol": symbol, **span})
    seconds = time.perf_counter() - begun
    if answer.is_error:
        raise SystemExit(f"the page API answers {answer.status_code}: {answer.text}")
    packed = len(gzip.compress(answer.content, 4))
    return SimpleNamespace(seconds=seconds, size=len(answer.content), packed=packed)


if __name__ == "__main__":
    main()
