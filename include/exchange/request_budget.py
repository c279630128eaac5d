"""One request weight budget for all workers behind an address, and the breaker that stops them.

The rules are here, over a table that every worker shares; store/request_weight.py keeps it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from include.records.errors import ExchangeBusyError, SettingsError
from include.records.request_weight import EVERY_HOST, Block, Use
from include.records.windows import MINUTE, floor_minute, whole_ms

# Until exchangeInfo states the limit: enough to request it. Binance never had less than 1,200.
ASSUMED_WEIGHT_LIMIT = 200
# What all workers reserve is spaced this far apart, so that a ban met by one reaches the next: on
# loopback an answer and its note in the table take about 10 ms. 2,400 a minute remain.
SPACING = timedelta(milliseconds=25)
# After a silence this long one request goes first and the others wait for its answer, so that a
# ban that began meanwhile is hit by one request and not by one from every worker.
SILENCE = timedelta(seconds=2)
# How long they wait; the worker that sent it may have died.
LONGEST_WAIT = timedelta(seconds=3)
# This close to a minute's boundary it is unclear which minute a count belongs to.
TURN = timedelta(seconds=1)
# Answers are noted at most this often.
NOTE_AGE = timedelta(seconds=1)
# Threads share what one of them has read so recently: of the minute's use, and of blocks.
SEEN_FOR = timedelta(milliseconds=20)


State = TypeVar("State")


class BudgetTable(Protocol):
    """The state shared by the workers behind one address."""

    def weight_limit(self) -> int | None:
        """Return the exchange's weight limit per minute; None when it is not known or too old."""

    def set_weight_limit(self, limit: int) -> None:
        """Store the exchange's weight limit per minute."""

    def use(self, minute: datetime) -> Use | None:
        """Return the weight taken in a minute; None when there was no request."""

    def swap_use(self, old: Use | None, new: Use) -> bool:
        """Replace old with new; return False and do nothing when old was already replaced."""

    def blocks(self) -> list[Block]:
        """Return the stored blocks; expired ones may be omitted."""

    def add_block(self, block: Block) -> None:
        """Store a block; one of the same host and status is replaced."""


@dataclass(frozen=True)
class _Seen(Generic[State]):
    """What a worker knows of the shared table.

    Attributes:
        what: As it was.
        moment_s: When it was read, by the process's own clock; where the worker wrote it, never.
        now: The same by the exchange's clock, aware UTC.
    """

    what: State
    moment_s: float = 0.0
    now: datetime | None = None

    def is_fresh(self, now: datetime) -> bool:
        """Tell whether it was read a moment ago, by both clocks: either may stand still or jump."""
        return (
            self.now is not None
            and time.monotonic() - self.moment_s < SEEN_FOR.total_seconds()
            and timedelta(0) <= now - self.now < SEEN_FOR
        )


@dataclass(frozen=True)
class Leave:
    """Weight reserved for one request, or for several that one worker sends in a row.

    Attributes:
        minute: Start of the minute that the weight belongs to, aware UTC.
        send_at: When the first request may leave, aware UTC.
        is_first: Whether it goes first, of all workers, after a silence.
        spacing: How long after the answer to the first it may leave, if it is held back for that.
    """

    minute: datetime
    send_at: datetime
    is_first: bool
    spacing: timedelta


