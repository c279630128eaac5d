"""The stack of a measurement: its symbols, its ports, and waiting while it runs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from dev.machine.home import CHECKOUT
from dev.machine.ports import any_free_port
from dev.stack.executors import Executor
from dev.stack.stack import Stack, StackOptions

PORTS = ("airflow", "exchange", "cassandra", "cassandra_storage", "postgres")

LISTED = (
    *("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT"),
    *("DOGEUSDT", "ADAUSDT", "TRXUSDT", "AVAXUSDT", "LINKUSDT"),
)
# Half the exchange's weight limit of 6,000 a minute, by six for each: the plan takes the rest.
MOST_SYMBOLS = 490


def symbol_count(text: str) -> int:
    """Read an option that says how many symbols to measure, for argparse."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_SYMBOLS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST_SYMBOLS}")
    return int(text)


def first_symbols(count: int) -> tuple[str, ...]:
    """Return so many symbols: ten that the simulator always lists, then made-up ones."""
    made_up = (f"M{number:03}USDT" for number in range(1, count - len(LISTED) + 1))
    return (*LISTED, *made_up)[:count]


def stack_options(
    home: Path,
    symbols: Sequence[str],
    dags_folder: Path = CHECKOUT / "dags",
    executor: Executor = Executor.LOCAL,
    simulator_options: tuple[str, ...] = (),
) -> StackOptions:
    """Return the options of a stack that replays these symbols on free ports."""
    made_up_count = len(set(symbols) - set(LISTED))
    return StackOptions(
        home=home,
        symbols=tuple(symbols),
        replay=True,
        simulator_options=(
            *simulator_options,
            *(("--made-up", str(made_up_count)) if made_up_count else ()),
        ),
        ports={name: any_free_port() for name in PORTS},
        dags_folder=dags_folder,
        executor=executor,
    )


def wait_until(stack: Stack, moment: datetime) -> None:
    """Wait until a moment, aware UTC, while every server of a stack lives."""
    while (left := (moment - datetime.now(UTC)).total_seconds()) > 0:
        stack.check()
        time.sleep(min(1.0, left))
