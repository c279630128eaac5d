"""One budget of request weight for all that leaves one address, and the breaker that stops it.

The rules stand here, over a table that every worker shares; exchange_budget.py keeps it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from include.records.errors import ExchangeBusyError, SettingsError
from include.records.request_weight import EVERY_HOST, Block, Use
from include.records.windows import MINUTE, floor_minute, whole_ms

# Until exchangeInfo has told the limit: enough to ask for it. Binance never had less than 1,200.
ASSUMED_WEIGHT_LIMIT = 200
# Requests of all workers leave this far apart, so that what one learns reaches the next: on
# loopback an answer and its note in the table take about 10 ms. 2,400 requests a minute remain.
SPACING = timedelta(milliseconds=25)
# After a silence this long one request goes first and the others wait for its answer, so that a
# ban that began meanwhile is met by one request and not by one of every worker.
SILENCE = timedelta(seconds=2)
# How long they wait; the worker that sent it may have died.
LONGEST_WAIT = timedelta(seconds=3)
# So close to the turn of a minute nobody can say which minute a count belongs to.
TURN = timedelta(seconds=1)
# An answer is noted this often, not every time.
NOTE_AGE = timedelta(seconds=1)


class BudgetTable(Protocol):
    """What the workers behind one address share."""

    def weight_limit(self) -> int | None:
        """Return the exchange's limit of weight a minute; None when nobody heard it lately."""

    def set_weight_limit(self, limit: int) -> None:
        """Note the exchange's limit of weight a minute."""

    def use(self, minute: datetime) -> Use | None:
        """Return what was taken of a minute; None when nothing was."""

    def swap_use(self, old: Use | None, new: Use) -> bool:
        """Put new in the place of old; False, and nothing done, when old no longer stands."""

    def blocks(self) -> list[Block]:
        """Return the blocks noted; those that are over may be left out."""

    def add_block(self, block: Block) -> None:
        """Note a block; one of the same host and status is replaced."""


class RequestBudget:
    """Leave to send, of which all workers behind one address together get no more than a share.

    Args:
        table: What they share.
        ceiling_ratio: Share of the exchange's limit to take at most, 0 to 1.
    """

    def __init__(self, table: BudgetTable, ceiling_ratio: float) -> None:
        self._table = table
        self._ceiling_ratio = ceiling_ratio
        self._weight_limit: int | None = None

    def reserve(self, weight: int, now: datetime) -> datetime | None:
        """Take weight of the running minute; `settle` what became of the request afterwards.

        Returns:
            The moment to send at, now or a little later; None while the first request of another
            worker after a silence is out: ask again soon.

        Raises:
            ExchangeBusyError: The minute has no more; wait for the next.
            SettingsError: The ceiling is below this one request.
        """
        ceiling = self._ceiling()
        if weight > ceiling:
            raise SettingsError(
                f"one request weighs {weight} and at most {ceiling} may be used in a minute; "
                "raise ceiling_ratio in the extra of the connection 'binance_default'"
            )
        minute = floor_minute(now)
        while True:
            old = self._table.use(minute)
            if old and _waits_for_first(old, now):
                return None
            new = take(old, weight, ceiling, now)
            if new is None:
                raise ExchangeBusyError(
                    f"the request weight of this minute is spent: {ceiling}, the share of the "
                    "exchange's limit that all workers may use",
                    wait_seconds=(minute + MINUTE - now).total_seconds(),
                )
            if self._table.swap_use(old, new):
                return new.sent_at

    def settle(self, now: datetime, *, used_weight: int, is_answered: bool) -> None:
        """Note what became of a request.

        Args:
            now: When it ended, aware UTC.
            used_weight: The exchange's own count for this minute, taken over when it is higher
                than ours, for others use the address too; 0 when it told none, or when it may be
                that of the minute before.
            is_answered: Whether the exchange answered, and not that it wants nothing.
        """
        minute = floor_minute(now)
        while True:
            old = self._table.use(minute) or Use(minute, 0, whole_ms(now), version=0)
            new = settled(old, now, used_weight=used_weight, is_answered=is_answered)
            if new is old or self._table.swap_use(old if old.version else None, new):
                return

    def open_hosts(self, hosts: Iterable[str], now: datetime) -> list[str]:
        """Return the hosts that something may be sent to now, in order.

        Raises:
            ExchangeBusyError: The exchange asked this address for a pause that is not over.
            SettingsError: Every host refuses this address.
        """
        blocks = [block for block in self._table.blocks() if now < block.until]
        for block in sorted(blocks, key=lambda block: block.until, reverse=True):
            if block.host == EVERY_HOST:
                raise ExchangeBusyError(
                    f"nothing is sent to the exchange before {block.until:%Y-%m-%d %H:%M:%SZ}: "
                    f"it told one of the workers so ({block.reason})",
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

    def block(self, block: Block) -> None:
        """Stop all workers for what the exchange said to this one; never for less than before.

        Answers to requests that were under way at the same time state different ends, or none.
        """
        if not any(
            (held.host, held.status) == (block.host, block.status) and held.until >= block.until
            for held in self._table.blocks()
        ):
            self._table.add_block(block)

    def learn_weight_limit(self, limit: int) -> None:
        """Take over the limit of weight a minute that the exchange states."""
        self._weight_limit = limit
        self._table.set_weight_limit(limit)

    def _ceiling(self) -> int:
        if self._weight_limit is None:
            self._weight_limit = self._table.weight_limit()
        return int((self._weight_limit or ASSUMED_WEIGHT_LIMIT) * self._ceiling_ratio)


def take(old: Use | None, weight: int, ceiling: int, now: datetime) -> Use | None:
    """Return what is taken of a minute with one more request; None when it does not fit."""
    minute = floor_minute(now)
    taken_weight = (old.taken_weight if old else 0) + weight
    if taken_weight > ceiling:
        return None
    earliest = whole_ms(now)
    if old is None:
        return Use(minute, taken_weight, earliest, is_first_out=True)
    return replace(
        old,
        taken_weight=taken_weight,
        sent_at=max(earliest, old.sent_at + SPACING),
        is_first_out=_is_silent(old, now),
        version=old.version + 1,
    )


def settled(old: Use, now: datetime, *, used_weight: int, is_answered: bool) -> Use:
    """Return what stands after a request ended; old itself when there is nothing to note."""
    is_news = is_answered and (old.answered_at is None or now - old.answered_at > NOTE_AGE)
    if used_weight <= old.taken_weight and not old.is_first_out and not is_news:
        return old
    return replace(
        old,
        taken_weight=max(used_weight, old.taken_weight),
        answered_at=whole_ms(now) if is_answered else old.answered_at,
        is_first_out=False,
        version=old.version + 1,
    )


def is_of_one_minute(sent_at: datetime, ended_at: datetime) -> bool:
    """Tell whether a count that came with an answer surely is of the minute it ended in."""
    return floor_minute(sent_at - TURN) == floor_minute(ended_at + TURN)


def _waits_for_first(use: Use, now: datetime) -> bool:
    return use.is_first_out and now < use.sent_at + LONGEST_WAIT


def _is_silent(use: Use, now: datetime) -> bool:
    return use.answered_at is None or now - use.answered_at > SILENCE
