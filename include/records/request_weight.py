"""Request weight taken from one minute, and the bans that stop requests: what all workers share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

EVERY_HOST = "*"


@dataclass(frozen=True)
class Use:
    """What was taken of one minute's weight.

    Attributes:
        minute: Start of the exchange's clock minute, aware UTC; its counts begin at 0.
        taken_weight: What workers reserved in it or the exchange counted, the larger.
        sent_at: When the last request reserved may leave, aware UTC, whole milliseconds.
        answered_at: When the exchange last answered well, as far as noted; None in a new minute.
        is_first_out: Whether the first request after a silence is out, with no answer yet.
        version: One more with each swap.
    """

    minute: datetime
    taken_weight: int
    sent_at: datetime
    answered_at: datetime | None = None
    is_first_out: bool = False
    version: int = 1


@dataclass(frozen=True)
class Block:
    """A word of the exchange that nothing may be sent before some moment.

    Attributes:
        host: The host it is about; EVERY_HOST when it is about our address.
        status: The HTTP status that said so: 429, 418, 403 or 451.
        until: First moment when something may be sent again, aware UTC.
        reason: What the exchange said, for a reader.
    """

    host: str
    status: int
    until: datetime
    reason: str
