"""The command line of ./dev/cassandra."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass

HEAP_PATTERN = re.compile(r"([1-9]\d*)([mg])")
# Tests start with it; with much less the server dies of an OutOfMemoryError.
SMALLEST_HEAP_MIB = 256
LAST_PORT = 65535


@dataclass(frozen=True)
class Request:
    """A parsed command line.

    Attributes:
        action: start, stop, status, cqlsh or wipe.
        name: The server's; None for the one of ./dev/up.
        port: Native protocol port for start; None for any.
        heap: Java's heap for start, like `512m`; None for the default.
        secure: Whether start creates a server with TLS and passwords.
        handed: The arguments for cqlsh.
    """

    action: str
    name: str | None = None
    port: int | None = None
    heap: str | None = None
    secure: bool = False
    handed: tuple[str, ...] = ()


def read_request(arguments: Sequence[str]) -> Request:
    """Parse the command line; exit with 2 if it is invalid, with 0 for --help."""
    parser = argparse.ArgumentParser(
        prog="./dev/cassandra",
        description="Run local Cassandra servers on their own. The server without a name is the "
        "one that ./dev/up uses. Data is kept between starts; wipe deletes it.",
        epilog="See docs/local-cassandra.md.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    which = argparse.ArgumentParser(add_help=False)
    which.add_argument("--name", help="another server, with its own data and ports")
    start = actions.add_parser("start", parents=[which], help="start a server")
    start.add_argument(
        "--port",
        type=_port,
        help="native protocol port (9042, with a name 9142, or the next free one)",
    )
    start.add_argument("--heap", type=_heap, help="Java's heap for this run (384m)")
    start.add_argument(
        "--secure",
        action="store_true",
        help="create a server with TLS, client certificates and passwords; it stays secure",
    )
    actions.add_parser("stop", parents=[which], help="stop a server; its data is kept")
    actions.add_parser("status", parents=[which], help="show the running servers and their ports")
    actions.add_parser("wipe", parents=[which], help="stop a server and delete its data")
    actions.add_parser(
        "cqlsh",
        parents=[which],
        # Its options, including --help, are for cqlsh.
        add_help=False,
        allow_abbrev=False,
        help="open cqlsh; further arguments are passed to it",
    )
    options, handed = parser.parse_known_args(arguments)
    if handed and options.action != "cqlsh":
        parser.error(f"unrecognized arguments: {' '.join(handed)}")
    if options.action == "start" and options.secure and options.name is None:
        start.error(
            "--secure needs a --name: the server without one is used by ./dev/up, without TLS"
        )
    return Request(**vars(options), handed=tuple(handed))


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: use 1 to {LAST_PORT}")
    return int(text)


def _heap(text: str) -> str:
    found = HEAP_PATTERN.fullmatch(text.lower())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a heap size: use one like 512m or 2g")
    if int(found[1]) * (1024 if found[2] == "g" else 1) < SMALLEST_HEAP_MIB:
        raise argparse.ArgumentTypeError(f"{text} is too small: use {SMALLEST_HEAP_MIB}m or more")
    return text
