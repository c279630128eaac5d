"""Busy processes beside a measurement."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

COMMAND = (sys.executable, "-c", "while True: pass")


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep so many processes busy during the block."""
    processes = [subprocess.Popen(COMMAND) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
