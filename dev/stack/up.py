"""./dev/up: set up and run the whole stack, and show the published minutes."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

from dev.machine.console import CONSOLE, complain, say
from dev.machine.errors import SetupError, StartError
from dev.machine.home import DEFAULT_HOME
from dev.machine.ports import PORT_NAMES, Ports
from dev.stack import exchange
from dev.stack.airflow import airflow_url
from dev.stack.cluster import CLUSTER_HOME, new_stack
from dev.stack.executors import Executor
from dev.stack.lookout import Lookout
from dev.stack.published import (
    as_line,
    as_table,
    count_complete,
    delay_summary,
    open_published,
)
from dev.stack.stack import DEFAULT_SYMBOLS, Stack, StackOptions
from include.records.errors import MarketDataError
from include.records.price_strip import NOT_NOTED
from include.records.prices import MinutePrice
from include.records.windows import MINUTE

POLL_SECONDS = 1.0
# A cold machine needs about a minute from the first fetch to the first report, a busy one more.
PATIENCE_SECONDS = 600.0
# A minute is shown once every symbol has it, or this long after its end.
SHOWN_AFTER = timedelta(seconds=40)
FOLLOWED = timedelta(minutes=10)
LATE_AFTER = timedelta(minutes=3)


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev/up",
        description=(
            "Set up and run everything on this machine: Cassandra, Airflow and, unless Binance "
            "answers, an exchange simulator. Ctrl-C stops it; data stays in .dev/, that of "
            "--cluster in .dev/cluster/."
        ),
        epilog=(
            "Environment: MINUTE_PRICES_PORT_BASE and MINUTE_PRICES_<NAME>_PORT set the ports; "
            "CASSANDRA_JAVA_HOME selects your own Java 17 or 21."
        ),
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--live", action="store_true", help="take prices from Binance")
    source.add_argument(
        "--replay",
        action="store_true",
        help="take prices from the simulator (default: live if Binance answers within 3 s)",
    )
    parser.add_argument(
        "--cluster",
        action="store_true",
        help="run it as on several machines, which share no disk, in about 7 GiB of memory: two "
        "Celery workers with folders of their own, their queue in Redis, two schedulers, three "
        "Cassandra nodes that each hold every row (on 127.0.0.1, .2 and .3), files in an S3 "
        "server that forgets them when it stops, the mart on Postgres (docs/scaling.md)",
    )
    parser.add_argument(
        "--symbols",
        default=",".join(DEFAULT_SYMBOLS),
        help="upper-case Binance symbols, comma-separated (%(default)s)",
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="exit with 0 once --minutes N new minutes of every symbol are published, and a report",
    )
    parser.add_argument(
        "--minutes", type=_positive, default=1, metavar="N", help="with --once (%(default)s)"
    )
    base = os.environ.get("MINUTE_PRICES_PORT_BASE")
    parser.add_argument(
        "--port-base",
        type=_port,
        default=base and _port(base),
        metavar="PORT",
        help=f"use {len(PORT_NAMES)} ports from here on, in the order below",
    )
    for name in PORT_NAMES:
        own = os.environ.get(f"MINUTE_PRICES_{name.upper()}_PORT")
        parser.add_argument(
            f"--{name.replace('_', '-')}-port",
            type=_port,
            default=own and _port(own),
            metavar="PORT",
            help=f"(default {getattr(Ports(), name)}, or the next free one)",
        )
    return parser.parse_args(words)


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def _port(text: str) -> int:
    if not text.isdigit() or not 1024 <= int(text) < 65536:  # noqa: PLR2004 - the usual limits
        raise argparse.ArgumentTypeError(f"{text} is not a port from 1024 to 65535")
    return int(text)


def _wanted_ports(options: argparse.Namespace) -> dict[str, int]:
    base: int | None = options.port_base
    from_base = {name: base + index for index, name in enumerate(PORT_NAMES)} if base else {}
    single = {name: getattr(options, f"{name}_port") for name in PORT_NAMES}
    return from_base | {name: port for name, port in single.items() if port}


def _show_start(stack: Stack, lookout: Lookout, latest: Sequence[MinutePrice]) -> None:
    if strip := lookout.strip():
        say(f"  {strip.text}")
    CONSOLE.print(as_table(latest, datetime.now(UTC)))
    pages = airflow_url(stack.ports.airflow)
    say(f"  Airflow (no login)  {pages}\n  DAGs                {pages}/dags")
    say(f"  Prices              {pages}/plugin/prices")
    for name, place in stack.shown_files.items():
        say(f"  {name:<19} {place}")
    if stack.options.replay:
        say(f"  Simulator           {stack.exchange_url}/simulator (recorded or generated?)")
    say(f"  Logs                {stack.home.logs}")


def _wait_for_first(stack: Stack, lookout: Lookout, minutes: int | None) -> dict[str, MinutePrice]:
    """Wait for a minute of every symbol, and return the latest; without `minutes`, for ever."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    began = datetime.now(UTC)
    say("  … First published minutes (about a minute)")
    while len(latest := lookout.latest()) < len(stack.options.symbols):
        if minutes and time.monotonic() > deadline:
            raise StartError(
                f"no minute was published for every symbol within {PATIENCE_SECONDS:.0f} s; "
                f"check the runs on {airflow_url(stack.ports.airflow)}/dags"
            )
        lookout.say_late(began, LATE_AFTER)
        time.sleep(POLL_SECONDS)
    return latest


