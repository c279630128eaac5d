"""What a command of dev/ says to the person who started it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

CONSOLE = Console(highlight=False, soft_wrap=True)
ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print one line as it is."""
    CONSOLE.print(text, markup=False)


def complain(text: str) -> None:
    """Print why a command ends, on standard error."""
    ERRORS.print(text, style="bold red", markup=False)


@contextmanager
def step(title: str, expected: str) -> Iterator[None]:
    """Say that a slow step begins and, if it succeeds, how long it took.

    Args:
        title: What is done, like `Cassandra: starting`.
        expected: How long it is likely to take, like `about 10 s`.
    """
    started = time.monotonic()
    say(f"  … {title} ({expected})")
    yield
    took_seconds = time.monotonic() - started
    CONSOLE.print(f"  [green]✓[/green] {title}: {took_seconds:.1f} s")
