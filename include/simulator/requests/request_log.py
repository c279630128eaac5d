"""The log of requests and their answers: the simulator's own record of a client."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path
from typing import TypedDict

MOST_KEPT = 100_000


class Entry(TypedDict):
    """One request.

    Attributes:
        number: 0 for the first since the start, without a gap.
        at_ms: The server's clock when it came, milliseconds since the epoch.
        client: Address it came from.
        path: Without the query.
        query: As it was sent.
        status: HTTP status of the answer; 0 when there was none.
        used_weight: Of the clock minute, this request included; 0 when none was counted.
    """

    number: int
    at_ms: int
    client: str
    path: str
    query: str
    status: int
    used_weight: int


class RequestLog:
    """The last requests, and all of them in a file if there is one.

    Args:
        file: JSON lines are appended to it; None for no file.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._entries: deque[Entry] = deque(maxlen=MOST_KEPT)
        self._next = 0
        self._lines = file.open("a", encoding="utf-8", buffering=1) if file else None

    def note(  # noqa: PLR0913 - a line of a log has its columns
        self, *, at_ms: int, client: str, path: str, query: str, status: int, used_weight: int
    ) -> None:
        """Add a request that is over."""
        entry = Entry(
            number=self._next,
            at_ms=at_ms,
            client=client,
            path=path,
            query=query,
            status=status,
            used_weight=used_weight,
        )
        self._next += 1
        self._entries.append(entry)
        if self._lines:
            self._lines.write(json.dumps(entry) + "\n")

    def since(self, number: int) -> list[Entry]:
        """Return the requests from a number on, as far as kept, in the order they ended."""
        return [entry for entry in self._entries if entry["number"] >= number]
