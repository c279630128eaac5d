"""The circuit breaker as others see it: until when nothing may be sent to the exchange. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from include.records.request_weight import EVERY_HOST, Block


def closed_until(blocks: Iterable[Block], hosts: Iterable[str], now: datetime) -> datetime | None:
    """Return the first moment at which a request may be sent again; None where one may be now.

    Args:
        blocks: As stored; expired ones count for nothing.
        hosts: Host and port of every address that may be used.
        now: Aware UTC.
    """
    ends: dict[str, datetime] = {}
    for block in blocks:
        if now < block.until:
            ends[block.host] = max(block.until, ends.get(block.host, block.until))
    of_hosts = [ends.get(host, now) for host in hosts]
    until = max(ends.get(EVERY_HOST, now), min(of_hosts, default=now))
    return until if now < until else None
