"""What ./dev/cassandra is asked for."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass

ACTIONS = ("start", "stop", "status", "cqlsh", "wipe")
OPTIONS_WITH_VALUE = ("--name", "--port", "--heap")
HEAP_PATTERN = re.compile(r"([1-9]\d*)([mg])")
# Tests start with it; with much less the server dies of an OutOfMemoryError.
SMALLEST_HEAP_MIB = 256
LAST_PORT = 65535


@dataclass(frozen=True)
class Request:
    """What the user asks for.

    Attributes:
        action: One of ACTIONS.
        name: Of the server; None for the one of ./dev/up.
        port: Native protocol port for start; None for any.
        heap: Java's heap for start, like `512m`; None for the usual one.
        secure: Whether start makes a server with TLS and passwords.
        handed: The arguments for cqlsh.
    """

    action: str
    name: str | None = None
    port: int | None = None
    heap: str | None = None
    secure: bool = False
    handed: tuple[str, ...] = ()


def read_request(arguments: Sequence[str]) -> Request:
    """Parse the command line; exit with 2 when it is wrong, with 0 for --help."""
    own, handed = _split(arguments)
    parser = argparse.ArgumentParser(
        prog="./dev/cassandra",
        usage="%(prog)s {start,stop,status,wipe} [options]\n"
        "       %(prog)s cqlsh [--name NAME] [arguments of cqlsh]",
        description="Local Cassandra servers on their own. The one without a name is the one "
        "that ./dev/up uses. Data is kept between starts; wipe deletes it.",
        epilog="See docs/local-cassandra.md.",
        allow_abbrev=False,
    )
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("--name", help="another server, with its own data and ports")
    start = parser.add_argument_group("for start")
    start.add_argument(
        "--port",
        type=_port,
        help="native protocol port (9042, with a name 9142, or the next free one)",
    )
    start.add_argument("--heap", type=_heap, help="Java's heap for this run (384m)")
    start.add_argument(
        "--secure",
        action="store_true",
        help="make a server with TLS, client certificates and passwords; it stays so",
    )
    options = parser.parse_args(own)
    if options.action != "start" and (options.port or options.heap or options.secure):
        parser.error("--port, --heap and --secure are for start")
    if options.secure and options.name is None:
        parser.error(
            "--secure needs a --name: the server without one is that of ./dev/up, which uses no TLS"
        )
    return Request(**vars(options), handed=tuple(handed))


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part what is ours from what is cqlsh's: all that follows `cqlsh` but a --name right there."""
    words = list(arguments)
    places = [
        place
        for place, word in enumerate(words)
        if word == "cqlsh" and (place == 0 or words[place - 1] not in OPTIONS_WITH_VALUE)
    ]
    if not places:
        return words, []
    end = places[0] + 1
    if words[end : end + 1] == ["--name"]:
        end += 2
    elif end < len(words) and words[end].startswith("--name="):
        end += 1
    return words[:end], words[end:]


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 1 to {LAST_PORT}")
    return int(text)


def _heap(text: str) -> str:
    found = HEAP_PATTERN.fullmatch(text.lower())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size of a heap, like 512m or 2g")
    if int(found[1]) * (1024 if found[2] == "g" else 1) < SMALLEST_HEAP_MIB:
        raise argparse.ArgumentTypeError(f"{text} is too little: {SMALLEST_HEAP_MIB}m or more")
    return text
