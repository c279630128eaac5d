"""Console output of the commands of dev/."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

# Of a table in a file or pipe; a terminal has its own.
WIDTH_WITHOUT_TERMINAL = 100

CONSOLE = Console(
    highlight=False,
    soft_wrap=True,
    width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL,
)
ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print one line without markup."""
    CONSOLE.print(text, markup=False)


def complain(text: str) -> None:
    """Print why a command failed, on standard error."""
    ERRORS.print(text, style="bold red", markup=False)


@contextmanager
def step(title: str, expected: str) -> Iterator[None]:
    """Announce a slow step and, if it succeeds, print how long it took.

    Args:
        title: The step, like `Cassandra: starting`.
        expected: How long it is likely to take, like `about 10 s`.
    """
    started = time.monotonic()
    say(f"  … {title} ({expected})")
    yield
    took_seconds = time.monotonic() - started
    CONSOLE.print(f"  [green]✓[/green] {title}: {took_seconds:.1f} s")
