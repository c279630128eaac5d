"""The memory and the disk that a stack takes, and the processes it leaves behind."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import psutil  # type: ignore[import-untyped]

from dev.machine.home import Home
from dev.stack.stack import Stack

LOOK_SECONDS = 15.0


class Footprint:
    """Looks at a running stack now and then, as a context manager.

    Args:
        stack: The stack.

    Attributes:
        peak_memory_bytes: Of each server and all that it forked, the most at any look; what
            processes share is counted in equal parts.
    """

    def __init__(self, stack: Stack) -> None:
        self.peak_memory_bytes: dict[str, int] = {}
        self._stack = stack
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            for server in self._stack.servers:
                taken = sum(map(_memory_bytes, server.session()))
                peak = self.peak_memory_bytes.get(server.name, 0)
                self.peak_memory_bytes[server.name] = max(peak, taken)


def _memory_bytes(process: psutil.Process) -> int:
    try:
        taken: int = process.memory_full_info().pss
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
    return taken


def disk_bytes(home: Home) -> Mapping[str, int]:
    """Return the bytes in each folder of a home, by its name."""
    return {
        folder.name: _folder_bytes(folder)
        for folder in sorted(home.path.iterdir())
        if folder.is_dir()
    }


def _folder_bytes(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:
            # Files come and go while servers run; some belong to another user.
            continue
    return total


def orphans(home: Home) -> list[str]:
    """Return the command lines of the processes that still work for a home."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
            if (
                any(str(home.path) in word for word in words)
                and process.pid != psutil.Process().pid
            ):
                found.append(f"{process.pid} {' '.join(process.cmdline())[:100]}")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
