"""Wait for what other tasks land, and take it up in groups as it arrives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# How long to pause after a look in vain, in times of what it took.
PAUSE_PER_LOOK = 9
LONGEST_PAUSE_SECONDS = 2.0
# A checkpoint has a price of its own, which so many symbols share.
MOST_TOGETHER = 75


@dataclass(frozen=True)
class Wait:
    """How long to wait.

    Attributes:
        until: When nothing more is waited for, aware UTC.
        quiet: A group is complete when nothing has arrived for so long,
        longest: or so long after its first arrival. Each group may take twice as long as the one
            before it, so that many that come one by one are few groups.
        poll_seconds: Between looks, at least.
        since: When the first can arrive, aware UTC; None if that is not known.
        most: Names in a group: what a task has not finished when it is killed is lost.
    """

    until: datetime
    quiet: timedelta = timedelta(0)
    longest: timedelta = timedelta(0)
    poll_seconds: float = 0.1
    since: datetime | None = None
    most: int = MOST_TOGETHER


def arrivals(
    names: Iterable[str],
    look: Callable[[Sequence[str]], Mapping[str, bool | None]],
    wait: Wait,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[list[str]]:
    """Yield the names of what has arrived, in groups, until nothing more is to come.

    Args:
        names: What is awaited.
        look: Tells of each name whether it has arrived: None while it may still come, False when
            it will not. Nobody asks again about one that has: it may do what need not wait for
            the group.
        wait: How long to wait.
        clock: Aware UTC.
        sleep: Replaced in tests.
    """
    if wait.since:
        sleep(max(0.0, (wait.since - clock()).total_seconds()))
    awaited, group = list(names), list[str]()
    first_at = last_at = clock()
    longest = wait.longest
    while True:
        moment = clock()
        found = look(awaited) if awaited else {}
        look_seconds = (clock() - moment).total_seconds()
        awaited = [name for name in awaited if found[name] is None]
        if came := [name for name, is_here in found.items() if is_here]:
            first_at = first_at if group else moment
            last_at = moment
            group += came
        is_over = not awaited or moment >= wait.until
        is_due = is_over or len(group) >= wait.most
        if group and (is_due or moment - last_at >= wait.quiet or moment - first_at >= longest):
            for start in range(0, len(group), wait.most):
                yield group[start : start + wait.most]
            group, longest = [], longest * 2
        elif is_over:
            return
        else:
            # Looking for hundreds of names takes its time, which others need for the work itself.
            pause = min(PAUSE_PER_LOOK * look_seconds, LONGEST_PAUSE_SECONDS)
            sleep(wait.poll_seconds if came else max(wait.poll_seconds, pause))