class RequestBudget:
    """Permits requests so that all workers behind one address stay within a share of the limit.

    The threads of a worker share one, and take turns: each swap of a minute's use that comes too
    late is made again, and the workers compete for it enough.

    Args:
        table: Shared by the workers.
        ceiling_ratio: Largest share of the exchange's limit to use, 0 to 1.
    """

    def __init__(self, table: BudgetTable, ceiling_ratio: float) -> None:
        self._table = table
        self._ceiling_ratio = ceiling_ratio
        self._weight_limit: int | None = None
        self._turn = threading.Lock()
        self._held: list[tuple[int, Leave]] = []
        # What this worker last read or wrote, and when it read it.
        self._seen: _Seen[Use] | None = None
        self._seen_blocks: _Seen[list[Block]] | None = None

    def reserve_several(self, weight: int, count: int, at: datetime) -> list[Leave]:
        """Reserve weight for several threads or workers in one step.

        Args:
            weight: Of the requests of each.
            count: How many there are.
            at: When the first sends, now or later, aware UTC.

        Returns:
            A leave for each, in the order of their sending, for them to `hold`; none where the
            minute has no room for all: then each reserves its own.
        """
        with suppress(ExchangeBusyError, SettingsError):
            ceiling = self._ceiling(weight * count)
            with self._turn:
                return _leaves(self._take(weight * count, ceiling, at, count), count)
        return []

    def hold(self, weight: int, leaves: Iterable[Leave]) -> None:
        """Keep what is reserved, here or by another worker, for `reserve` to hand out."""
        with self._turn:
            self._held = [(weight, leave) for leave in leaves]

    def reserve(self, weight: int, at: datetime) -> Leave:
        """Reserve weight; `confirm` before each request, `settle` when it has ended.

        Args:
            weight: Of one request, or of several that one worker sends in a row.
            at: When to send, now or later, aware UTC; the weight is taken from its minute.

        Raises:
            ExchangeBusyError: The minute's weight is spent; wait for the next.
            SettingsError: The ceiling is below this weight.
        """
        with self._turn:
            if self._held:
                held_weight, leave = self._held[0]
                if held_weight == weight and leave.minute == floor_minute(at):
                    del self._held[0]
                    return leave
        ceiling = self._ceiling(weight)
        with self._turn:
            return _leaves(self._take(weight, ceiling, at))[0]

    def _take(self, weight: int, ceiling: int, at: datetime, count: int = 1) -> Use:
        minute = floor_minute(at)
        while True:
            old = self._table.use(minute)
            new = take(old, weight, ceiling, at, count)
            if new is None:
                raise ExchangeBusyError(
                    f"this minute's request weight is spent: {ceiling}, the share of the "
                    "exchange's limit that all workers may use",
                    wait_seconds=(minute + MINUTE - at).total_seconds(),
                )
            if self._table.swap_use(old, new):
                self._seen = _Seen(new)
                return new

    def confirm(self, leave: Leave, now: datetime) -> Leave | None:
        """Tell whether a request may leave, at `send_at` or later.

        Returns:
            The leave, which goes first where the one before it failed; None while another
            worker's first request after a silence is unanswered: ask again soon.
        """
        while not leave.is_first:
            with self._turn:
                # An answer that was seen is never taken back.
                if (known := self._known(leave.minute)) and not _is_silent(known, now):
                    break
                use = self._see(leave.minute, now)
                if use is None or not _is_silent(use, now):
                    break
                if _waits_for_first(use, now):
                    return None
                self._seen = None
                new = _going_first(use, whole_ms(now))
                if self._table.swap_use(use, new):
                    self._seen = _Seen(new)
                    return replace(leave, is_first=True)
        return leave

    def _known(self, minute: datetime) -> Use | None:
        """Return a minute's use as this worker last read or wrote it, however long ago."""
        return self._seen.what if self._seen and self._seen.what.minute == minute else None

    def _see(self, minute: datetime, now: datetime) -> Use | None:
        """Return a minute's use as it is, or was a moment ago."""
        known = self._known(minute)
        if known and self._seen and self._seen.is_fresh(now):
            return known
        moment = time.monotonic()
        found = self._table.use(minute)
        self._seen = _Seen(found, moment, now) if found else None
        return found

    def settle(self, now: datetime, *, used_weight: int, is_answered: bool) -> None:
        """Record the result of a request.

        Args:
            now: When it ended, aware UTC.
            used_weight: The exchange's own count for this minute, adopted when it is higher than
                ours, since others use the address too; 0 when it stated none, or when it may be
                that of the previous minute.
            is_answered: Whether the exchange answered, other than by asking for a pause.
        """
        minute = floor_minute(now)

        def noted(use: Use) -> Use:
            return settled(use, now, used_weight=used_weight, is_answered=is_answered)

        with self._turn:
            # What is taken, and when it was answered, only grows: where an earlier state says that
            # there is nothing to note, so would the present one.
            if (known := self._known(minute)) and noted(known) is known:
                return
            while True:
                old = self._table.use(minute)
                old = old or Use(minute, 0, whole_ms(now), whole_ms(now), version=0)
                new = noted(old)
                if new is old or self._table.swap_use(old if old.version else None, new):
                    self._seen = _Seen(new)
                    return

    def open_hosts(self, hosts: Iterable[str], now: datetime) -> list[str]:
        """Return the hosts that may receive requests now, in order.

        Raises:
            ExchangeBusyError: The exchange asked this address for a pause that is not over.
            SettingsError: Every host refuses this address.
        """
        blocks = [block for block in self._blocks(now) if now < block.until]
        for block in sorted(blocks, key=lambda block: block.until, reverse=True):
            if block.host == EVERY_HOST:
                raise ExchangeBusyError(
                    f"no requests to the exchange before {block.until:%Y-%m-%d %H:%M:%SZ}: "
                    f"it asked one of the workers to pause ({block.reason})",
                    wait_seconds=(block.until - now).total_seconds(),
                )
        closed = {block.host: block for block in blocks}
        found = [host for host in hosts if host not in closed]
        if not found:
            words = "; ".join(
                f"{block.host} until {block.until:%Y-%m-%d %H:%MZ} ({block.reason})"
                for block in closed.values()
            )
            raise SettingsError(
                f"the exchange refuses this address: {words}; set the connection "
                "'binance_default' to a host that serves your region, or see docs/runbook.md"
            )
        return found

    def _blocks(self, now: datetime) -> list[Block]:
        """Return the blocks as they are, or were a moment ago."""
        with self._turn:
            if self._seen_blocks is None or not self._seen_blocks.is_fresh(now):
                moment = time.monotonic()
                self._seen_blocks = _Seen(self._table.blocks(), moment, now)
            return self._seen_blocks.what

    def block(self, block: Block) -> None:
        """Stop all workers for a ban that this one received; never shorten an existing block.

        Answers to requests in flight at the same time state different ends, or none.
        """
        if not any(
            (held.host, held.status) == (block.host, block.status) and held.until >= block.until
            for held in self._table.blocks()
        ):
            self._table.add_block(block)
        self._seen_blocks = None

    def learn_weight_limit(self, limit: int) -> None:
        """Adopt the weight limit per minute that the exchange states."""
        self._weight_limit = limit
        self._table.set_weight_limit(limit)

    def _ceiling(self, weight: int) -> int:
        """Return the most that all workers may use in a minute; refuse what is more by itself."""
        if self._weight_limit is None:
            self._weight_limit = self._table.weight_limit()
        ceiling = ceiling_of(self._weight_limit, self._ceiling_ratio)
        if weight > ceiling:
            raise SettingsError(
                f"one request weighs {weight}, but at most {ceiling} may be used per minute; "
                "raise ceiling_ratio in the extra of the connection 'binance_default'"
            )
        return ceiling


