"""Divide symbols among fetch tasks: one each, or many in a few."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

# Up to so many symbols are fetched by a task each (the Variable `fetch_tasks` overrides it). Every
# task costs CPU of its own, about that of twenty symbols: more symbols are divided into few groups.
FETCH_TASKS = 100
FETCH_GROUPS = 6

Item = TypeVar("Item")


def fetch_task_count(symbol_count: int, most: int) -> int:
    """Return how many tasks fetch so many symbols: one each up to `most`, or a few groups."""
    return symbol_count if symbol_count <= most else min(FETCH_GROUPS, most)


def in_groups(items: Sequence[Item], most: int) -> list[list[Item]]:
    """Divide items into at most `most` groups, in order; their sizes differ by one at most."""
    count = min(most, len(items))
    ends = [len(items) * number // count for number in range(count + 1)] if count else []
    return [[*items[start:end]] for start, end in pairwise(ends)]
