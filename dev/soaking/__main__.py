"""Run the whole stack under random faults; say whether a minute was lost, wrong or unexplained."""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import httpx

from dev.benchmarks.bench_stack import (
    first_symbols,
    stack_options,
    symbol_count,
    wait_until,
)
from dev.benchmarks.exchange_values import Values, exchange_values
from dev.benchmarks.minute import say_machine
from dev.benchmarks.minute_outcomes import Key, are_right
from dev.benchmarks.row_times import row_times
from dev.benchmarks.run_times import failed_tasks
from dev.machine.console import say
from dev.machine.errors import SetupError, StartError
from dev.machine.ports import LOOPBACK, any_free_port
from dev.soaking.faults import KINDS, Group, Kind, Scene
from dev.soaking.footprint import Footprint, disk_bytes, orphans
from dev.soaking.ledger import Fault, Ledger, settle
from dev.soaking.report import say_footprint, say_ledger
from dev.soaking.tape import tape_vwaps
from dev.stack.stack import Stack
from include.records.windows import EPOCH, MINUTE, Window, floor_minute
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings

# Those whose trades are recorded: their minutes are also computed from the files of the tape.
RECORDED = ("BTCUSDT", "ETHUSDT")
# The first runs catch up a quarter of an hour, and are not typical.
START_UP = 3 * MINUTE
# From the end of a fault to the next one.
PAUSE_SECONDS = (45.0, 120.0)
SHORT_PAUSE_SECONDS = (1.0, 10.0)
# After the last minute, for what is late.
PATIENCE = timedelta(minutes=10)
LOOK_SECONDS = 5.0
MART_MINUTES = "SELECT symbol, minute, vwap FROM minute WHERE minute >= ? AND minute < ?"


