"""The forms of the DAGs that are run by hand."""

from enum import StrEnum
from typing import Any

from airflow.sdk import Param

from include.orchestration.defaults import LANDING_DAYS


class Action(StrEnum):
    """What replay_quarantine may do with refused rows."""

    LIST = "list"
    """Only show what is open."""
    REPLAY = "replay"
    """Through the gate again."""
    CLOSE = "close"
    """Leave the rows out for good."""


REPLAY_QUARANTINE: dict[str, Any] = {
    "action": Param(
        Action.LIST.value,
        enum=[action.value for action in Action],
        description="list: only show what is open. replay: through the gate again. "
        "close: leave the rows out for good.",
    ),
    "symbols": Param(
        [], type=["array", "null"], description="A line each; none means all of `symbols`."
    ),
    "since": Param(
        None,
        type=["string", "null"],
        format="date",
        description=f"First day of detection, UTC; {LANDING_DAYS} days back without one.",
    ),
    "until": Param(
        None, type=["string", "null"], format="date", description="Last day; today without one."
    ),
    "expectations": Param(
        [],
        type=["array", "null"],
        description="Only rows that fail one of these, such as expect_prices_to_be_in_order.",
    ),
    "accept": Param(
        [],
        type=["array", "null"],
        description="Store rows that fail no more than these. A note is needed.",
    ),
    "rows": Param(
        [],
        type=["array", "null"],
        description="Only these rows, by the digest that list shows: of several that differ for "
        "one moment at most one is accepted.",
    ),
    "note": Param("", type="string", description="Why; kept with the rows."),
}

BACKFILL_PRICES: dict[str, Any] = {
    "symbols": Param(
        [], type=["array", "null"], description="A line each; none means all of `symbols`."
    ),
    "from": Param(None, type="string", format="date", description="First day, UTC."),
    "to": Param(None, type="string", format="date", description="Last day, UTC; it belongs to it."),
    "source": Param(
        "auto",
        enum=["auto", "archive", "rest"],
        description="auto: the daily archives, and what they lack from the REST API. archive: "
        "they alone. rest: the REST API alone, a hundred requests a day and symbol.",
    ),
    "force": Param(
        False,  # noqa: FBT003 - a default, not a switch
        type="boolean",
        description="Fetch also what is complete; only what differs is published anew.",
    ),
}

AUDIT_PRICES: dict[str, Any] = {
    "from": Param(
        None,
        type=["string", "null"],
        format="date",
        description="First day, UTC; without one the last seven days, and some older ones.",
    ),
    "to": Param(
        None, type=["string", "null"], format="date", description="Last day; yesterday without one."
    ),
}

WATCH_PRICES: dict[str, Any] = {
    "test": Param(
        False,  # noqa: FBT003 - a default, not a switch
        type="boolean",
        description="Check the rules, send one test message by every channel, and judge nothing.",
    ),
}
