"""The messages between tasks through XCom: references and counts, never rows."""

from typing import TypedDict


class LeaveMessage(TypedDict):
    """Reserved weight as it travels through XCom; times are ISO 8601, UTC."""

    minute: str
    send_at: str
    is_first: bool
    spacing_ms: int


class PlanMessage(TypedDict):
    """A fetch plan as it travels through XCom; times are ISO 8601, UTC.

    url is where its batch is to land; due_at, by our clock, when its fetch can begin; leave, the
    weight that is reserved for it, None where it reserves its own.
    """

    symbol: str
    url: str
    due_at: str
    start: str
    end: str
    tick_size: str | None
    clock_offset_ms: int
    unreadable: str
    overlap_minutes: int
    leave: LeaveMessage | None


class CheckedMessage(TypedDict):
    """Where a batch is stored, and the gate's verdict on it; no rows.

    rows counts them; verdict is one line for people; evaluated and met count expectations. start,
    end and fetched_at, ISO 8601, say which results of the gate are about it; each is empty where
    the batch cannot be read.
    """

    symbol: str
    url: str
    rows: int
    verdict: str
    refused: bool
    bad_rows: int
    failed: list[str]
    evaluated: int
    met: int
    check_ms: int
    start: str
    end: str
    fetched_at: str


class DayMessage(TypedDict):
    """One symbol's day of an order."""

    symbol: str
    day: str
    source: str
    force: bool
    symbols: list[str]


class DoneMessage(TypedDict):
    """The outcome of that day; counts for people."""

    symbol: str
    day: str
    state: str
    revisions: int
    gaps: int
    quarantined: int
    missing: str


class AuditMessage(TypedDict):
    """The days of one symbol to audit, YYYY-MM-DD, ascending."""

    symbol: str
    days: list[str]


class ReplayMessage(TypedDict):
    """One symbol's part of an order."""

    symbol: str
    action: str
    since: str
    until: str
    expectations: list[str]
    accept: list[str]
    rows: list[str]
    note: str


class NewsMessage(TypedDict):
    """What a run has loaded into the mart.

    hours: the UTC hours touched, YYYY-MM-DDTHH. known_at: when the newest revision that the mart
    then held was published; None for an empty mart. problems: by symbol, why it is not shown.
    """

    hours: list[str]
    known_at: str | None
    problems: dict[str, str]


class UpkeepMessage(TypedDict):
    """What maintain did about one kind; counts of files or rows.

    bytes of files are their lengths; of Airflow's metadata, those of the database. old: what was
    to be removed. is_finished: False where the time was up, and the next run goes on. note: what
    the operator should know; empty without that.
    """

    kind: str
    only_count: bool
    before: int
    before_bytes: int
    old: int
    removed: int
    after: int
    after_bytes: int
    is_finished: bool
    note: str