def main() -> int:
    """Impose faults until the time is over, then compare every minute with the exchange."""
    parser = argparse.ArgumentParser(prog="./dev/soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=60, help="of faults (%(default)s)")
    parser.add_argument("--symbols", type=symbol_count, default=10, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the draw of faults (%(default)s)")
    parser.add_argument(
        "--short",
        action="store_true",
        help="one fault of each group, almost without pauses, in some ten minutes",
    )
    parser.add_argument(
        "--only", help="draw only kinds whose name contains this, for a closer look"
    )
    parser.add_argument("--list", action="store_true", help="list the kinds of fault and end")
    options = parser.parse_args()
    kinds = [kind for kind in KINDS if (options.only or "").lower() in kind.name.lower()]
    if not kinds:
        parser.error(f"no kind of fault is named like {options.only!r}; --list shows them")
    if options.list:
        for kind in kinds:
            say(f"{kind.group}: {kind.name}, {kind.seconds:.0f} s")
        return 0
    if options.minutes < 1:
        parser.error("--minutes must be 1 or more")
    length = "--short" if options.short else f"--minutes {options.minutes}"
    say(f"./dev/soak {length} --symbols {options.symbols} --seed {options.seed}")
    say_machine()
    symbols = first_symbols(options.symbols)
    drawn = (one_of_each if options.short else draw)(kinds, options.seed)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        home = Path(folder)
        try:
            is_clean = _soak(home, symbols, timedelta(minutes=options.minutes), drawn)
        except (SetupError, StartError, httpx.HTTPError) as error:
            say(f"the soak ended early: {error}")
            is_clean = False
    return 0 if is_clean else 1


Drawn = Iterator[tuple[Kind, float]]


def draw(kinds: Sequence[Kind], seed: int) -> Drawn:
    """Yield kinds without end, each once before any comes again, and the pause before each."""
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    while True:
        for kind in random.sample(kinds, len(kinds)):
            yield kind, random.uniform(*PAUSE_SECONDS)


def one_of_each(kinds: Sequence[Kind], seed: int) -> Drawn:
    """Yield one kind of each group, and a short pause before each."""
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    first = {kind.group: kind for kind in random.sample(kinds, len(kinds))}
    for group in Group:
        if group in first:
            yield first[group], random.uniform(*SHORT_PAUSE_SECONDS)


def _soak(home: Path, symbols: Sequence[str], longest: timedelta, drawn: Drawn) -> bool:
    control_port = any_free_port()
    options = stack_options(home, symbols, simulator_options=("--control-port", str(control_port)))
    with (
        httpx.Client(base_url=f"http://{LOOPBACK}:{control_port}", timeout=30) as control,
        Stack(options) as stack,
    ):
        stack.start_pipeline()
        began = floor_minute(datetime.now(UTC)) + START_UP
        disk_before = disk_bytes(stack.home)
        wait_until(stack, began)
        with Footprint(stack) as footprint:
            faults = _impose(Scene(stack, control), began + longest, drawn)
            window = Window(began, floor_minute(datetime.now(UTC)) + MINUTE)
            wait_until(stack, window.end)
            try:
                ledger = _compare(stack, symbols, window, faults)
            finally:
                # Before the server stops, or the driver complains that it is gone.
                SESSIONS.close()
        with stack.rest() as api:
            failed = failed_tasks(api, began)
        disk_after = disk_bytes(stack.home)
    left = orphans(stack.home)
    say_ledger(ledger, failed, left)
    say_footprint(footprint.peak_memory_bytes, disk_before, disk_after, window.end - began)
    return ledger.is_clean and not left


def _impose(scene: Scene, until: datetime, drawn: Drawn) -> list[Fault]:
    """Impose one fault after the other until then, or until none is left; return them."""
    faults = []
    for kind, pause_seconds in drawn:
        wait_until(scene.stack, datetime.now(UTC) + timedelta(seconds=pause_seconds))
        if datetime.now(UTC) > until:
            break
        began = datetime.now(UTC)
        try:
            with kind.impose(scene):
                time.sleep(kind.seconds)
        except LookupError as error:
            say(f"  {began:%H:%M:%S} {kind.name}: {error}")
            continue
        fault = Fault(kind.name, kind.group, began, datetime.now(UTC))
        say(f"  {began:%H:%M:%S} to {fault.lifted:%H:%M:%S} {kind.name}")
        faults.append(fault)
    return faults


def _compare(
    stack: Stack, symbols: Sequence[str], window: Window, faults: Sequence[Fault]
) -> Ledger:
    """Wait until every minute is right, in the store and the mart, or nothing more is to come."""
    expected = exchange_values(stack.ports.exchange, symbols, window)
    _check_with_tape(expected)
    settings = CassandraSettings(hosts=(LOOPBACK,), port=stack.ports.cassandra)
    deadline = datetime.now(UTC) + PATIENCE
    while True:
        rows = row_times(settings, symbols, window)
        mart = _mart_rows(stack.home.mart, window)
        if datetime.now(UTC) > deadline or (are_right(rows, expected) and dict(mart) == expected):
            return settle(rows, expected, faults, mart)
        stack.check()
        time.sleep(LOOK_SECONDS)


def _check_with_tape(expected: Values) -> None:
    """Compare the exchange's values with those of the files of its tape.

    Raises:
        StartError: They differ, so that nothing can be judged.
    """
    taped = {symbol: tape_vwaps(symbol) for symbol in RECORDED}
    for (symbol, minute), vwap in expected.items():
        if symbol in taped:
            played = taped[symbol][(minute - EPOCH) // MINUTE % len(taped[symbol])]
            if played != vwap:
                raise StartError(f"the exchange's {symbol} of {minute} is not that of its tape")


def _mart_rows(path: Path, window: Window) -> list[tuple[Key, Decimal | None]]:
    """Return the value of each row of a window in the mart's table of minutes."""
    asked = (f"{window.start:%Y-%m-%dT%H:%M:%SZ}", f"{window.end:%Y-%m-%dT%H:%M:%SZ}")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as mart:
        rows = mart.execute(MART_MINUTES, asked).fetchall()
    return [
        ((symbol, datetime.fromisoformat(minute)), vwap and Decimal(vwap))
        for symbol, minute, vwap in rows
    ]


if __name__ == "__main__":
    sys.exit(main())
