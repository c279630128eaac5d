"""The command that runs the simulator."""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import sys
import time

import uvicorn

from include.simulator.app import create_app
from include.simulator.exchange import REQUESTS_UNTIL_BAN, open_exchange
from include.simulator.markets import MARKETS

LOG = logging.getLogger("simulator")
TAKEN_PORT_EXIT_CODE = 2
LONGEST_STOP_SECONDS = 2


class AnnouncedServer(uvicorn.Server):
    """A server that says on standard output when it answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer, then say so."""
        await super().startup(sockets)
        sys.stdout.write(f"simulator ready: http://{self.config.host}:{self.config.port}\n")
        sys.stdout.flush()


def main() -> int:
    """Serve until told to stop and return the exit code."""
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
    exchange = open_exchange(
        options.symbols, options.seed, options.weight_limit, options.requests_until_ban
    )
    for symbol, listing in exchange.listings.items():
        LOG.info("%s: %s", symbol, listing.tape.origin)
    host, port = listener.getsockname()[:2]
    server = AnnouncedServer(
        uvicorn.Config(
            create_app(exchange, clock=lambda: time.time_ns() // 1_000_000),
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=LONGEST_STOP_SECONDS,
        )
    )
    # uvicorn handles these while it runs, but raises them again afterwards: without a handler of
    # ours, a stop that was asked for would end with an error code or a stack trace.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m include.simulator",
        description="Simulate Binance's public spot market data on the wall clock.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (%(default)s)")
    parser.add_argument("--port", type=int, default=8900, help="0 takes a free one (%(default)s)")
    parser.add_argument(
        "--symbols",
        nargs="+",
        choices=MARKETS,
        default=list(MARKETS),
        metavar="SYMBOL",
        help=f"what to list, of {', '.join(MARKETS)} (all)",
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
        help="refused requests of a minute before the next brings a ban (%(default)s)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
