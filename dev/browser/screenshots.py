"""./dev/screenshots: take the pictures in docs/images, from its own stack or a running one."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

from dev.browser.chromium import chromium, launch
from dev.browser.pictures import FOLDER, PICTURES, Picture, take
from dev.machine.console import complain, step
from dev.machine.errors import SetupError, StartError
from dev.machine.home import CHECKOUT
from dev.machine.ports import LOOPBACK, PORT_NAMES, any_free_port
from dev.stack.airflow import airflow_url
from dev.stack.dag_runs import run_dag
from dev.stack.published import count_complete, open_published
from dev.stack.stack import Stack, StackOptions
from include.records.windows import MINUTE, floor_minute, to_ms

TAPES = CHECKOUT / "include" / "simulator" / "tape"
RECORDED = CHECKOUT / "tests" / "data" / "binance"
# Whole days of minutes, so that a day's chart shows a day; nine minutes of trades of the others.
TAPE_FILES = (
    (RECORDED, "BTCUSDT-1m-*.zip"),
    (TAPES, "ETHUSDT_trades_*.csv.gz"),
    (TAPES, "SOLUSDT_trades_*.csv.gz"),
)
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
WITH_A_PAST = "BTCUSDT"
SHOWN_AT_LEAST = timedelta(hours=6)
NEW_MINUTES = 3
BAD_ROWS = 3
PATIENCE_SECONDS = 600.0
BACKFILL_SECONDS = 1_200.0
POLL_SECONDS = 1.0


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev/screenshots",
        description=(
            f"Take pictures of the pages in Airflow's UI, light and dark, into {FOLDER}. Without "
            "--url it starts its own stack, which replays recorded trades, and waits until "
            "there is something to see: about five minutes."
        ),
    )
    parser.add_argument(
        "pages", nargs="*", metavar="PAGE", help="which: " + ", ".join(_names()) + " (all)"
    )
    parser.add_argument("--url", help="a running Airflow that needs no login, like ./dev/up's")
    return parser.parse_args(words)


def _names() -> list[str]:
    return [picture.name for picture in PICTURES]


def chosen(names: Sequence[str]) -> list[Picture]:
    """Return the pictures of some names; all if none is named.

    Raises:
        SetupError: There is no picture of that name.
    """
    if unknown := set(names) - set(_names()):
        raise SetupError(f"no page is called {min(unknown)}; choose from {', '.join(_names())}")
    return [picture for picture in PICTURES if not names or picture.name in names]


@contextmanager
def running_stack() -> Iterator[str]:
    """Run a stack that has something to show, for one block; yield the URL of its Airflow.

    Raises:
        StartError: A part of it did not start, or published nothing in time.
    """
    with tempfile.TemporaryDirectory(prefix="minute-prices-") as folder:
        control_port = any_free_port()
        options = StackOptions(
            home=Path(folder) / "home",
            symbols=SYMBOLS,
            simulator_options=(
                *("--tape", str(_tape(Path(folder) / "tape"))),
                *("--control-port", str(control_port)),
            ),
            ports={name: any_free_port() for name in PORT_NAMES},
        )
        with Stack(options) as stack:
            began = datetime.now(UTC)
            httpx.post(
                f"http://{LOOPBACK}:{control_port}/faults", json=faults(began), trust_env=False
            ).raise_for_status()
            stack.start_pipeline()
            _fill(stack, began)
            yield airflow_url(stack.ports.airflow)


def _tape(folder: Path) -> Path:
    folder.mkdir()
    for source, pattern in TAPE_FILES:
        for file in source.glob(pattern):
            (folder / file.name).symlink_to(file)
    return folder


def faults(now: datetime) -> list[dict[str, object]]:
    """Return faults for the simulator, so that the pages show failures, too.

    Some rows of one symbol are refused, and a quarter of an hour of another is missing.
    """
    minute = floor_minute(now)
    refused = {
        "kind": "rows",
        "change": "unclosed",
        "from_ms": to_ms(minute - 10 * MINUTE),
        "until_ms": to_ms(minute - 10 * MINUTE) + 1000 * BAD_ROWS,
    }
    missing = {
        "kind": "rows",
        "change": "missing",
        "from_ms": to_ms(minute - 95 * MINUTE),
        "until_ms": to_ms(minute - 80 * MINUTE),
    }
    return [
        {"endpoint": "klines", "symbol": "ETHUSDT", "interval": "1s", "effect": refused},
        {"endpoint": "klines", "symbol": WITH_A_PAST, "effect": missing},
    ]


def _fill(stack: Stack, began: datetime) -> None:
    form = {
        "symbols": [WITH_A_PAST],
        "from": str((began - SHOWN_AT_LEAST).date()),
        "to": str(began.date()),
        "source": "rest",
        "force": False,
    }
    with step(f"{WITH_A_PAST} of today", "about a minute"), stack.rest() as api:
        run_dag(api, "backfill_prices", BACKFILL_SECONDS, stack.check, form)
    deadline = time.monotonic() + PATIENCE_SECONDS
    filled_at = time.time()
    with (
        step(f"{NEW_MINUTES} new minutes, and a report on them", "a few minutes"),
        open_published(stack.ports.cassandra, SYMBOLS) as published,
    ):
        while not (
            count_complete(published.since(began), SYMBOLS, began) >= NEW_MINUTES
            and all(
                file.exists() and file.stat().st_mtime > filled_at
                for file in (stack.home.report, stack.home.data_docs)
            )
        ):
            stack.check()
            if time.monotonic() > deadline:
                raise StartError(
                    f"no {NEW_MINUTES} minutes and report within {PATIENCE_SECONDS:.0f} s; check "
                    f"the runs on {airflow_url(stack.ports.airflow)}/dags"
                )
            time.sleep(POLL_SECONDS)


@contextmanager
def running_at(url: str) -> Iterator[str]:
    """Use a running Airflow.

    Raises:
        SetupError: None answers there.
    """
    base = url.rstrip("/")
    try:
        httpx.get(f"{base}/api/v2/monitor/health", trust_env=False).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SetupError(
            f"no Airflow answers on {url} ({error}); start one with ./dev/up, or omit --url"
        ) from error
    yield base


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0 success, 1 failure, 2 wrong usage."""
    options = _options(words)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        pictures = chosen(options.pages)
        executable = chromium()
        with (
            running_at(options.url) if options.url else running_stack() as url,
            sync_playwright() as playwright,
            launch(playwright, executable) as browser,
        ):
            take(browser, url, pictures, CHECKOUT / FOLDER)
    except KeyboardInterrupt:
        return 130
    except (SetupError, StartError) as error:
        complain(str(error))
        return 2 if isinstance(error, SetupError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
