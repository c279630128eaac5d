"""Measure how many requests per second the exchange simulator serves on one core."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

from dev.machine.console import say
from dev.machine.ports import any_free_port
from dev.machine.processes import Processes
from dev.stack.exchange import start_simulator

NO_LIMIT = "1000000000"
CONNECTIONS = 8
PATHS = {
    "ping": "/api/v3/ping",
    "klines 1m, 1 row": "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1",
    "klines 1m, 16 rows": "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=16",
    "klines 1s, 360 rows": "/api/v3/klines?symbol=BTCUSDT&interval=1s&limit=360",
    "klines 1s, 1,000 rows": "/api/v3/klines?symbol=BTCUSDT&interval=1s&limit=1000",
}


async def _ask(host: str, port: int, path: str, until: float) -> int:
    """Send requests over one connection until a moment; return the number of answers, all 200."""
    reader, writer = await asyncio.open_connection(host, port, limit=2**20)
    request = f"GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()
    answers = 0
    while time.monotonic() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        answers += 1
    writer.close()
    return answers


async def _rate(url: str, path: str, seconds: float) -> float:
    parts = urlsplit(url)
    host, port = str(parts.hostname), int(parts.port or 80)
    started = time.monotonic()
    until = started + seconds
    answers = await asyncio.gather(*(_ask(host, port, path, until) for _ in range(CONNECTIONS)))
    return sum(answers) / (time.monotonic() - started)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run each kind of request for some seconds and print its rate."""
    parser = argparse.ArgumentParser(prog="./dev/bench simulator", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each kind (%(default)s)")
    options = parser.parse_args(arguments)
    cores = sorted(psutil.Process().cpu_affinity())
    say(
        f"{platform.machine()}, Python {platform.python_version()}, {len(cores)} cores: the "
        f"server on one, {CONNECTIONS} keep-alive connections from the others"
    )
    with tempfile.TemporaryDirectory() as folder:
        processes = Processes(Path(folder), Path(folder))
        try:
            url = start_simulator(processes, any_free_port(), ["--weight-limit", NO_LIMIT])
            (record,) = processes.records()
            psutil.Process(record.pid).cpu_affinity(cores[:1])
            os.sched_setaffinity(0, cores[1:] or cores)
            rates = {}
            for name, path in PATHS.items():
                asyncio.run(_rate(url, path, 1.0))
                rates[name] = asyncio.run(_rate(url, path, options.seconds))
                share = rates[name] / rates["ping"]
                say(f"  {name:22} {rates[name]:7.0f} requests/s, {share:.2f} of ping")
        finally:
            processes.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
