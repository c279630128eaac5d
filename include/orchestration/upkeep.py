"""An order to clear one kind of what grows, its time limit, and the report on what was done."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from include.orchestration.connections import kept
from include.orchestration.defaults import FOREVER
from include.orchestration.forms import Kind
from include.orchestration.messages import UpkeepMessage
from include.storage.clearing import Clearing

SAY_EVERY_SECONDS = 60.0

log = logging.getLogger(__name__)


class KeptForeverError(Exception):
    """A setting says that nothing of this kind is removed."""


@dataclass(frozen=True)
class Order:
    """What a task of maintain is to do.

    Attributes:
        kind: What it clears.
        only_count: Remove nothing.
        now: When it began, aware UTC.
        is_time_up: Tells whether the rest is for the next run.
    """

    kind: Kind
    only_count: bool
    now: datetime
    is_time_up: Callable[[], bool]

    def oldest(self, name: str) -> datetime:
        """Return the moment before which things are old, by the Variable of a name.

        Raises:
            KeptForeverError: Nothing is old.
            SettingsError: The Variable is not valid.
        """
        days = kept(name)
        if days == FOREVER:
            raise KeptForeverError(f"kept for good: the Airflow Variable {name!r} is {FOREVER}")
        return self.now - timedelta(days=days)

    def first_day(self, name: str) -> date:
        """Return the first UTC day that is kept, as `oldest`."""
        return self.oldest(name).date()

    def progress(self) -> Callable[[Clearing], None]:
        """Return a function that logs what was done so far, once a minute."""
        said_at = time.monotonic()

        def say(done: Clearing) -> None:
            nonlocal said_at
            if time.monotonic() > said_at + SAY_EVERY_SECONDS:
                said_at = time.monotonic()
                found, removed = done.found.count, done.removed.count
                log.info("%s: %d looked at, %d removed so far", self.kind, found, removed)

        return say

    def nothing(self, note: str = "") -> UpkeepMessage:
        """Return that nothing was looked at, and why."""
        return self.report(Clearing(), note)

    def report(self, done: Clearing, note: str = "") -> UpkeepMessage:
        """Return what was done, with what the operator should know."""
        return UpkeepMessage(
            kind=self.kind.value,
            only_count=self.only_count,
            before=done.found.count,
            before_bytes=done.found.size_bytes,
            old=done.old.count,
            removed=done.removed.count,
            after=done.found.count - done.removed.count,
            after_bytes=done.found.size_bytes - done.removed.size_bytes,
            is_finished=done.is_finished,
            note=note,
        )


def log_report(done: UpkeepMessage) -> None:
    """Log what was done, in one line; notes and an early end as warnings."""
    log.info(
        "%s: before %s (%s bytes), old %s, removed %s%s, after %s (%s bytes)",
        done["kind"],
        *(f"{done['before']:,}", f"{done['before_bytes']:,}"),
        *(f"{done['old']:,}", f"{done['removed']:,}"),
        " as this only counts" if done["only_count"] else "",
        *(f"{done['after']:,}", f"{done['after_bytes']:,}"),
    )
    if done["note"]:
        log.warning("%s: %s", done["kind"], done["note"])
    if not done["is_finished"]:
        log.warning("%s: the time is up; the next run goes on", done["kind"])