def ceiling_of(weight_limit: int | None, ceiling_ratio: float) -> int:
    """Return the most weight that all workers may use in a minute.

    Args:
        weight_limit: The exchange's own limit per minute; None while it is not known.
        ceiling_ratio: Largest share of it to use, 0 to 1.
    """
    return int((weight_limit or ASSUMED_WEIGHT_LIMIT) * ceiling_ratio)


def take(old: Use | None, weight: int, ceiling: int, at: datetime, count: int = 1) -> Use | None:
    """Return a minute's use with more weight taken; None when it exceeds the ceiling.

    Args:
        old: What was taken before; None in a new minute.
        weight: Of all that is reserved.
        ceiling: Of all workers.
        at: When the first is to be sent, aware UTC.
        count: How many leaves it is reserved for: they are spaced like those of several workers.
    """
    more = (count - 1) * SPACING
    taken_weight = (old.taken_weight if old else 0) + weight
    if taken_weight > ceiling:
        return None
    earliest = whole_ms(at)
    if old is None:
        return Use(floor_minute(at), taken_weight, earliest + more, earliest, is_first_out=True)
    new = replace(old, taken_weight=taken_weight)
    if _waits_for_first(old, at):
        # Behind one another, however late they come: all are let go by one answer.
        return replace(new, sent_at=old.sent_at + SPACING + more, version=old.version + 1)
    sent_at = max(earliest, old.sent_at + SPACING)
    if _is_silent(old, at):
        first = _going_first(new, sent_at)
        return replace(first, sent_at=first.sent_at + more)
    return replace(new, sent_at=sent_at + more, is_first_out=False, version=old.version + 1)


def _leaves(use: Use, count: int = 1) -> list[Leave]:
    """Return the leaves that were just reserved in a minute, in the order of their sending."""
    leaves = []
    for place in reversed(range(count)):
        send_at = use.sent_at - place * SPACING
        behind = send_at - use.first_at
        is_first = use.is_first_out and not behind
        leaves.append(Leave(use.minute, send_at, is_first, _spacing(behind)))
    return leaves


def settled(old: Use, now: datetime, *, used_weight: int, is_answered: bool) -> Use:
    """Return a minute's use after a request ended; old itself when nothing changed."""
    is_news = is_answered and (old.answered_at is None or now - old.answered_at > NOTE_AGE)
    if used_weight <= old.taken_weight and not old.is_first_out and not is_news:
        return old
    sent_at = old.sent_at
    if old.is_first_out and is_answered:
        # Those that were held back leave first, then who reserves from now on.
        sent_at = max(sent_at, whole_ms(now) + _spacing(old.sent_at - old.first_at))
    return replace(
        old,
        taken_weight=max(used_weight, old.taken_weight),
        sent_at=sent_at,
        answered_at=whole_ms(now) if is_answered else old.answered_at,
        is_first_out=False,
        version=old.version + 1,
    )


def is_of_one_minute(sent_at: datetime, ended_at: datetime) -> bool:
    """Tell whether an answer's weight count certainly belongs to the minute it ended in."""
    return floor_minute(sent_at - TURN) == floor_minute(ended_at + TURN)


def _going_first(use: Use, at: datetime) -> Use:
    sent_at = max(at, use.sent_at)
    return replace(use, sent_at=sent_at, first_at=at, is_first_out=True, version=use.version + 1)


def _spacing(behind: timedelta) -> timedelta:
    return behind % LONGEST_WAIT


def _waits_for_first(use: Use, now: datetime) -> bool:
    return use.is_first_out and now < use.first_at + LONGEST_WAIT


def _is_silent(use: Use, now: datetime) -> bool:
    return use.answered_at is None or now - use.answered_at > SILENCE