def _follow(
    stack: Stack, lookout: Lookout, began: datetime, minutes: int | None, shown_until: datetime
) -> None:
    """Print each new minute; if `minutes` is given, return after that many and a report."""
    deadline = time.monotonic() + (minutes or 0) * 60 + PATIENCE_SECONDS
    came_at, symbols = datetime.now(UTC), stack.options.symbols
    while True:
        # Without an end, a day of minutes would be read every second.
        prices = lookout.since(began if minutes else datetime.now(UTC) - FOLLOWED)
        for minute, group in groupby(prices, key=lambda price: price.average.minute):
            found = list(group)
            is_late = datetime.now(UTC) > minute + MINUTE + SHOWN_AFTER
            if minute > shown_until and (len(found) == len(symbols) or is_late):
                strip = lookout.strip()
                say(as_line(found, strip.kinds if strip else NOT_NOTED))
                shown_until, came_at = minute, datetime.now(UTC)
        if minutes and _is_enough(stack, lookout, prices, began, minutes):
            return
        if minutes and time.monotonic() > deadline:
            has_report = stack.has_report(began)
            raise StartError(
                f"{count_complete(prices, symbols, began)} of {minutes} minutes were "
                f"published for every symbol in time, {'a' if has_report else 'no'} "
                f"report was written; check the task logs in {stack.home.airflow / 'logs'}"
            )
        lookout.say_late(came_at, LATE_AFTER)
        time.sleep(POLL_SECONDS)


def _is_enough(
    stack: Stack, lookout: Lookout, prices: Sequence[MinutePrice], began: datetime, minutes: int
) -> bool:
    symbols = stack.options.symbols
    complete = count_complete(prices, symbols, began)
    if complete < minutes or not stack.has_report(began):
        return False
    say(f"new minutes published for every symbol: {complete}; report: {stack.report}")
    say(delay_summary(lookout.first_values(began)))
    return True


def _run(stack: Stack, began: datetime, minutes: int | None) -> None:
    stack.start()
    stack.start_pipeline()
    say(f"  everything is running after {(datetime.now(UTC) - began).total_seconds():.0f} s")
    try:
        port, symbols = stack.ports.cassandra, stack.options.symbols
        with open_published(port, symbols, stack.hosts) as published:
            lookout = Lookout(stack, published, may_restart=minutes is None)
            latest = _wait_for_first(stack, lookout, minutes)
            _show_start(stack, lookout, list(latest.values()))
            shown_until = min(price.average.minute for price in latest.values())
            _follow(stack, lookout, began, minutes, shown_until)
    except MarketDataError as error:
        # If Cassandra has died, report that rather than its client's error.
        stack.check()
        raise StartError(str(error)) from error


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0 success, 1 failure, 2 wrong usage."""
    began = datetime.now(UTC)
    options = _options(words)
    # SIGINT too: a shell starts its background jobs with it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    stack: Stack | None = None
    try:
        symbols = exchange.parse_symbols(options.symbols)
        replay, why = exchange.choose_replay(live=options.live, replay=options.replay)
        say(f"  {why}")
        stack = new_stack(
            StackOptions(
                home=CLUSTER_HOME if options.cluster else DEFAULT_HOME,
                symbols=symbols,
                replay=replay,
                ports=_wanted_ports(options),
                executor=Executor.CLUSTER if options.cluster else Executor.LOCAL,
            )
        )
        _run(stack, began, options.minutes if options.once else None)
    except KeyboardInterrupt:
        return 130 if options.once else 0
    except (SetupError, StartError) as error:
        complain(str(error))
        return 2 if isinstance(error, SetupError) else 1
    finally:
        # An impatient second Ctrl-C would leave servers behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if stack is not None:
            stack.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
