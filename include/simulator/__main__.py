"""The command that runs the simulator."""

from __future__ import annotations

import argparse
import atexit
import logging
import signal
import socket
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from include.simulator.faults.control import SkewedClock, create_control
from include.simulator.faults.faults import FAULTS, Fault, FaultScript
from include.simulator.faults.faulty import FaultyApp
from include.simulator.market.exchange import REQUESTS_UNTIL_BAN, Exchange, open_exchange
from include.simulator.market.listings import Placement, tape_listings
from include.simulator.market.markets import MARKETS, MOST_MADE_UP
from include.simulator.requests.clocks import USAGE, ClockPlan, parse_clock
from include.simulator.requests.request_log import RequestLog
from include.simulator.requests.time_units import Clock
from include.simulator.serving.app import create_app, rate_limit_of
from include.simulator.tapes.tapes import MINUTE_MS

LOG = logging.getLogger("simulator")
TAKEN_PORT_EXIT_CODE = BAD_OPTION_EXIT_CODE = 2
LOOPBACK = "127.0.0.1"
LONGEST_STOP_SECONDS = 2


class AnnouncedServer(uvicorn.Server):
    """A server that announces on standard output when it is ready."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving, then announce it."""
        await super().startup(sockets)
        sys.stdout.write(f"simulator ready: http://{self.config.host}:{self.config.port}\n")
        sys.stdout.flush()


def main() -> int:
    """Serve until stopped, and return the exit code."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        listener = socket.create_server((options.host, options.port), backlog=2048)
    except OSError as error:
        LOG.error(  # noqa: TRY400 - the reader needs the cause and the cure, not the stack
            "cannot listen on %s:%s: %s; choose another --host or --port",
            options.host,
            options.port,
            error.strerror,
        )
        return TAKEN_PORT_EXIT_CODE
    try:
        plan = parse_clock(options.clock)
        clock = SkewedClock(plan.start(lambda: time.time_ns() // 1_000_000))
        script = FaultScript(_faults(options.faults), options.seed)
        log = RequestLog(options.request_log)
        exchange = _exchange(options, plan, clock)
        if options.archives and not options.archives.is_dir():
            raise NotADirectoryError(f"--archives {options.archives} is not a folder")
    except (OSError, ValueError) as error:
        LOG.error("cannot start: %s", " ".join(str(error).split()))  # noqa: TRY400 - as above
        return BAD_OPTION_EXIT_CODE
    rate_limit = rate_limit_of(exchange)
    control = create_control(script, log, rate_limit, clock)
    if options.control_port is not None and not _start_control(control, options.control_port):
        return TAKEN_PORT_EXIT_CODE
    for symbol, listing in exchange.listings.items():
        LOG.info("%s: %s", symbol, listing.tape.origin)
    host, port = listener.getsockname()[:2]
    server = AnnouncedServer(
        uvicorn.Config(
            FaultyApp(
                create_app(exchange, clock, rate_limit, options.archives), clock, script, log
            ),
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=LONGEST_STOP_SECONDS,
        )
    )
    # uvicorn handles these while it runs, but raises them again afterwards: without a handler of
    # ours, a requested stop would end with an error code or a stack trace.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])
    return 0


def _exchange(options: argparse.Namespace, plan: ClockPlan, clock: Clock) -> Exchange:
    if options.tape is None:
        if options.no_loop:
            raise ValueError("--no-loop is for tapes of your own: name their folder with --tape")
        return open_exchange(
            options.symbols,
            options.seed,
            options.weight_limit,
            options.requests_until_ban,
            made_up_count=options.made_up,
        )
    # Kept until the process ends; what is on disk is what need not sit in memory.
    work_folder = tempfile.TemporaryDirectory(prefix="tape-")
    atexit.register(work_folder.cleanup)
    if plan.starts_ms is not None:
        placement = Placement(starts_at=None, loops=False)
    else:
        placement = Placement(starts_at=clock() // MINUTE_MS, loops=not options.no_loop)
    listings = tape_listings(options.tape, Path(work_folder.name), placement)
    return Exchange(listings, options.weight_limit, options.requests_until_ban)


def _faults(file: Path | None) -> list[Fault]:
    return FAULTS.validate_json(file.read_bytes()) if file else []


def _start_control(application: Starlette, port: int) -> bool:
    """Serve the control port beside the data port, on loopback alone; False if it is taken.

    It ends with the process.
    """
    try:
        listener = socket.create_server((LOOPBACK, port))
    except OSError as error:
        LOG.error(  # noqa: TRY400 - as above
            "cannot listen on %s:%s: %s; choose another --control-port",
            LOOPBACK,
            port,
            error.strerror,
        )
        return False
    config = uvicorn.Config(application, log_config=None, access_log=False, lifespan="off")
    serve = partial(uvicorn.Server(config).run, sockets=[listener])
    threading.Thread(target=serve, daemon=True, name="control").start()
    sys.stdout.write(f"control ready: http://{LOOPBACK}:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    return True


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m include.simulator",
        description="Simulate Binance's public spot market data; see docs/simulator.md.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (%(default)s)")
    parser.add_argument("--port", type=int, default=8900, help="0 takes a free one (%(default)s)")
    parser.add_argument(
        "--symbols",
        nargs="+",
        choices=MARKETS,
        default=list(MARKETS),
        metavar="SYMBOL",
        help=f"symbols to list, from {', '.join(MARKETS)} (all)",
    )
    parser.add_argument(
        "--made-up",
        type=int,
        default=0,
        metavar="N",
        help=f"list N made-up symbols as well, M001USDT and on, at most {MOST_MADE_UP} (none)",
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="history of the generated symbols (%(default)s)"
    )
    parser.add_argument(
        "--weight-limit",
        type=int,
        default=6000,
        help="request weight per client address and clock minute (%(default)s)",
    )
    parser.add_argument(
        "--requests-until-ban",
        type=int,
        default=REQUESTS_UNTIL_BAN,
        help="refused requests in a minute before the next one brings a ban (%(default)s)",
    )
    parser.add_argument(
        "--tape",
        type=Path,
        metavar="DIR",
        help="play the files of a folder instead, in Binance's archive formats: "
        "SYMBOL-trades-DATE, SYMBOL-aggTrades-DATE, SYMBOL-1s-DATE, SYMBOL-1m-DATE as "
        ".csv, .csv.gz or .zip; the finest kind of each symbol",
    )
    parser.add_argument(
        "--archives",
        type=Path,
        metavar="DIR",
        help="serve a folder of daily files, as Binance issued them, in the archive tree (none)",
    )
    parser.add_argument(
        "--clock",
        default="now",
        help=f"{USAGE}; a tape is moved to now and looped, or with at: left at its own time (now)",
    )
    parser.add_argument(
        "--no-loop", action="store_true", help="play a tape once, from now on, and then nothing"
    )
    parser.add_argument(
        "--control-port",
        type=int,
        metavar="N",
        help="serve faults, bans, clock and log on this port of loopback; 0 takes a free one (off)",
    )
    parser.add_argument(
        "--faults", type=Path, metavar="FILE", help="JSON list of faults to start with (none)"
    )
    parser.add_argument(
        "--request-log", type=Path, metavar="FILE", help="append a JSON line per request (off)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
