"""What travels between tasks through XCom: references and counts, never rows."""

from typing import TypedDict


class PlanMessage(TypedDict):
    """A fetch plan as it travels through XCom; times are ISO 8601, UTC."""

    symbol: str
    start: str
    end: str
    tick_size: str | None
    clock_offset_ms: int
    unreadable: str


class BatchMessage(TypedDict):
    """Where a batch lies, and what the UI should show of it; no rows."""

    symbol: str
    url: str
    rows: int


class CheckedMessage(BatchMessage):
    """The same batch with what the gate says of it.

    verdict is one line for people; evaluated and met count expectations.
    """

    verdict: str
    refused: bool
    bad_rows: int
    failed: list[str]
    evaluated: int
    met: int
    check_ms: int
