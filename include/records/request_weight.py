"""What all workers share: the request weight taken in a minute, and bans that stop requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

EVERY_HOST = "*"


@dataclass(frozen=True)
class Use:
    """The request weight taken in one minute.

    Attributes:
        minute: Start of the exchange's clock minute, aware UTC; its counts begin at 0.
        taken_weight: What workers reserved in it or the exchange counted, the larger.
        sent_at: When the last request reserved may leave, aware UTC, whole milliseconds.
        first_at: When the last one that went first after a silence may leave, likewise.
        answered_at: When the exchange last answered well, as far as noted; None in a new minute.
        is_first_out: Whether the first request after a silence is out, with no answer yet.
        version: Incremented with each swap.
    """

    minute: datetime
    taken_weight: int
    sent_at: datetime
    first_at: datetime
    answered_at: datetime | None = None
    is_first_out: bool = False
    version: int = 1


@dataclass(frozen=True)
class Block:
    """A ban by the exchange: send nothing before the given moment.

    Attributes:
        host: The host it applies to; EVERY_HOST when it applies to our address.
        status: The HTTP status that stated it: 429, 418, 403 or 451.
        until: First moment when requests may be sent again, aware UTC.
        reason: The exchange's answer, for a reader.
    """

    host: str
    status: int
    until: datetime
    reason: str
